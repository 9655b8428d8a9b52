import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { choosePinning, pinned } from './machine.ts';
import type { MicroResult } from './micro/harness.ts';
import { median, round } from './statistics.ts';

// npx node bench/micro.ts [rounds]: what single functions of the gateway cost, in nanoseconds for one call.

const run = promisify(execFile);
const FOLDER = join(import.meta.dirname, 'micro');
const HELPERS = ['harness.ts', 'heads.ts'];

/** In a process of its own, so that none warms or spoils the code of another. */
async function measure(file: string, cpus: string | undefined): Promise<MicroResult[]> {
  const { stdout } = await run(...pinned(cpus, [process.execPath, join(FOLDER, file)]));
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as MicroResult);
}

const rounds = Number(process.argv[2] ?? '3');
const pinning = await choosePinning();
const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.ts') && !HELPERS.includes(file)).sort();
const results: MicroResult[] = [];
for (let turn = 0; turn < rounds; turn++) {
  for (const file of files) results.push(...(await measure(file, pinning?.subject)));
}
const byName = Map.groupBy(results, ({ name }) => name);
const rows = [...byName].map(([name, all]) => [
  name,
  {
    'ns, median': Math.round(median(all.map((each) => each.median))),
    'ns, fastest': round(Math.min(...all.map((each) => each.fastest))),
  },
]);
console.table(Object.fromEntries(rows));
