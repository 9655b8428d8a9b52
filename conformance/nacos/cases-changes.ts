// What happens to requests while instances come, go and change.
import { setTimeout as sleep } from 'node:timers/promises';
import type { CaseOutcome, Measured } from '../suite.ts';
import { check, until } from '../until.ts';
import { failuresOf } from '../load.ts';
import { endClean, HOST, type Instance, type Stage, type World } from './world.ts';

/** An instance that gets no request for this long, and is not listed, gets none any more. */
const QUIET_MS = 300;
const LATENCY_LIMIT_MS = 800;

/** Time from each registration to the first request, from each deregistration to the last one. */
export function takesEffectInTime(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    await stage.instances({ service: 'latency' });
    const moving = await stage.instance({ service: 'latency', registered: false });
    const load = stage.load('/latency/a', HOST);
    const [toFirst, toLast]: [number[], number[]] = [[], []];
    for (let i = 0; i < world.options.extent.repetitions; i++) {
      const late = await moving.upstream.reset();
      check(i === 0 || late.untagged === 0, 'no request after the last one', late);
      const registeredAt = await moving.register();
      toFirst.push((await moving.upstream.first()) - registeredAt);
      const deregisteredAt = await moving.deregister();
      toLast.push((await lastRequest(stage, moving)) - deregisteredAt);
      await moving.upstream.reset();
    }
    const requests = await endClean(load);
    const measured = { ...spread('to_first', toFirst), ...spread('to_last', toLast) };
    check(
      measured['to_first_p99_ms']! < LATENCY_LIMIT_MS,
      `p99 to the first request < ${LATENCY_LIMIT_MS} ms`,
      measured,
    );
    check(measured['to_last_p99_ms']! < LATENCY_LIMIT_MS, `p99 to the last request < ${LATENCY_LIMIT_MS} ms`, measured);
    return { detail: `${toFirst.length} times each, ${requests} requests meanwhile, none failed`, measured };
  });
}

async function lastRequest(stage: Stage, instance: Instance): Promise<number> {
  await stage.unlisted(instance);
  const { lastAt } = await until(
    `no request at ${instance.address} for ${QUIET_MS} ms`,
    () => instance.upstream.counts(),
    (counts) => Date.now() - counts.lastAt >= QUIET_MS,
  );
  return lastAt;
}

/** Nearest rank: with fewer than 100 values p99 is the largest. */
function spread(name: string, values: readonly number[]): Measured {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { [`${name}_p50_ms`]: rank(0.5), [`${name}_p99_ms`]: rank(0.99), [`${name}_max_ms`]: rank(1) };
}

/** Deregister, serve on for a while, stop: as a careful provider does it. At full speed. */
export function losesNothingInOrder(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const [, leaves] = await stage.instances({ service: 'orderly' }, { service: 'orderly' });
    const load = stage.load('/orderly/a', HOST, { connections: 16, delayMs: 0 });
    for (let round = 0; round < 3; round++) {
      await leaves!.upstream.first();
      await leaves!.deregister();
      await sleep(world.options.extent.lingerMs);
      await leaves!.upstream.stop();
      await leaves!.revive(leaves!.provider);
      await leaves!.register();
    }
    await leaves!.upstream.first();
    const requests = await endClean(load);
    return {
      detail: `3 rounds of deregister, stop ${world.options.extent.lingerMs} ms later, start again; ${requests} requests, none failed`,
    };
  });
}

