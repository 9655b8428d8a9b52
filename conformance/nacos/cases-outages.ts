// Nacos comes late, goes away, comes back.
import { setTimeout as sleep } from 'node:timers/promises';
import { type GatewayUnderTest, startGateway } from '../gateway.ts';
import type { CaseOutcome } from '../suite.ts';
import { check, until } from '../until.ts';
import { endClean, filesFor, GRAY, HOST, tenantFile, type World } from './world.ts';

/** Ready means that the registry has answered: whoever asks then is served. */
export function isReadyWithTheFirstAnswers(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    await stage.instances({ service: 'ready' }, { service: 'ready', gray: true });
    const files = filesFor(world.nacos.address, { home: tenantFile('home', ['ready']) });
    const gateway = await startGateway(world.directory('ready'), files, false);
    try {
      const reasons = new Set<string>();
      await until(
        'readiness',
        () => gateway.admin('/readyz'),
        ({ status, body }) => {
          for (const { part } of (JSON.parse(body) as { reasons: { part: string }[] }).reasons) reasons.add(part);
          return status === 200;
        },
      );
      for (const headers of [HOST, GRAY]) {
        const answer = await gateway.get('/ready/a', headers);
        check(answer.status === 200, 'the first request after readiness to be served', answer);
      }
      return {
        detail: `not ready for want of ${[...reasons].join(', ') || 'nothing'}, then ready and serving both lanes`,
      };
    } finally {
      await gateway.stop();
    }
  });
}

/** The registry dies under load and comes back empty; its providers return one by one. */
export function survivesAnOutage(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const all = await stage.instances({ service: 'outage' }, { service: 'outage' }, { service: 'outage', gray: true });
    const loads = [stage.load('/outage/a', HOST), stage.load('/outage/a', GRAY)];
    await Promise.all(all.map((instance) => instance.upstream.first()));
    await world.nacos.down();
    await stage.service('outage', 'the service to be stale', ({ state }) => state === 'stale');
    await sleep(world.options.extent.outageMs);
    await Promise.all(all.map((instance) => instance.upstream.reset()));
    await Promise.all(all.map((instance) => instance.upstream.first()));
    await world.nacos.up();
    const upAt = performance.now();
    const fresh = await stage.service(
      'outage',
      'all instances, fresh',
      ({ state, endpoints }) => state === 'fresh' && endpoints.length === all.length,
      60_000,
    );
    const took = Math.round(performance.now() - upAt);
    await Promise.all(all.map((instance) => instance.upstream.reset()));
    await Promise.all(all.map((instance) => instance.upstream.first()));
    const requests = (await endClean(loads[0]!)) + (await endClean(loads[1]!));
    // Whether the new connection is a live one, only a change can tell.
    await all[0]!.deregister();
    await stage.unlisted(all[0]!);
    return {
      detail: `${requests} requests, none failed; stale without Nacos, fresh again with ${fresh.endpoints.length} instances`,
      measured: { fresh_after_restart_ms: took },
    };
  });
}

/** A gateway that starts before its registry waits for it. */
export function waitsForNacos(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const [instance] = await stage.instances({ service: 'late' });
    await world.nacos.down();
    let gateway: GatewayUnderTest | undefined;
    try {
      const files = filesFor(world.nacos.address, { home: tenantFile('home', ['late']) });
      gateway = await startGateway(world.directory('late'), files);
      await checkNotReady(gateway, 'late');
      await world.nacos.up();
      await until(
        'readiness',
        () => gateway!.ready(),
        (ready) => ready,
        60_000,
      );
      await until(
        'the service to be served',
        () => gateway!.get('/late/a', HOST),
        ({ status }) => status === 200,
        60_000,
      );
      await instance!.upstream.first();
      return { detail: 'not ready and 503 without Nacos, ready and serving when it came up' };
    } finally {
      await gateway?.stop();
      await world.nacos.up();
    }
  });
}

/** Alive, not ready because of discovery, and refusing requests for the service with the right code. */
export async function checkNotReady(gateway: GatewayUnderTest, service: string): Promise<void> {
  const registry = await until(
    'the registry to name its trouble',
    async () => (await gateway.services()).registries.find(({ registry }) => registry === 'nacos'),
    (seen) => seen !== undefined && seen.lastError !== '',
  );
  const ready = await gateway.admin('/readyz');
  check(ready.status === 503 && ready.body.includes('"discovery"'), '503 from /readyz because of discovery', ready);
  const live = await gateway.admin('/healthz');
  check(live.status === 200, '200 from /healthz', live);
  const answer = await gateway.get(`/${service}/a`, HOST);
  const right = answer.status === 503 && answer.body.includes('SLUICE_UPSTREAM_NO_ENDPOINT');
  check(right, '503 SLUICE_UPSTREAM_NO_ENDPOINT', { answer, registry });
  check(gateway.alive, 'the gateway to run', 'it has ended');
}
