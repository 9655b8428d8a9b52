import { Duplex } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { until } from './probes.suite.ts';
import { Tunnel } from './tunnel.ts';

/** A side of a tunnel; one that is stuck takes no byte. */
class Side extends Duplex {
  readonly #stuck: boolean;

  constructor(stuck: boolean) {
    super();
    this.#stuck = stuck;
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    if (!this.#stuck) done();
  }

  setTimeout(): void {}
}

it('does not wait for ever for a service that has ended, takes nothing and has lost its client', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const [client, upstream] = [new Side(false), new Side(true)];
  let closed = 0;
  const tunnel = new Tunnel(client, upstream, 0, { onTunnelClosed: () => void closed++ });
  client.push('the rest');
  client.push(null);
  upstream.push(null);
  await until(() => client.closed);
  expect([upstream.destroyed, tunnel.received, closed]).toEqual([false, 8, 0]);
  vi.advanceTimersByTime(LIMITS.upgradeHalfClosedMs);
  await until(() => closed === 1);
  expect(upstream.destroyed).toBe(true);
});