/** kill -9 of provider and upstream at once: what is lost is what was in flight, and nothing where the route repeats it. */
export function survivesKill(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const connections = 8;
    const [, victim] = await stage.instances({ service: 'kill' }, { service: 'kill' });
    const mark = world.gateway.logMark();
    const plain = stage.load('/kill/a', HOST, { connections });
    const safe = stage.load('/kill-safe/a', HOST, { connections });
    await victim!.upstream.first();
    await sleep(200); // let both loads spread over their connections
    const killedAt = Date.now();
    await victim!.kill();
    await stage.unlisted(victim!);
    const removed = Date.now() - killedAt;
    await victim!.revive(world.provider());
    const backAt = await victim!.register();
    const back = (await victim!.upstream.first()) - backAt;
    const report = await plain.stop();
    const requests = (await endClean(safe)) + report.requests;
    const lost = failuresOf(report);
    check(lost <= connections, `no more lost than the ${connections} requests that were in flight`, report);
    const entries = await world.gateway.entries(mark, 'kill');
    const failed = entries.filter(({ response_code }) => response_code >= 500);
    const others = failed.filter((entry) => entry.response_code_details !== 'SLUICE_UPSTREAM_RESET');
    check(others.length === 0, 'only requests in flight fail (SLUICE_UPSTREAM_RESET)', others[0]);
    const again = entries.filter((entry) => entry.upstream_request_attempt_count > 1).length;
    return {
      detail: `${requests} requests; ${lost} in flight lost, none where the route repeats reset-before-response`,
      measured: { lost, repeated_elsewhere: again, removed_ms: removed, back_after_registration_ms: back },
    };
  });
}

/** Traffic follows weights, whoever changes them. */
export function followsWeights(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const [light, heavy] = await stage.instances({ service: 'weight' }, { service: 'weight' });
    const load = stage.load('/weight/a', HOST);
    const share = (): Promise<number> => shareOf(heavy!, light!, world.options.extent.samples);
    const measured: Record<string, number> = { equal: await share() };
    await heavy!.register({ weight: 3 });
    await weighs(stage, heavy!, 3);
    measured['three_to_one'] = await share();
    await world.nacos.edit({ ...heavy!.registration, weight: 0.25 });
    await weighs(stage, heavy!, 0.25);
    measured['one_to_four'] = await share();
    await world.nacos.edit({ ...heavy!.registration, weight: 0 });
    await weighs(stage, heavy!, 0);
    measured['zero'] = await share();
    const requests = await endClean(load);
    const wanted = { equal: 0.5, three_to_one: 0.75, one_to_four: 0.2, zero: 0 };
    const off = Object.entries(wanted).filter(([name, share]) => Math.abs(measured[name]! - share) > 0.02);
    check(off.length === 0, `shares within 0.02 of ${JSON.stringify(wanted)}`, measured);
    return { detail: `${requests} requests, none failed; share of the heavier instance`, measured };
  });
}

function weighs(stage: Stage, instance: Instance, weight: number): Promise<unknown> {
  return stage.service('weight', `${instance.address} to weigh ${weight}`, (view) =>
    view.endpoints.some((endpoint) => endpoint.address === instance.address && endpoint.weight === weight),
  );
}

/** Share of `one` in the next requests. */
async function shareOf(one: Instance, other: Instance, samples: number): Promise<number> {
  const count = async (ask: 'counts' | 'reset'): Promise<[number, number]> => {
    const [a, b] = await Promise.all([one.upstream[ask](), other.upstream[ask]()]);
    return [a.untagged, b.untagged];
  };
  // The worker has a list a moment after the admin API shows it.
  await sleep(50);
  await count('reset');
  const [a, b] = await until(
    `${samples} requests`,
    () => count('counts'),
    (seen) => seen[0] + seen[1] >= samples,
  );
  return Math.round((a / (a + b)) * 1000) / 1000;
}

/** Taken offline in the console and online again. */
export function followsTheConsole(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const [, toggled] = await stage.instances({ service: 'console' }, { service: 'console' });
    const load = stage.load('/console/a', HOST);
    await toggled!.upstream.first();
    await world.nacos.edit({ ...toggled!.registration, enabled: false });
    await lastRequest(stage, toggled!);
    const { untagged } = await toggled!.upstream.reset();
    await world.nacos.edit({ ...toggled!.registration, enabled: true });
    await toggled!.upstream.first();
    const requests = await endClean(load);
    return { detail: `${requests} requests, none failed; ${untagged} at the instance before it went offline` };
  });
}
