// Tenants are added, changed, broken, repaired and deleted while others, and they themselves, are asked on and on.
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile, rounded } from '../figures.ts';
import type { CaseOutcome, Measured } from '../suite.ts';
import { check, until } from '../until.ts';
import type { Answer } from './client.ts';
import { type Edit, type EditKind, Editor, REVISION_PATH } from './editor.ts';
import type { LoopFigures } from './loop-watch.ts';
import { type ReloadWorld, unharmed } from './world.ts';
import type { Witness } from './witness.ts';

const EDITS = 500;
const EDITS_MS = 60_000;
/** Of load without an edit, to compare with. */
const QUIET_MS = 10_000;
const LOOP_GOAL_MS = 10;
/** What a worker's own work may stop its loop for at worst, on any machine. */
const LOOP_BOUND_MS = 100;
const OPTIONS = { kept: 30, passing: 20, routes: 50, largeRoutes: 1_900 };

/** Times from a written file to all workers, by kind of edit, ms. */
type Times = Record<EditKind, number[]>;

export async function takesEdits(world: ReloadWorld): Promise<CaseOutcome> {
  const editor = new Editor(world.files, { ...OPTIONS, upstream: `127.0.0.1:${world.upstream.port}` });
  const witness = await world.witness();
  await Promise.all(editor.standing().map((edit) => awaitLive(world, witness, edit)));
  const steady = world.load({ connections: 16, delayMs: 10 });
  const hosts = editor.keptHosts();
  const edited = world.load({ connections: 8, delayMs: 10, headers: {}, hosts, path: '/area-0/item-0' });
  await world.probe.loops();
  await sleep(QUIET_MS);
  const quiet = worst(await world.probe.loops());
  const times = await makeEdits(world, editor, witness);
  const loops = worst(await world.probe.loops());
  const reports = [await unharmed('the steady route', steady), await unharmed('edited tenants that stay', edited)];
  await Promise.all(editor.standing().map((edit) => awaitLive(world, witness, edit)));
  check(witness.reconnected === 0, 'connections to stay open', witness.reconnected);
  witness.close();
  const all = Object.values(times).flat();
  const measured = {
    edits: all.length,
    ...Object.fromEntries(Object.entries(times).map(([kind, list]) => [kind, list.length])),
    liveP50Ms: Math.round(percentile(all, 0.5)),
    liveP99Ms: Math.round(percentile(all, 0.99)),
    deleteP50Ms: Math.round(percentile(times.delete, 0.5)),
    steadyRequests: reports[0]!.requests,
    editedRequests: reports[1]!.requests,
    ...named('quiet', quiet),
    ...named('edits', loops),
  };
  check(loops.workMax < LOOP_BOUND_MS, `no loop stalled by its own work for ${LOOP_BOUND_MS} ms`, measured);
  return { detail: `0 failed; longest loop stall ${inWords(loops)}, without edits ${inWords(quiet)}`, measured };
}

/** At an even pace; an edit need not be live before the next one of another tenant is made. */
async function makeEdits(world: ReloadWorld, editor: Editor, witness: Witness): Promise<Times> {
  const times: Times = { add: [], change: [], break: [], repair: [], delete: [] };
  const start = performance.now();
  const waiting: Promise<void>[] = [];
  for (let made = 0; made < EDITS; made++) {
    await sleep(Math.max(0, start + (made * EDITS_MS) / EDITS - performance.now()));
    const edit = await until(
      'a tenant whose last edit is live',
      () => editor.edit(),
      (found) => found !== null,
    );
    const live = awaitLive(world, witness, edit!).then((ms) => {
      times[edit!.kind].push(ms);
      editor.done(edit!);
    });
    // Told below, with all others.
    live.catch(() => {});
    waiting.push(live);
  }
  await Promise.all(waiting);
  return times;
}

/** Resolves to the milliseconds until the edit is live in all workers, and told of. */
async function awaitLive(world: ReloadWorld, witness: Witness, edit: Edit): Promise<number> {
  const start = performance.now();
  const { kind, tenant, host, answer, broken } = edit;
  if (broken)
    await until(
      `${tenant} to be stale`,
      () => stateOf(world, tenant),
      (state) => state === 'stale',
    );
  const isLive = ({ status, body }: Answer): boolean =>
    answer === null ? status === 404 : status === 200 && body === answer;
  await witness.live(`${kind} of ${tenant} to be live: ${answer ?? 'gone'}`, host, REVISION_PATH, isLive);
  return performance.now() - start;
}

async function stateOf(world: ReloadWorld, tenant: string): Promise<string> {
  const { body } = await world.gateway.admin('/api/tenants');
  const { tenants } = JSON.parse(body) as { tenants: { tenant: string; state: string }[] };
  return tenants.find((it) => it.tenant === tenant)?.state ?? 'none';
}

/** Of all workers. */
function worst(workers: Readonly<Record<string, LoopFigures>>): LoopFigures {
  const all = Object.values(workers);
  const most = (read: (figures: LoopFigures) => number): number => Math.max(...all.map(read));
  return {
    wallP99: most(({ wallP99 }) => wallP99),
    wallMax: most(({ wallMax }) => wallMax),
    workP99: most(({ workP99 }) => workP99),
    workMax: most(({ workMax }) => workMax),
    workAbove10: most(({ workAbove10 }) => workAbove10),
  };
}

function named(prefix: string, { wallP99, wallMax, workP99, workMax, workAbove10 }: LoopFigures): Measured {
  return rounded(
    {
      [`${prefix}LoopWallP99Ms`]: wallP99,
      [`${prefix}LoopWallMaxMs`]: wallMax,
      [`${prefix}LoopWorkP99Ms`]: workP99,
      [`${prefix}LoopWorkMaxMs`]: workMax,
      [`${prefix}LoopWorkAbove${LOOP_GOAL_MS}Ms`]: workAbove10,
    },
    1,
  );
}

function inWords({ workMax, wallMax }: LoopFigures): string {
  return `${workMax.toFixed(1)} ms of work (${wallMax.toFixed(1)} ms by the clock)`;
}
