// Thousands of reloads leave nothing behind.
import { percentile, rssMiB } from '../figures.ts';
import type { CaseOutcome, Measured } from '../suite.ts';
import { tenantDomain, tenantName, tenantText } from '../tenants-maker.ts';
import { check } from '../until.ts';
import { REVISION_PATH, revisionRoute } from './editor.ts';
import { type ReloadWorld, MARKED_PATH, STEADY, unharmed, writeCertificate } from './world.ts';
import type { Witness } from './witness.ts';

/** In all; 10 000 show what 2 000 cannot, and take minutes. */
const RELOADS = Number(process.env['SLUICE_RELOADS'] ?? 2_000);
/** Tenants changed at once. */
const AT_ONCE = 20;
const ROUTES = 20;
/** Rounds before the first look, in which code is compiled and pools fill up. */
const WARM_ROUNDS = 20;
/** In every so many rounds also a module, a certificate, and a SIGHUP. */
const OTHERS_EVERY = 5;
/** What heaps without garbage may grow by, over all reloads. */
const HEAP_BOUND_MIB = 8;
const RSS_BOUND_MIB = 200;

interface Memory {
  readonly heaps: Readonly<Record<string, number>>;
  readonly rss: number;
}

export async function keepsMemoryFlat(world: ReloadWorld): Promise<CaseOutcome> {
  const witness = await world.witness();
  const load = world.load({ connections: 4, delayMs: 10, path: MARKED_PATH });
  let round = 0;
  while (round < WARM_ROUNDS) await reload(world, witness, round++);
  const before = await memoryOf(world);
  const times: number[] = [];
  for (let reloads = 0; reloads < RELOADS; reloads += AT_ONCE) times.push(await reload(world, witness, round++));
  const after = await memoryOf(world);
  const { requests } = await unharmed('the route with the plugin', load);
  check(witness.reconnected === 0, 'connections to stay open', witness.reconnected);
  witness.close();
  const measured: Measured = {
    reloads: times.length * AT_ONCE,
    requests,
    roundP50Ms: Math.round(percentile(times, 0.5)),
    rssMiBBefore: before.rss,
    rssMiBAfter: after.rss,
    ...heapsOf('Before', before),
    ...heapsOf('After', after),
  };
  for (const [thread, heap] of Object.entries(after.heaps)) {
    const grown = heap - before.heaps[thread]!;
    check(grown < HEAP_BOUND_MIB, `the heap of ${thread} to grow by less than ${HEAP_BOUND_MIB} MiB`, measured);
  }
  check(after.rss - before.rss < RSS_BOUND_MIB, `memory to grow by less than ${RSS_BOUND_MIB} MiB`, measured);
  const growth = Object.entries(after.heaps).map(
    ([thread, heap]) => `${thread} ${(heap - before.heaps[thread]!).toFixed(1)}`,
  );
  return {
    detail: `heaps without garbage have grown by MiB: ${growth.join(', ')}; RSS by ${after.rss - before.rss}`,
    measured,
  };
}

/** Changes some tenants at once, now and then other things too. Resolves to the milliseconds until all is live. */
async function reload(world: ReloadWorld, witness: Witness, round: number): Promise<number> {
  const start = performance.now();
  const upstream = `127.0.0.1:${world.upstream.port}`;
  for (let index = 0; index < AT_ONCE; index++) {
    const text = tenantText(index, { tenants: AT_ONCE, routes: ROUTES, upstream }, round);
    world.files.writeTenant(tenantName(index), `${text}${revisionRoute(round)}`);
  }
  if (round % OTHERS_EVERY === 0) await changeOthers(world, witness, round);
  for (let index = 0; index < AT_ONCE; index++) {
    const isLive = ({ body }: { readonly body: string }): boolean => body === String(round);
    await witness.live(`revision ${round}`, tenantDomain(index), REVISION_PATH, isLive);
  }
  return performance.now() - start;
}

async function changeOthers(world: ReloadWorld, witness: Witness, round: number): Promise<void> {
  writeCertificate(world.files);
  const version = (round / OTHERS_EVERY) % 2 === 0 ? 'v2' : 'v1';
  world.files.write('marker.wasm', world.modules[version]);
  world.gateway.child.kill('SIGHUP');
  const marked = `\r\nx-version: ${version}`;
  await witness.live(`plugin ${version}`, STEADY, MARKED_PATH, ({ head }) => head.includes(marked));
}

async function memoryOf(world: ReloadWorld): Promise<Memory> {
  const heaps = await world.probe.heapsMiB();
  return { heaps, rss: rssMiB(world.gateway.pid) };
}

function heapsOf(when: string, { heaps }: Memory): Measured {
  const entries = Object.entries(heaps).map(([thread, heap]) => [
    `heapMiB${when}${thread === 'main' ? 'Main' : `Worker${thread}`}`,
    Number(heap.toFixed(1)),
  ]);
  return Object.fromEntries(entries) as Measured;
}
