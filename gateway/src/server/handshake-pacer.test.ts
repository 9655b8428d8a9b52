import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { HandshakePacer } from './handshake-pacer.ts';

class Rig {
  readonly begun: Socket[] = [];
  readonly late: Socket[] = [];
  readonly sockets: Socket[] = [];
  readonly pacer: HandshakePacer;

  constructor(perTurn: number, patienceMs = 60_000) {
    const begin = (socket: Socket): void => void this.begun.push(socket);
    this.pacer = new HandshakePacer(perTurn, patienceMs, begin, (socket) => void this.late.push(socket));
  }

  take(count: number): void {
    for (let i = 0; i < count; i++) {
      const socket = new Socket();
      this.sockets.push(socket);
      this.pacer.take(socket);
    }
  }

  /** So many have begun after each of the next turns. */
  async counts(turns: number): Promise<number[]> {
    const counts = [this.begun.length];
    for (let i = 0; i < turns; i++) {
      await turn();
      counts.push(this.begun.length);
    }
    return counts;
  }
}

it('begins at once what one turn may take, and the rest in the turns that follow, in order', async () => {
  const rig = new Rig(3);
  rig.take(8);
  expect(rig.begun).toEqual(rig.sockets.slice(0, 3));
  const counts = await rig.counts(6);
  expect(counts.at(-1)).toBe(8);
  for (const [index, count] of counts.entries()) expect(count - (counts[index - 1] ?? 0)).toBeLessThanOrEqual(3);
  expect(rig.begun).toEqual(rig.sockets);
});

it('lets nobody overtake those that wait', async () => {
  const rig = new Rig(2);
  rig.take(3);
  await rig.counts(1);
  rig.take(3);
  await rig.counts(6);
  expect(rig.begun).toEqual(rig.sockets);
});

it('passes over connections that have closed meanwhile', async () => {
  const rig = new Rig(1);
  rig.take(4);
  rig.sockets[1]!.destroy();
  rig.sockets[2]!.destroy();
  await rig.counts(4);
  expect(rig.begun).toEqual([rig.sockets[0], rig.sockets[3]]);
  expect(rig.late).toEqual([]);
});

it('gives up those that have waited for too long', async () => {
  const rig = new Rig(1, -1);
  rig.take(3);
  await rig.counts(3);
  expect([rig.begun, rig.late]).toEqual([rig.sockets.slice(0, 1), rig.sockets.slice(1)]);
});

it('closes all that wait', async () => {
  const rig = new Rig(1);
  rig.take(3);
  rig.pacer.clear();
  expect(rig.sockets.map(({ destroyed }) => destroyed)).toEqual([false, true, true]);
  await rig.counts(3);
  expect(rig.begun).toHaveLength(1);
  rig.take(1);
  await rig.counts(2);
  expect(rig.begun).toHaveLength(2);
});

it('turns no event loop that has nothing to do', async () => {
  const rig = new Rig(2);
  rig.take(2);
  await rig.counts(3);
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Immediate').length;
  expect(before).toBe(0);
});
