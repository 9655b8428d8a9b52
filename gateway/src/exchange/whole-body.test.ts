import { expect, it } from 'vitest';
import type { BodyReader } from './body.ts';
import { until } from './probes.suite.ts';
import { WholeBody } from './whole-body.ts';

class Reader implements BodyReader {
  received = '';
  ended = false;
  failed = false;
  onChunk: () => void = () => {};

  onBodyData(chunk: Buffer): void {
    this.received += chunk.toString('latin1');
    this.onChunk();
  }

  onBodyEnd(): void {
    this.ended = true;
  }

  onBodyError(): void {
    this.failed = true;
  }
}

const BYTES = Buffer.alloc(200_000, 'sluice');

it('delivers all of it in a later turn, and says how much it has', async () => {
  const body = new WholeBody(BYTES);
  const reader = new Reader();
  body.read(reader);
  expect([reader.received, body.length, body.completedAt]).toEqual(['', BYTES.length, 0]);
  await until(() => reader.ended);
  expect(reader.received).toBe(BYTES.toString('latin1'));
  expect(body.received).toBe(BYTES.length);
  expect(body.completedAt).toBeGreaterThan(0);
});

it('goes with the pace of its reader', async () => {
  const body = new WholeBody(BYTES);
  const reader = new Reader();
  let chunks = 0;
  reader.onChunk = () => {
    chunks++;
    body.pause();
    setImmediate(() => body.resume());
  };
  body.read(reader);
  await until(() => reader.ended);
  expect([reader.received.length, chunks]).toEqual([BYTES.length, Math.ceil(BYTES.length / 65_536)]);
});

it('delivers nothing after it was stopped', async () => {
  const body = new WholeBody(BYTES);
  const reader = new Reader();
  reader.onChunk = () => body.stop();
  body.read(reader);
  await until(() => reader.received !== '');
  body.resume();
  await new Promise((resolve) => setImmediate(resolve));
  expect([reader.received.length, reader.ended, reader.failed]).toEqual([65_536, false, false]);
});
