// Lanes follow what Nacos says of the instances.
import type { CaseOutcome } from '../suite.ts';
import { check, until } from '../until.ts';
import { endClean, GRAY, GRAY_METADATA, HOST, type World } from './world.ts';

/** Who answered, as the demo service says it. */
interface Told {
  readonly name: string;
  readonly tag: string;
}

async function ask(world: World, path: string, headers: Readonly<Record<string, string>>): Promise<Told> {
  const answer = await world.gateway.get(path, headers);
  check(answer.status === 200, `200 for ${path}`, answer);
  return JSON.parse(answer.body) as Told;
}

/** The lane's header decides; the caller's own tag does not. */
export function routesByHeader(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    await stage.instances({ service: 'lanes' }, { service: 'lanes', gray: true });
    for (let i = 0; i < 20; i++) {
      const plain = await ask(world, '/lanes/status', HOST);
      check(plain.name === 'baseline-1' && plain.tag === '', 'baseline without a tag', plain);
      const gray = await ask(world, '/lanes/status', GRAY);
      check(gray.name === 'gray' && gray.tag === 'gray', 'gray with its tag', gray);
      const forged = await ask(world, '/lanes/status', { ...HOST, 'x-mse-tag': 'gray' });
      check(forged.name === 'baseline-1' && forged.tag === '', 'baseline for a tag from outside', forged);
    }
    return { detail: '20 rounds: baseline without header, gray with it, a tag from outside ignored' };
  });
}

/** An instance that turns from baseline to gray changes its lane, and no request is lost. */
export function followsMetadata(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const [stays, turns] = await stage.instances({ service: 'metadata' }, { service: 'metadata' });
    const [plain, gray] = [stage.load('/metadata/a', HOST), stage.load('/metadata/a', GRAY)];
    await Promise.all([stays!.upstream.first(), turns!.upstream.first()]);
    const at = await turns!.register({ metadata: { ...GRAY_METADATA, version: 'v2' } });
    await stage.service('metadata', `${turns!.address} to be gray`, (view) =>
      view.endpoints.some(({ address, lane }) => address === turns!.address && lane === 'gray'),
    );
    const took = Date.now() - at;
    await Promise.all([stays!.upstream.reset(), turns!.upstream.reset()]);
    await until(
      'gray requests at the gray instance',
      () => turns!.upstream.counts(),
      ({ tagged }) => tagged >= 200,
    );
    const requests = (await endClean(plain)) + (await endClean(gray));
    const [atStays, atTurns] = [await stays!.upstream.counts(), await turns!.upstream.counts()];
    check(atTurns.untagged === 0 && atStays.untagged > 0, 'no baseline request at the gray instance', atTurns);
    check(atStays.tagged === 0, 'no gray request at the baseline instance', atStays);
    return {
      detail: `${requests} requests, none failed; each lane only at its own instance`,
      measured: { took_ms: took },
    };
  });
}

/** With the last gray instance gone, baseline serves and the access log says so. */
export function fallsBack(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const [, gray] = await stage.instances({ service: 'fallback' }, { service: 'fallback', gray: true });
    const load = stage.load('/fallback/a', GRAY);
    await gray!.upstream.first();
    await gray!.deregister();
    await stage.unlisted(gray!);
    await gray!.upstream.reset();
    const mark = world.gateway.logMark();
    // Lines that were on their way when the list changed stand before those that matter.
    await until(
      '50 lines of the access log with lane gray, lane_fallback true and 200 and nothing between them',
      async () => (await world.gateway.entries(mark, 'fallback')).slice(-50),
      (last) =>
        last.length === 50 && last.every((it) => it.lane_fallback && it.lane === 'gray' && it.response_code === 200),
    );
    const requests = await endClean(load);
    const late = await gray!.upstream.counts();
    check(late.tagged === 0, 'no request at the gray instance', late);
    return { detail: `${requests} gray requests, none failed; served by baseline with lane_fallback` };
  });
}

/** With nothing but gray instances left, baseline traffic is refused and never reaches them. */
export function keepsBaselineOffGray(world: World): Promise<CaseOutcome> {
  return world.onStage(async (stage) => {
    const [baseline, gray] = await stage.instances({ service: 'gray-only' }, { service: 'gray-only', gray: true });
    const [plain, tagged] = [stage.load('/gray-only/a', HOST), stage.load('/gray-only/a', GRAY)];
    await Promise.all([baseline!.upstream.first(), gray!.upstream.first()]);
    await baseline!.deregister();
    await stage.unlisted(baseline!);
    const refused = await until(
      '503 for baseline',
      () => world.gateway.get('/gray-only/a', HOST),
      ({ status }) => status !== 200,
    );
    const { code } = (JSON.parse(refused.body) as { error: { code: string } }).error;
    check(refused.status === 503 && code === 'SLUICE_UPSTREAM_NO_ENDPOINT', '503 SLUICE_UPSTREAM_NO_ENDPOINT', refused);
    await gray!.upstream.reset();
    await until(
      'gray requests go on',
      () => gray!.upstream.counts(),
      ({ tagged: count }) => count >= 200,
    );
    await baseline!.register();
    await stage.listed(baseline!);
    await baseline!.upstream.reset();
    await baseline!.upstream.first();
    const counts = await gray!.upstream.counts();
    check(counts.untagged === 0, 'no baseline request at the gray instance', counts);
    const report = await plain.stop();
    check(report.non2xx > 0, 'refused baseline requests in the meantime', report);
    const requests = await endClean(tagged);
    return {
      detail: `${report.non2xx} baseline requests refused, none at gray; ${requests} gray requests, none failed`,
    };
  });
}
