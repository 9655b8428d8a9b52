// Every attack over real HTTP, while a tenant that does nothing wrong carries load beside it.
import { setTimeout as sleep } from 'node:timers/promises';
import { judge } from '../reload/goals.ts';
import type { CaseOutcome } from '../suite.ts';
import { check } from '../until.ts';
import { attackWith } from './attack-batch.ts';
import { type CleanSample, cleanFigures, checkUnharmed } from './clean-load.ts';
import { families } from './corpus.ts';
import { Stalls } from './stalls.ts';
import type { SandboxWorld } from './world.ts';

const AT_ONCE = 32;
const WARM_MS = 4_000;
/** Of load without an attack, to compare with. */
const QUIET_MS = 1_000;
/** What the dearest callback takes with the default budget; docs/plugins/sandbox.md says so. */
export const CALLBACK_MS = 25;
/** In the course of so many attacks code is compiled, and caches and pools fill up; a second time all that is there. */
const HEAP_BOUND_MIB = 20;
const RSS_BOUND_MIB = 300;
/** Memory that is touched for the first time is made page by page, on a virtual machine at the pace of its host. */
const WORK_SLACK = 10;
const RSS_BOUND_AGAIN_MIB = 150;
const SETTLE_LIMIT_MS = 20_000;

interface Memory {
  readonly heaps: Readonly<Record<string, number>>;
  readonly rss: number;
}

/** What has been seen while all attacks were carried out. */
class Round {
  attacks = 0;
  exchanges = 0;
  rssMost = 0;
  readonly problems: string[] = [];
  /** Of the clean tenant: beside attacks, and in between without. */
  readonly beside: CleanSample[] = [];
  readonly quiet: CleanSample[] = [];
}

export async function bearsAttacks(world: SandboxWorld): Promise<CaseOutcome> {
  // Until code is compiled and caches are filled.
  await sleep(WARM_MS);
  const before = await world.memory();
  const stalls = new Stalls(world);
  const first = await attackAll(world, stalls);
  const once = await settledMemory(world, before);
  const second = await attackAll(world, stalls);
  const after = await settledMemory(world, before);
  const [beside, quiet] = [
    [...first.beside, ...second.beside],
    [...first.quiet, ...second.quiet],
  ];
  const newTenantsWorkMs = stalls.newTenantsMs;
  const figures = { newTenantsWorkMs, ...timesOf(beside, quiet), ...memoryOf(before, once, after) };
  const measured = {
    attacks: first.attacks,
    exchanges: first.exchanges + second.exchanges,
    rssMiBMost: second.rssMost,
    ...figures,
  };
  checkUnharmed([...beside, ...quiet], stalls.worst());
  await world.checkWorkers();
  const problems = [...first.problems, ...second.problems];
  check(problems.length === 0, 'every attack to end as it may', problems.slice(0, 20).join('\n'));
  checkMemory(measured);
  return {
    detail: `${first.attacks} attacks, no failed request of the clean tenant; ${judgeTimes(measured, stalls)}`,
    measured,
  };
}

/** After each family a while without an attack: the machine may be another one by then. */
async function attackAll(world: SandboxWorld, stalls: Stalls): Promise<Round> {
  const round = new Round();
  for (const family of Object.values(families)) {
    await world.load.take();
    for (let from = 0; from < family.length; from += AT_ONCE) {
      const batch = family.slice(from, from + AT_ONCE);
      const { exchanges, problems } = await attackWith(world, batch, stalls);
      round.attacks += batch.length;
      round.exchanges += exchanges;
      round.problems.push(...problems);
    }
    round.beside.push(await world.load.take());
    round.rssMost = Math.max(round.rssMost, (await world.memory()).rss);
    await world.load.take();
    await sleep(QUIET_MS);
    round.quiet.push(await world.load.take());
  }
  return round;
}

/** What has been promised to exchanges that are over is kept for some seconds, and is collected a little later. */
async function settledMemory(world: SandboxWorld, before: Memory): Promise<Memory> {
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  for (;;) {
    await sleep(1_000);
    const memory = await world.memory();
    if (heapGrowth(before, memory) < HEAP_BOUND_MIB / 2 || performance.now() > deadline) return memory;
  }
}

function heapGrowth(before: Memory, after: Memory): number {
  return Math.max(...Object.entries(after.heaps).map(([thread, heap]) => heap - before.heaps[thread]!));
}

function timesOf(beside: readonly CleanSample[], quiet: readonly CleanSample[]) {
  const [clean, alone] = [cleanFigures(beside), cleanFigures(quiet)];
  const ms = (value: number): number => Number(value.toFixed(1));
  return {
    cleanRequests: clean.requests,
    quietP50Ms: ms(alone.p50),
    quietP99Ms: ms(alone.p99),
    p50Ms: ms(clean.p50),
    p99Ms: ms(clean.p99),
    longestMs: ms(clean.longest),
  };
}

/** @param once after all attacks @param after when they have been carried out again */
function memoryOf(before: Memory, once: Memory, after: Memory) {
  return {
    heapGrowthMiB: Number(heapGrowth(before, after).toFixed(1)),
    rssMiBBefore: before.rss,
    rssMiBAfterOnce: once.rss,
    rssMiBAfter: after.rss,
  };
}

function checkMemory(measured: ReturnType<typeof memoryOf>): void {
  const { heapGrowthMiB, rssMiBBefore, rssMiBAfterOnce, rssMiBAfter } = measured;
  check(heapGrowthMiB < HEAP_BOUND_MIB, `no heap to grow by ${HEAP_BOUND_MIB} MiB`, measured);
  check(rssMiBAfter - rssMiBBefore < RSS_BOUND_MIB, `memory to grow by less than ${RSS_BOUND_MIB} MiB`, measured);
  const again = rssMiBAfter - rssMiBAfterOnce;
  check(again < RSS_BOUND_AGAIN_MIB, `and by less than ${RSS_BOUND_AGAIN_MIB} MiB the second time`, measured);
}

function judgeTimes({ quietP99Ms, p99Ms }: ReturnType<typeof timesOf>, stalls: Stalls): string {
  const most = Math.round(2 * quietP99Ms + CALLBACK_MS);
  const p99 = judge({ what: 'its p99', most, unit: 'ms' }, p99Ms);
  const { name, workMs } = stalls.worst()[0]!;
  const work = judge(
    { what: `longest work of a loop (${name})`, most: 2 * CALLBACK_MS, unit: 'ms' },
    workMs,
    WORK_SLACK,
  );
  return `${p99}; ${work}`;
}
