// The module of a plugin is replaced while its route carries load.
import { percentile } from '../figures.ts';
import type { CaseOutcome } from '../suite.ts';
import { check } from '../until.ts';
import { MARKED_PATH, type ReloadWorld, STEADY, unharmed } from './world.ts';

const SWAPS = 12;

export async function swapsPlugins(world: ReloadWorld): Promise<CaseOutcome> {
  const load = world.load({ connections: 16, delayMs: 5, path: MARKED_PATH });
  const witness = await world.witness();
  const liveMs: number[] = [];
  for (let swap = 0; swap < SWAPS; swap++) {
    const version = swap % 2 === 0 ? 'v2' : 'v1';
    world.files.write('marker.wasm', world.modules[version]);
    const marked = `\r\nx-version: ${version}`;
    liveMs.push(
      await witness.live(`plugin ${version} in all workers`, STEADY, MARKED_PATH, ({ head }) => head.includes(marked)),
    );
  }
  const { requests } = await unharmed('the route with the plugin', load);
  check(witness.reconnected === 0, 'connections to stay open', witness.reconnected);
  witness.close();
  const measured = { swaps: SWAPS, requests, liveP50Ms: Math.round(percentile(liveMs, 0.5)) };
  return { detail: 'no failed request, and new code in all workers', measured };
}
