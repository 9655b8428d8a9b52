import { describe, expect, it } from 'vitest';
import { BodyBuffer } from './body-buffer.ts';

/** A small generator, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
}

function text(buffer: BodyBuffer): string {
  return buffer.read(0, buffer.length).toString('latin1');
}

describe('a body buffer', () => {
  it.each([1, 2, 3, 4, 5])('does what an array of bytes would do (seed %i)', (seed) => {
    const next = random(seed);
    const buffer = new BodyBuffer(1_000_000);
    const other = new BodyBuffer(1_000_000);
    let expected: number[] = [];
    for (let step = 0; step < 2000; step++) {
      const bytes = Buffer.from(Array.from({ length: next(40) }, () => 97 + next(26)));
      switch (next(6)) {
        case 0:
          if (bytes.length > 0) {
            buffer.lend(bytes);
            expected.push(...bytes);
            buffer.keep();
            bytes.fill(0);
          }
          break;
        case 1:
        case 2: {
          const start = next(expected.length + 10);
          const length = next(30);
          expect(buffer.splice(start, length, bytes)).toBe(true);
          expected.splice(start, length, ...bytes);
          break;
        }
        case 3: {
          const taken = next(50);
          expect(buffer.take(taken).toString('latin1')).toBe(Buffer.from(expected.splice(0, taken)).toString('latin1'));
          break;
        }
        case 4:
          buffer.moveTo(other);
          other.moveTo(buffer);
          break;
        default:
          if (expected.length > 400) {
            expect(buffer.splice(0, 0xffff_ffff, Buffer.alloc(0))).toBe(true);
            expected = [];
          }
      }
      expect(text(buffer)).toBe(Buffer.from(expected).toString('latin1'));
    }
  });

  it('copies no chunk that only passes', () => {
    const chunk = Buffer.from('passing');
    const first = new BodyBuffer(10);
    const second = new BodyBuffer(10);
    first.lend(chunk);
    first.moveTo(second);
    expect(second.read(0, 7).buffer).toBe(chunk.buffer);
    expect([first.length, second.length]).toEqual([0, 7]);
  });

  it('leaves the chunk alone that an edit begins with', () => {
    const chunk = Buffer.from('abcdef');
    const buffer = new BodyBuffer(10);
    buffer.lend(chunk);
    buffer.splice(1, 2, Buffer.from('XY'));
    expect([text(buffer), chunk.toString()]).toEqual(['aXYdef', 'abcdef']);
  });

  it('keeps what stands behind an edit that makes a large chunk shorter', () => {
    const chunk = Buffer.from(Array.from({ length: 9000 }, (_, i) => 97 + (i % 26)));
    const buffer = new BodyBuffer(100_000);
    buffer.lend(chunk);
    buffer.splice(0, 6000, Buffer.from('short'));
    expect(text(buffer)).toBe(`short${chunk.toString('latin1', 6000)}`);
  });

  it('refuses an edit beyond its limit, but none that makes it shorter', () => {
    const buffer = new BodyBuffer(4);
    buffer.lend(Buffer.from('abcdef'));
    expect(buffer.splice(0, 1, Buffer.from('xy'))).toBe(false);
    expect([text(buffer), buffer.overflowed]).toEqual(['abcdef', true]);
    expect(buffer.splice(0, 3, Buffer.from('xyz'))).toBe(true);
    expect(buffer.splice(5, 1, Buffer.alloc(0))).toBe(true);
    expect(text(buffer)).toBe('xyzde');
  });
});
