// Modules that nobody meant to write, judged in processes of their own, which they may bring down.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ChildReport, Range } from './child.ts';
import { type Bases, keep, loadBases, moduleOf } from './inputs.ts';
import type { Verdict } from './judge.ts';

/** Findings from which on there is no point in going on. */
const MOST_FINDINGS = 10;
/** Without a word for so long it hangs. */
const SILENCE_MS = 60_000;

export interface FuzzOutcome {
  readonly modules: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** What may not be, and the file of the module that did it. */
  readonly findings: readonly string[];
  /** Of the largest process at its end. */
  readonly heapMiB: number;
  readonly rssMiB: number;
}

/** Judges the first `count` modules of a seed. */
export async function fuzzModules(seed: number, count: number, print: (line: string) => void): Promise<FuzzOutcome> {
  print(`seed ${seed}`);
  const bases = await loadBases();
  const children = Math.min(2, availableParallelism());
  const share = Math.ceil(count / children);
  const outcomes = await Promise.all(
    Array.from({ length: children }, (_, child) => {
      const from = child * share;
      return judgeRange({ seed, from, to: Math.min(count, from + share) }, bases, print);
    }),
  );
  return outcomes.reduce((sum, outcome) => ({
    modules: sum.modules + outcome.modules,
    verdicts: added(sum.verdicts, outcome.verdicts),
    findings: [...sum.findings, ...outcome.findings],
    heapMiB: Math.max(sum.heapMiB, outcome.heapMiB),
    rssMiB: Math.max(sum.rssMiB, outcome.rssMiB),
  }));
}

async function judgeRange(range: Range, bases: Bases, print: (line: string) => void): Promise<FuzzOutcome> {
  const findings: string[] = [];
  let verdicts: Record<Verdict, number> = { refused: 0, 'not started': 0, ran: 0 };
  let last = { heapMiB: 0, rssMiB: 0 };
  for (let { from } = range; from < range.to && findings.length < MOST_FINDINGS; ) {
    const { at, report, error } = await judgeInChild({ ...range, from });
    if (report !== null) {
      verdicts = added(verdicts, report.verdicts);
      last = report;
      break;
    }
    const file = keep(moduleOf(range.seed, at, bases));
    findings.push(`${file}: ${error}`);
    print(`module ${at} of seed ${range.seed}, kept as ${file}: ${error}`);
    from = at + 1;
  }
  return {
    modules: range.to - range.from,
    verdicts,
    findings,
    heapMiB: Math.round(last.heapMiB),
    rssMiB: Math.round(last.rssMiB),
  };
}

interface Judged {
  /** The module it was at last. */
  readonly at: number;
  /** null: it did not come to the end. */
  readonly report: ChildReport | null;
  readonly error: string;
}

async function judgeInChild(range: Range): Promise<Judged> {
  const child = fork(join(import.meta.dirname, 'child.ts'), [JSON.stringify(range)], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  let report: ChildReport | null = null;
  child.on('message', (message: ChildReport) => (report = message));
  const { at, errors } = await follow(child, range.from);
  process.off('exit', kill);
  const cause = child.signalCode ?? `code ${child.exitCode}`;
  return { at, report, error: `${cause}: ${errors.slice(-2000)}` };
}

/** Reads what it says until it has ended; one that falls silent is ended. */
async function follow(child: ChildProcess, from: number): Promise<{ at: number; errors: string }> {
  let at = from;
  let tail = '';
  let errors = '';
  let silence = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  child.stdout!.on('data', (chunk: Buffer) => {
    silence.refresh();
    const lines = (tail + chunk.toString()).split('\n');
    tail = lines.pop()!;
    if (lines.length > 0) at = Number(lines.at(-1));
  });
  child.stderr!.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-10_000)));
  await once(child, 'close');
  clearTimeout(silence);
  return { at, errors };
}

function added(a: FuzzOutcome['verdicts'], b: FuzzOutcome['verdicts']): Record<Verdict, number> {
  return { refused: a.refused + b.refused, 'not started': a['not started'] + b['not started'], ran: a.ran + b.ran };
}
