import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

// npx node bench/profile.ts directory [functions]: the functions of each .cpuprofile below the directory that took most time
// themselves, in percent of the time that was not idle.

const DEFAULT_FUNCTIONS = 25;

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

function report(profile: CpuProfile, count: number): void {
  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const file = url.split('/').slice(-2).join('/');
      return [id, url === '' ? functionName : `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`];
    }),
  );
  const own = new Map<string, number>();
  for (const [at, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '';
    own.set(name, (own.get(name) ?? 0) + profile.timeDeltas[at]!);
  }
  const idle = own.get('(idle)') ?? 0;
  own.delete('(idle)');
  const busy = [...own.values()].reduce((sum, micros) => sum + micros, 0);
  console.log(`busy ${Math.round(busy / 1000)} ms, idle ${Math.round(idle / 1000)} ms`);
  const first = [...own].sort(([, a], [, b]) => b - a).slice(0, count);
  for (const [name, micros] of first) console.log(`${((micros / busy) * 100).toFixed(1).padStart(5)} %  ${name}`);
}

const [, , directory = '.', count = `${DEFAULT_FUNCTIONS}`] = process.argv;
const files = (await readdir(directory, { recursive: true })).filter((file) => file.endsWith('.cpuprofile'));
for (const file of files.sort()) {
  console.log(`\n${file}`);
  report(JSON.parse(await readFile(join(directory, file), 'utf8')) as CpuProfile, Number(count));
}
