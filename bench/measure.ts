import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdIdle, type IdleConnections } from './load/idle.ts';
import { HEADERS, type Load, type Target } from './load/load.ts';
import type { Scenario } from './scenarios.ts';
import { type Reading, round, type Run } from './statistics.ts';
import type { Running, Subject } from './subjects/subject.ts';
import { cpuMicros, residentKiB } from './usage.ts';

/** For what a subject does after the last of many connections was opened. */
const SETTLE_MS = 2000;

/** A subject that has started, in one scenario. */
export interface Contender {
  readonly subject: Subject;
  readonly running: Running;
  /** It has started just now. */
  readonly cold: boolean;
  readonly target: Target;
}

/** @throws Error when the subject does not answer what the service says */
export async function check({ subject, target }: Contender, { host, path, bytes }: Scenario): Promise<void> {
  const where = {
    host: '127.0.0.1',
    port: target.port,
    path,
    headers: { ...HEADERS, Host: host, connection: 'close' },
  };
  const sent = target.tls ? httpsRequest({ ...where, rejectUnauthorized: false }) : httpRequest(where);
  const [response] = (await once(sent.end(), 'response')) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode === 200 && body.length === bytes) return;
  throw new Error(`${subject.name} answers ${response.statusCode}: ${body.slice(0, 200)}`);
}

/** One turn of one subject under load. */
export async function measure(
  { subject, running, target }: Contender,
  scenario: Scenario,
  load: Load,
  seconds: number,
  number: number,
): Promise<Run> {
  const pid = running.child?.pid;
  const countedBefore = await running.requests?.();
  const before = pid === undefined ? null : await cpuMicros(pid);
  const reading = await load.run(target, seconds);
  const after = pid === undefined ? null : await cpuMicros(pid);
  const memory = pid === undefined ? null : await residentKiB(pid);
  const run = {
    scenario: scenario.name,
    subject: subject.name,
    round: number,
    requestsPerSecond: Math.round(reading.requests / reading.seconds),
    cpuMicrosPerRequest: before === null || after === null ? null : per(after - before, reading.requests),
    latencyMs: { p50: round(reading.p50), p99: round(reading.p99), max: round(reading.max) },
    rssMiB: memory === null ? null : Math.round(memory / 1024),
    errors: reading.errors,
  };
  const countedAfter = await running.requests?.();
  if (countedBefore === undefined || countedAfter === undefined) return run;
  const countedBySubject = countedAfter - countedBefore;
  const miscounted = differenceOf(countedBySubject, reading.requests, load.cutOff);
  return { ...run, errors: run.errors + miscounted, countedBySubject, miscounted };
}

/** A subject may have seen a few requests that its load did not see to the end. */
function differenceOf(counted: number, seen: number, cutOff: number): number {
  return Math.max(0, seen - counted, counted - seen - cutOff);
}

function per(total: number, count: number): number | null {
  return count === 0 ? null : round(total / count);
}

/** What connections without a request take, each of which has made one. */
export async function measureIdle(contender: Contender, scenario: Scenario, count: number): Promise<Run> {
  const pid = contender.running.child?.pid;
  const before = pid === undefined ? null : await residentKiB(pid);
  let held: IdleConnections | null = null;
  const open = async (target: Target): Promise<Reading> => {
    held = await holdIdle(target, count);
    await sleep(SETTLE_MS);
    return held.reading;
  };
  try {
    const run = await measure(contender, scenario, { generator: '', cutOff: 0, run: open }, 0, 1);
    const after = pid === undefined ? null : await residentKiB(pid);
    return { ...run, idleConnectionKiB: before === null || after === null ? null : round((after - before) / count) };
  } finally {
    await (held as IdleConnections | null)?.close();
  }
}
