// One tenant asks as fast as it can for what takes nearly all that a callback may take.
import { setTimeout as sleep } from 'node:timers/promises';
import { rounded } from '../figures.ts';
import { judge } from '../reload/goals.ts';
import type { CaseOutcome } from '../suite.ts';
import { check } from '../until.ts';
import type { Seen } from './attack.ts';
import { NEARLY_ALL } from './attacks/loops.ts';
import { CALLBACK_MS } from './case-corpus.ts';
import { checkUnharmed, cleanFigures } from './clean-load.ts';
import { corpus } from './corpus.ts';
import { askHostile } from './hostile-client.ts';
import type { SandboxWorld } from './world.ts';
import { hostOf, WORKERS } from './world-files.ts';

const FLOOD_MS = 8_000;
const QUIET_MS = 5_000;
/** So many requests of a worker may be before one of the clean tenant. */
const CONNECTIONS = 4 * WORKERS;
/** What an exchange over the tenant's share is told. */
const SHARE_USED_UP = 'SLUICE_PLUGIN_CPU_EXHAUSTED';

export async function sharesItsTime(world: SandboxWorld): Promise<CaseOutcome> {
  const attack = corpus.find(({ name }) => name === NEARLY_ALL)!;
  await world.add([attack]);
  await world.load.take();
  await sleep(QUIET_MS);
  const before = await world.load.take();
  const seen = await flood(world);
  const during = await world.load.take();
  checkUnharmed([before, during]);
  const [quiet, clean] = [cleanFigures([before]), cleanFigures([during])];
  await world.remove([attack]);
  await world.checkWorkers();
  const { 200: served = 0, [SHARE_USED_UP]: refused = 0, ...others } = seen;
  check(Object.keys(others).length === 0, `only 200 and ${SHARE_USED_UP} for the tenant that floods`, seen);
  check(served > 0 && refused > 0, 'a tenant to get its share and no more', seen);
  const most = Math.round(2 * quiet.p99 + (CONNECTIONS / WORKERS) * CALLBACK_MS);
  const said = judge({ what: 'p99 of the clean tenant', most, unit: 'ms' }, clean.p99);
  const measured = {
    served,
    refused,
    cleanRequests: clean.requests,
    ...rounded({ quietP99Ms: quiet.p99, p50Ms: clean.p50, p99Ms: clean.p99, longestMs: clean.longest }, 1),
  };
  return { detail: `no failed request of the clean tenant; ${said}`, measured };
}

/** Resolves to how often what was seen. */
async function flood(world: SandboxWorld): Promise<Record<Seen, number>> {
  const seen: Record<Seen, number> = {};
  const deadline = performance.now() + FLOOD_MS;
  const client = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const answer = await askHostile(world.gateway.port, hostOf(NEARLY_ALL), '/closed');
      seen[answer] = (seen[answer] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return seen;
}
