import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issue } from '../gateway/src/config/certificate.suite.ts';
import { goalsOf } from './goals.ts';
import { measureInside } from './inside.ts';
import { HOST, TLS_NAME } from './load/load.ts';
import { choosePinning, describeMachine, type Machine } from './machine.ts';
import { type Options, readOptions } from './options.ts';
import { planOf, secondsOf } from './plan.ts';
import { Processes } from './processes.ts';
import { clock, Progress } from './progress.ts';
import { writeReport } from './report.ts';
import type { Result } from './result.ts';
import { startService } from './service.ts';
import { type Bench, certificateIn, runScenario } from './stage.ts';
import { ratiosOf } from './statistics.ts';
import { REFERENCES } from './subjects/all.ts';
import { asText, tablesOf } from './tables.ts';

// npm run bench -- [--scenario S,…] [--subjects a,b] [--duration seconds] [--rounds n] [--warm-up seconds] [--json file]
// [--profile directory] [--report file]: see README.md beside this file.

const startedAt = new Date();

async function bench(processes: Processes, directory: string, options: Options): Promise<void> {
  const plan = await planOf(options);
  const seconds = secondsOf(plan, options);
  console.error(`${plan.length} scenarios, about ${clock(seconds)}`);
  const machine = describeMachine(processes.pinning);
  await makeCertificate(directory);
  const service = await startService(processes, directory);
  const { duration, rounds, warmUp, profile } = options;
  const stage: Bench = {
    directory,
    processes,
    service,
    progress: new Progress(seconds),
    duration,
    rounds,
    warmUp,
    profile,
    versions: { service: service.program },
    generators: {},
    runs: [],
    figures: [],
    skipped: [],
    lasting: new Map(),
  };
  for (const planned of plan) {
    await runScenario(stage, planned);
    if (planned.scenario.inside !== undefined) await measureInside(stage, planned.scenario);
    // What was measured so far is there, whatever becomes of the rest.
    if (options.json !== undefined) await save(options.json, resultOf(stage, machine));
  }
  report(resultOf(stage, machine));
}

function resultOf({ versions, generators, runs, figures, skipped }: Bench, machine: Machine): Result {
  return {
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    measuredAt: startedAt.toISOString(),
    machine,
    versions,
    generators,
    runs,
    ratios: ratiosOf(runs, REFERENCES),
    figures,
    goals: goalsOf({ runs, figures }),
    skipped,
  };
}

function save(file: string, result: Result): Promise<void> {
  return writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
}

function report(result: Result): void {
  for (const table of tablesOf(result)) console.log(asText(table));
  const { runs, figures } = result;
  // A benchmark of failing requests, or of nothing, says nothing.
  if (runs.length + figures.length === 0 || runs.some(({ errors }) => errors > 0)) process.exitCode = 1;
}

/** Its certificate is signed by itself, with ECDSA on P-256. */
async function makeCertificate(directory: string): Promise<void> {
  const { certificate, key, pem } = certificateIn(directory);
  const issued = issue({ names: [HOST, TLS_NAME], commonName: HOST });
  await writeFile(certificate, issued.certificate);
  await writeFile(key, issued.key);
  await writeFile(pem, issued.certificate + issued.key);
}

/** In memory where there is a file system for that. */
async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
  // Workers that run as somebody else read from here.
  await chmod(directory, 0o755);
  return directory;
}

async function main(options: Options): Promise<void> {
  if (options.report !== undefined) return writeReport(options.report);
  const directory = await makeDirectory();
  const processes = new Processes(await choosePinning());
  try {
    await bench(processes, directory, options);
  } finally {
    await processes.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
