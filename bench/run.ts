import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chooseLoader, HEADERS, type Loader } from './load.ts';
import {
  choosePinning,
  cpuMicros,
  type Pinning,
  rssMiB,
  startGateway,
  startUpstream,
  type Subject,
} from './processes.ts';

// npm run bench -- [--duration seconds] [--rounds n] [--json file]: see README.md beside this file.

const SCENARIO = 'get-1k';
/** Seconds before the first round, in which code is compiled and connections are opened. */
const WARM_UP = 2;

interface Run {
  readonly scenario: string;
  readonly subject: string;
  readonly requestsPerSecond: number;
  /** Of the subject's process; null for `direct`, where there is none, and where the system does not tell. */
  readonly cpuMicrosPerRequest: number | null;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly rssMiB: number | null;
  readonly errors: number;
}

/** @throws Error when the subject does not answer what the upstream says. */
async function check({ name, url }: Subject): Promise<void> {
  const [response] = (await once(request(url, { headers: HEADERS }).end(), 'response')) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode === 200 && body.length === 1024) return;
  throw new Error(`${name} answers ${response.statusCode}: ${body.slice(0, 200)}`);
}

async function measure({ name, url, pid }: Subject, seconds: number, loader: Loader): Promise<Run> {
  const before = pid === null ? null : await cpuMicros(pid);
  const { requests, seconds: took, errors, p50, p99, max } = await loader(url, seconds);
  const after = pid === null ? null : await cpuMicros(pid);
  return {
    scenario: SCENARIO,
    subject: name,
    requestsPerSecond: Math.round(requests / took),
    cpuMicrosPerRequest: before === null || after === null ? null : round((after - before) / requests),
    latencyMs: { p50: round(p50), p99: round(p99), max: round(max) },
    rssMiB: pid === null ? null : await rssMiB(pid),
    errors,
  };
}

/** What `--json` writes, besides machine and versions. */
interface Result {
  readonly runs: readonly Run[];
  /** Medians over all rounds, as shares of the other subject's. */
  readonly ratios: readonly {
    readonly scenario: string;
    readonly subject: string;
    readonly against: string;
    readonly requestsPerSecond: number;
  }[];
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

function throughput(runs: readonly Run[], subject: string): number {
  return median(runs.filter((run) => run.subject === subject).map((run) => run.requestsPerSecond));
}

function printTable(runs: readonly Run[]): void {
  console.table(
    runs.map(({ scenario, subject, requestsPerSecond, cpuMicrosPerRequest, latencyMs, rssMiB: rss, errors }) => ({
      scenario,
      subject,
      'req/s': requestsPerSecond,
      'CPU µs/req': cpuMicrosPerRequest,
      'p50 ms': latencyMs.p50,
      'p99 ms': latencyMs.p99,
      'max ms': latencyMs.max,
      'RSS MiB': rss,
      errors,
    })),
  );
}

async function describe(pinning: Pinning | null, loader: string): Promise<object> {
  const manifest = await readFile(join(import.meta.dirname, '../gateway/package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  return {
    machine: {
      cpu: cpus()[0]?.model ?? '',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 1024 ** 3),
      system: `${process.platform} ${release()}`,
      pinning,
    },
    versions: { sluice: version, node: process.version, loader },
  };
}

async function bench(children: ChildProcess[], directory: string, options: Options): Promise<Result> {
  const pinning = await choosePinning();
  const { loader, name: loaderName } = await chooseLoader(pinning);
  const port = await startUpstream(pinning, children);
  const gateway = await startGateway(port, directory, pinning, children);
  const subjects = [gateway, { name: 'direct', url: `http://127.0.0.1:${port}/data`, pid: null }];
  for (const subject of subjects) {
    await check(subject);
    await loader(subject.url, WARM_UP);
  }
  const runs: Run[] = [];
  for (let turn = 0; turn < options.rounds; turn++) {
    for (const subject of subjects) runs.push(await measure(subject, options.duration, loader));
  }
  const share = round(throughput(runs, 'gateway') / throughput(runs, 'direct'));
  return {
    ...(await describe(pinning, loaderName)),
    runs,
    ratios: [{ scenario: SCENARIO, subject: 'gateway', against: 'direct', requestsPerSecond: share }],
  };
}

/** A whole number from 1. @throws Error that names the option. */
function count(name: string, value: string): number {
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  throw new Error(`--${name} ${value}: give a whole number from 1`);
}

interface Options {
  readonly duration: number;
  readonly rounds: number;
  readonly json: string | undefined;
}

/** @throws Error that says what is wrong with the command line. */
function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      duration: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'string' },
    },
  });
  return {
    duration: count('duration', values.duration),
    rounds: count('rounds', values.rounds),
    json: values.json,
  };
}

async function main(options: Options): Promise<void> {
  const children: ChildProcess[] = [];
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  try {
    const result = await bench(children, directory, options);
    printTable(result.runs);
    const json = `${JSON.stringify(result, null, 2)}\n`;
    if (options.json === undefined) console.log(json);
    else await writeFile(options.json, json);
    // A benchmark of failing requests says nothing.
    if (result.runs.some(({ errors }) => errors > 0)) process.exitCode = 1;
  } finally {
    for (const child of children) await end(child);
    await rm(directory, { recursive: true });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await Promise.race([once(child, 'exit'), sleep(5000, null, { ref: false })]);
  child.kill('SIGKILL');
}

try {
  await main(readOptions());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
