import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issue } from '../gateway/src/config/certificate.suite.ts';
import { HOST, TLS_NAME } from './load/load.ts';
import { choosePinning, describeMachine } from './machine.ts';
import { type Options, readOptions, subjectsOf } from './options.ts';
import { Processes } from './processes.ts';
import { startService } from './service.ts';
import { type Bench, certificateIn, runScenario } from './stage.ts';
import { ratiosOf } from './statistics.ts';
import { REFERENCES } from './subjects/all.ts';
import { printTables } from './table.ts';

// npm run bench -- [--scenario S,…] [--subjects a,b] [--duration seconds] [--rounds n] [--json file] [--profile directory]:
// see README.md beside this file.

async function bench(processes: Processes, directory: string, options: Options): Promise<void> {
  const { duration, rounds, profile } = options;
  const machine = describeMachine(processes.pinning);
  await makeCertificate(directory);
  const service = await startService(processes, directory);
  const [versions, generators, runs, skipped] = [{ service: service.program }, {}, [], []];
  const stage: Bench = {
    directory,
    processes,
    service,
    duration,
    rounds,
    profile,
    versions,
    generators,
    runs,
    skipped,
  };
  for (const scenario of options.scenarios) await runScenario(stage, scenario, subjectsOf(scenario, options));
  await report(stage, machine, options.json);
}

async function report({ versions, generators, runs, skipped }: Bench, machine: object, file?: string): Promise<void> {
  const ratios = ratiosOf(runs, REFERENCES);
  printTables(runs, ratios);
  const result = { machine, versions, generators, runs, ratios, skipped };
  if (file !== undefined) await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
  // A benchmark of failing requests, or of nothing, says nothing.
  if (runs.length === 0 || runs.some(({ errors }) => errors > 0)) process.exitCode = 1;
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
