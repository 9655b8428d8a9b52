// A listener moves to another port and back while clients are connected.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CaseOutcome } from '../suite.ts';
import { check, until } from '../until.ts';
import { ClientLoad } from './client-load.ts';
import { freePort } from './files.ts';
import { type ReloadWorld, STEADY, STEADY_PATH, unharmed } from './world.ts';

const MOVES = 6;
const CLIENTS = 16;
/** Between two moves. */
const STAY_MS = 500;

/**
 * Clients keep their connection until an answer says `Connection: close` or it is closed between two requests, and go to
 * the new port then. A request that meets that closing, of which nothing has come back, is repeated once, as RFC 9110
 * (9.2.2) lets every client do with a GET; whatever else has no answer has failed.
 */
export async function movesListener(world: ReloadWorld): Promise<CaseOutcome> {
  const others = world.load({ port: world.ports.https, tls: true, connections: 8, delayMs: 10 });
  let { http } = world.ports;
  const away = await freePort();
  const clients = new ClientLoad({
    target: () => ({ port: http }),
    clients: CLIENTS,
    host: STEADY,
    path: STEADY_PATH,
    pauseMs: 2,
    repeats: true,
  });
  await until(
    'all clients to be connected',
    () => clients.counts(),
    ({ requests }) => requests >= 4 * CLIENTS,
  );
  let told = 0;
  for (let move = 0; move < MOVES; move++) {
    const former = http;
    http = move % 2 === 0 ? away : world.ports.http;
    const { connections } = clients.counts();
    world.moveListeners({ ...world.ports, http });
    await until(
      'all clients to have moved',
      () => clients.counts().connections - connections,
      (moved) => moved >= CLIENTS,
    );
    await until(
      'the former port to be closed',
      () => isOpen(former),
      (open) => !open,
    );
    const counts = clients.counts();
    check(counts.connections === CLIENTS * (move + 2), 'one new connection of each client', counts);
    told = counts.toldToClose;
    await sleep(STAY_MS);
  }
  const counts = await clients.stop();
  check(counts.failed === 0, 'no failed request of clients that move', counts);
  const { requests } = await unharmed('the listener that stays', others);
  const measured = {
    moves: MOVES,
    requests: counts.requests,
    toldToClose: told,
    repeated: counts.repeated,
    requestsElsewhere: requests,
  };
  return { detail: 'no failed request, there and on the listener that stays', measured };
}

async function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  const open = await promise;
  socket.destroy();
  return open;
}
