import { describe, expect, it } from 'vitest';
import { FrameParser, frameHead } from './grpc-frames.ts';
import { framed } from './grpc.suite.ts';

/** Messages of a stream that is cut into pieces of this size, and how it ended. */
function read(wire: Buffer, piece: number, limit = 1000) {
  const parser = new FrameParser(limit);
  const messages: string[] = [];
  for (let from = 0; from < wire.length && parser.fault === null; from += piece) {
    // A copy, so that nobody relies on what stands behind it.
    const chunk = Buffer.from(wire.subarray(from, from + piece));
    for (let at = 0; at < chunk.length && parser.fault === null; ) {
      at = parser.execute(chunk, at);
      if (parser.message !== null) messages.push(parser.message.toString());
    }
  }
  return { messages, within: parser.within, fault: parser.fault };
}

describe('length-prefixed messages', () => {
  const texts = ['one', '', 'x'.repeat(300), '', '', 'the end'];
  const wire = Buffer.concat(texts.map(framed));

  it('are the same wherever they are cut', () => {
    for (let piece = 1; piece <= wire.length; piece++) {
      expect(read(wire, piece), String(piece)).toEqual({ messages: texts, within: false, fault: null });
    }
  });

  it('that are cut off are known as such', () => {
    const whole = new Set([0, 8, 13, 318, 323, 328, wire.length]);
    for (let end = 0; end <= wire.length; end++) {
      for (const piece of [1, 7, wire.length]) {
        expect(read(wire.subarray(0, end), piece).within, String(end)).toBe(!whole.has(end));
      }
    }
  });

  it.each([1, 3, 5, 400])('with a fault are read no further, in pieces of %d', (piece) => {
    const flagged = (flag: number) => Buffer.concat([framed('a'), Buffer.from([flag, 0, 0, 0, 1, 0x62]), framed('c')]);
    expect(read(flagged(1), piece)).toMatchObject({ messages: ['a'], fault: 'compressed' });
    expect(read(flagged(2), piece)).toMatchObject({ messages: ['a'], fault: 'flag' });
    const large = Buffer.concat([framed('a'), frameHead(301), Buffer.alloc(301)]);
    expect(read(large, piece, 300)).toMatchObject({ messages: ['a'], fault: 'too-large' });
    expect(read(large, piece, 301)).toMatchObject({ messages: ['a', '\0'.repeat(301)], fault: null });
    const huge = Buffer.concat([framed('a'), frameHead(0xffffffff)]);
    expect(read(huge, piece)).toMatchObject({ messages: ['a'], fault: 'too-large' });
  });

  it('tell how much is coming before it is there', () => {
    const parser = new FrameParser(1000);
    parser.execute(frameHead(700).subarray(0, 4), 0);
    expect(parser.announced).toBe(0);
    parser.execute(frameHead(700).subarray(4), 0);
    expect([parser.announced, parser.message]).toEqual([700, null]);
  });
});
