// Threads of workers are ended in the midst of their work.
import { total } from '../figures.ts';
import { failuresOf } from '../load.ts';
import type { CaseOutcome } from '../suite.ts';
import { check, until } from '../until.ts';
import { ClientLoad } from './client-load.ts';
import { MARKED_PATH, type ReloadWorld, STEADY, STEADY_PATH, WORKERS } from './world.ts';

/** Fewer than five of each worker, after which the gateway would give up. */
const KILLS = 6;
const CONNECTIONS = 16;
const CLIENTS = 8;
const RETURN_LIMIT_MS = 30_000;

export async function survivesKills(world: ReloadWorld): Promise<CaseOutcome> {
  const load = world.load({ connections: CONNECTIONS, delayMs: 0 });
  const target = { port: world.ports.http };
  const clients = new ClientLoad({
    target: () => target,
    clients: CLIENTS,
    host: STEADY,
    path: MARKED_PATH,
    pauseMs: 5,
  });
  let inFlight = 0;
  let returnMs = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await bothServe(world);
    const served = await requestsOf(world);
    const worker = kill % WORKERS;
    const connections = (await world.probe.connections())[worker]!.size;
    const start = performance.now();
    world.probe.end(worker);
    inFlight += connections;
    await until(
      'the worker to be replaced',
      () => endsOf(world, worker),
      (ends) => ends > Math.floor(kill / WORKERS),
    );
    await until(
      'it to serve again',
      () => statesOf(world),
      (states) => states.every((it) => it === 'serving'),
      RETURN_LIMIT_MS,
    );
    returnMs = Math.max(returnMs, performance.now() - start);
    const now = await requestsOf(world);
    check(now > served, `counts beyond ${served}, which were there before the kill`, now);
  }
  await bothServe(world);
  const [wrk, own] = [await load.stop(), await clients.stop()];
  const failed = failuresOf(wrk) + own.failed;
  const measured = {
    kills: KILLS,
    requests: wrk.requests + own.requests,
    inFlight,
    failed,
    slowestReturnMs: Math.round(returnMs),
  };
  check(failed <= inFlight, `at most ${inFlight} failed requests`, { ...measured, wrk, own });
  check(wrk.non2xx + wrk.timeouts + wrk.connectErrors === 0, 'none but those that were cut off', wrk);
  return { detail: `${failed} failed of at most ${inFlight} in flight on the workers that were ended`, measured };
}

/** New connections reach every worker. */
async function bothServe(world: ReloadWorld): Promise<void> {
  (await world.witness()).close();
}

async function statesOf(world: ReloadWorld): Promise<readonly string[]> {
  return (await world.workers()).map(({ state }) => state);
}

async function endsOf(world: ReloadWorld, worker: number): Promise<number> {
  const { restarts } = (await world.workers())[worker]!;
  return Object.values(restarts).reduce((sum, count) => sum + count, 0);
}

/** Of the steady tenant, over all workers there have been. */
async function requestsOf(world: ReloadWorld): Promise<number> {
  const { body } = await world.gateway.admin('/metrics');
  return total(body, 'sluice_requests_total', `tenant="steady",route="${STEADY_PATH.slice(1)}"`);
}
