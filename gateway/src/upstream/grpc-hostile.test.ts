import { describe, expect, it, onTestFinished } from 'vitest';
import { clientOf } from './grpc.suite.ts';
import { RawUpstream, seededRandom } from './upstream.suite.ts';

const WAIT = { timeout: 20_000 };

/** A frame of HTTP/2. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const SETTINGS = frame(4, 0, 0, Buffer.alloc(0));
/** `:status: 200`, and `content-type: application/grpc` by its name's number. */
const HEAD = Buffer.concat([Buffer.from([0x88, 0x5f, 16]), Buffer.from('application/grpc')]);

/** Frames of known and unknown types, with anything in them; now and then what makes sense, so that it goes further. */
function nonsense(random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * limit);
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)));
  const one = (): Buffer => {
    const kind = below(5);
    if (kind === 0) return frame(1, 4, 1, HEAD);
    if (kind === 1) return frame(0, 0, 1, Buffer.from([0, 0, 0, 0, below(9), ...bytes(below(9))]));
    if (kind === 2) return frame(below(2), below(64), 1, bytes(below(40)));
    if (kind === 3) return frame(below(14), below(256), below(4), bytes(below(40)));
    return bytes(below(30));
  };
  return Buffer.concat(Array.from({ length: 1 + below(6) }, one));
}

describe('a gRPC call to a server that sends nonsense', () => {
  it.each([1, 2, 3, 4])(
    'ends once, whatever comes, seed %d',
    async (seed) => {
      const random = seededRandom(seed);
      const raw = new RawUpstream((socket, text) => {
        if (text.startsWith('PRI * HTTP/2.0')) socket.write(SETTINGS);
        else socket.write(nonsense(random), () => void (random() < 0.3 && socket.destroy()));
      });
      onTestFinished(() => raw.close());
      const { open } = clientOf(await raw.open());
      for (let round = 0; round < 40; round++) {
        const opened = open();
        opened.call.send(Buffer.from('hello'), true);
        // One that only waits would wait for its deadline.
        const stuck = setTimeout(() => raw.sockets.forEach((socket) => socket.destroy()), 300);
        await expect.poll(() => opened.ends.length, { ...WAIT, interval: 1 }).toBe(1);
        clearTimeout(stuck);
        expect(opened.end?.status).toBeGreaterThan(0);
      }
    },
    60_000,
  );
});
