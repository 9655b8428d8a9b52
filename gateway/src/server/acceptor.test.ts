import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../core/log.ts';
import { type MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import { until } from '../exchange/probes.suite.ts';
import { Acceptor, type AcceptorLimits } from './acceptor.ts';
import { RawClient, testSlots } from './listener.suite.ts';

describe('Acceptor', () => {
  let acceptor: Acceptor;
  let taken: Socket[];
  let metrics: MetricSlots;
  const clients: RawClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    acceptor.destroyAll();
    await acceptor.stop();
  });

  async function start(limits: Partial<AcceptorLimits> = {}): Promise<void> {
    taken = [];
    metrics = testSlots();
    acceptor = new Acceptor(
      {
        name: 'a',
        address: '127.0.0.1',
        port: 0,
        reusePort: false,
        allowHalfOpen: true,
        limits: { connections: 100, connectionsPerAddress: 0, ...limits },
        metrics,
        log: silentLog,
      },
      (socket) => taken.push(socket),
    );
    await acceptor.open();
  }

  const refused = (): number => metrics.get(WORKER_SLOTS.connectionsRefused);

  /** Connects clients one after the other. Which of them were closed at once? */
  async function connect(count: number): Promise<boolean[]> {
    const closed: boolean[] = [];
    for (let i = 0; i < count; i++) {
      const [before, dropped] = [taken.length, refused()];
      const client = new RawClient(acceptor.port);
      clients.push(client);
      await until(() => taken.length > before || (refused() > dropped && client.closed));
      closed.push(client.closed);
    }
    return closed;
  }

  it('counts connections, and gives room when they close', async () => {
    await start({ connections: 2 });
    expect(await connect(3)).toEqual([false, false, true]);
    expect([acceptor.sockets.size, refused()]).toEqual([2, 1]);
    clients[0]!.socket.destroy();
    taken[0]!.destroy();
    await until(() => acceptor.sockets.size === 1);
    expect(await connect(2)).toEqual([false, true]);
    expect(refused()).toBe(2);
  });

  it('counts those of one address', async () => {
    await start({ connectionsPerAddress: 2 });
    expect(await connect(3)).toEqual([false, false, true]);
    taken[1]!.destroy();
    await until(() => acceptor.sockets.size === 1);
    expect(await connect(2)).toEqual([false, true]);
    acceptor.setLimits({ connections: 100, connectionsPerAddress: 0 });
    expect(await connect(2)).toEqual([false, false]);
    acceptor.setLimits({ connections: 100, connectionsPerAddress: 4 });
    expect(await connect(1)).toEqual([true]);
  });

  it('takes nobody, and then everybody again, when told to', async () => {
    await start();
    await connect(1);
    acceptor.setAccepting(false);
    expect(await connect(2)).toEqual([true, true]);
    expect(clients[0]!.closed).toBe(false);
    acceptor.setLimits({ connections: 50, connectionsPerAddress: 0 });
    expect(await connect(1)).toEqual([true]);
    acceptor.setAccepting(true);
    expect(await connect(1)).toEqual([false]);
  });

  it('stops when the last connection has closed', async () => {
    await start();
    await connect(2);
    let stopped = false;
    const stopping = acceptor.stop().then(() => {
      stopped = true;
    });
    expect(acceptor.stop()).toBe(acceptor.stop());
    taken[0]!.destroy();
    await until(() => acceptor.sockets.size === 1);
    expect(stopped).toBe(false);
    taken[1]!.destroy();
    await stopping;
  });
});
