// Attacks over real HTTP, one after the other, and what has become of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attack, POLICIES, type Policy, type Seen } from './attack.ts';
import { askHostile } from './hostile-client.ts';
import { type FailureLine, judgeAttack } from './judge.ts';
import { NEW_TENANTS, type Stalls } from './stalls.ts';
import type { Refusals, SandboxWorld } from './world.ts';
import { hostOf } from './world-files.ts';

export interface BatchOutcome {
  readonly exchanges: number;
  /** What should not have been, in words. */
  readonly problems: readonly string[];
}

/** Lines of the process log may come so much later than an answer. */
const LOG_LOOKS = 50;
const LOG_LOOK_MS = 20;

/** Gives each attack a tenant of its own, carries them out, and takes the tenants away. */
export async function attackWith(world: SandboxWorld, batch: readonly Attack[], stalls: Stalls): Promise<BatchOutcome> {
  await stalls.skip();
  await world.add(batch);
  await stalls.note(NEW_TENANTS);
  const seen: Record<Policy, Seen[]>[] = [];
  for (const attack of batch) {
    seen.push(await carryOut(world, attack));
    await stalls.note(attack.name);
  }
  const [refusals, traps] = [await world.refusals(), await world.traps()];
  const failures = await failuresOf(world, batch);
  const problems: string[] = [];
  for (const [index, attack] of batch.entries()) {
    for (const policy of POLICIES) {
      const sighting = {
        refusal: refusalOf(attack, refusals),
        answers: seen[index]![policy],
        traps: traps[attack.name] ?? {},
        failures: failures.filter(({ plugin }) => plugin === attack.name),
      };
      try {
        judgeAttack(attack, policy, sighting);
      } catch (error) {
        problems.push(String(error));
      }
    }
  }
  await world.remove(batch);
  return { exchanges: seen.reduce((sum, { closed, open }) => sum + closed.length + open.length, 0), problems };
}

/** A module that is not taken is told of by its entry of the catalogue, one that does not start by its tenant. */
function refusalOf({ name, expect }: Attack, { modules, tenants }: Refusals): string {
  const [module = '', tenant = ''] = [modules[name], tenants[name]];
  if (expect.refusal === undefined) return module || tenant;
  return expect.refusal.code === 'SLUICE_PLUGIN_START_FAILED' ? tenant : module;
}

async function carryOut(world: SandboxWorld, attack: Attack): Promise<Record<Policy, Seen[]>> {
  const { name, exchanges = 2, lastsMs = 0, expect } = attack;
  await sleep(lastsMs);
  const seen: Record<Policy, Seen[]> = { closed: [], open: [] };
  // Nobody serves the tenant of a plugin that does not start.
  if (expect.closed.length === 0) return seen;
  for (const policy of POLICIES) {
    for (let left = exchanges; left > 0; left--) {
      seen[policy].push(await askHostile(world.gateway.port, hostOf(name), `/${policy}`));
    }
  }
  return seen;
}

async function failuresOf(world: SandboxWorld, batch: readonly Attack[]): Promise<FailureLine[]> {
  const failures: FailureLine[] = [];
  const missing = ({ name, expect: { crash } }: Attack): boolean =>
    crash !== undefined && crash.atItsEnd !== true && !failures.some(({ plugin }) => plugin === name);
  for (let looks = 0; looks < LOG_LOOKS; looks++) {
    failures.push(...world.newFailures());
    if (!batch.some(missing)) break;
    await sleep(LOG_LOOK_MS);
  }
  return failures;
}
