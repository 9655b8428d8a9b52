import { describe, expect, it } from 'vitest';
import { RespFramer } from './resp-framer.ts';

/** What comes out when the bytes arrive in pieces of so many. */
function framesOf(text: string, step: number, limit = 1000): { frames: (string | null)[]; fine: boolean } {
  const frames: (string | null)[] = [];
  const framer = new RespFramer({ onFrame: (frame) => void frames.push(frame && frame.toString('latin1')) }, limit);
  const bytes = Buffer.from(text, 'latin1');
  let fine = true;
  for (let at = 0; at < bytes.length && fine; at += step) {
    const piece = Buffer.from(bytes.subarray(at, at + step));
    fine = framer.write(piece);
    // The socket's memory is used again.
    piece.fill(0);
  }
  return { frames, fine };
}

const REPLIES = [
  '+OK\r\n',
  '-ERR what\r\n',
  ':0\r\n',
  ':-9223372036854775808\r\n',
  '$0\r\n\r\n',
  '$-1\r\n',
  '*-1\r\n',
  '*0\r\n',
  '$12\r\na\r\nb\r\n+c\r\n:d\r\n',
  '*3\r\n$1\r\na\r\n:5\r\n-ERR inside\r\n',
  '*2\r\n*2\r\n*0\r\n*1\r\n$2\r\n\r\n\r\n*1\r\n*-1\r\n',
  `$300\r\n${'é'.repeat(300)}\r\n`,
];

describe('replies of a Redis server', () => {
  it.each([1, 2, 3, 7, 10_000])('are cut as they are, from pieces of %i bytes', (step) => {
    const { frames, fine } = framesOf(REPLIES.join('') + REPLIES.join(''), step);
    expect(fine).toBe(true);
    expect(frames).toEqual([...REPLIES, ...REPLIES]);
  });

  it('wait for their end', () => {
    for (const reply of REPLIES) expect(framesOf(reply.slice(0, -1), 10_000)).toEqual({ frames: [], fine: true });
  });

  it.each([1, 10_000])('that are too large are told, in their place, from pieces of %i bytes', (step) => {
    const large = `*2\r\n$1100\r\n${'x'.repeat(1100)}\r\n+a\r\n`;
    const line = `+${'y'.repeat(1200)}\r\n`;
    const { frames } = framesOf(`+1\r\n${large}+2\r\n${line}+3\r\n`, step);
    expect(frames).toEqual(['+1\r\n', null, '+2\r\n', null, '+3\r\n']);
  });

  it.each([
    'HTTP/1.1 400 Bad Request\r\n',
    '_\r\n',
    '%1\r\n+a\r\n+b\r\n',
    '>2\r\n+a\r\n+b\r\n',
    '$-2\r\n',
    '*-2\r\n',
    ':1x\r\n',
    ':1-1\r\n',
    '+OK\rx',
    '$99999999999999999999999999\r\n',
    '*9007199254740991\r\n*9007199254740991\r\n',
    '*99999999999999999999999\r\n',
    '\r\n',
  ])('that are none are seen: %j', (text) => {
    for (const step of [1, 10_000])
      expect(framesOf(`+OK\r\n${text}`, step)).toEqual({ frames: ['+OK\r\n'], fine: false });
  });

  it('that promise much take no memory before they keep it', () => {
    const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const { frames, fine } = framesOf('*1000000\r\n$500000000\r\nabc', 1, 1_000_000);
    expect([frames, fine]).toEqual([[], true]);
    expect(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });
});
