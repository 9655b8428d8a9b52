// The load of a tenant that does nothing wrong: an open loop, so that a gateway that stands still is seen to.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { percentile } from '../figures.ts';
import { check } from '../until.ts';

export interface CleanLoadOptions {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly host: string;
  /** In turn. */
  readonly paths: readonly string[];
  /** Stands in the head of every right answer. */
  readonly expect: string;
  readonly perSecond: number;
}

/** What has been since the last look. */
export interface CleanSample {
  /** ms from when a request was due to the end of its answer. */
  readonly latencies: readonly number[];
  readonly failed: number;
  /** What the first failures were. */
  readonly failures: readonly string[];
}

/** Milliseconds. */
export interface CleanFigures {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

export function cleanFigures(samples: readonly CleanSample[]): CleanFigures {
  const all = samples.flatMap(({ latencies }) => latencies);
  const [p50, p99, longest] = [percentile(all, 0.5), percentile(all, 0.99), percentile(all, 1)];
  return { requests: all.length, p50, p99, longest };
}

/** @throws Unmet when a request of the clean tenant has failed */
export function checkUnharmed(samples: readonly CleanSample[], stalls: unknown = ''): void {
  const failures = samples.flatMap((sample) => sample.failures);
  check(failures.length === 0, 'no failed request of the tenant that does nothing wrong', { failures, stalls });
}

export class CleanLoad {
  readonly #child: ChildProcess;

  /** Begins. */
  constructor(options: CleanLoadOptions) {
    this.#child = fork(join(import.meta.dirname, 'clean-load-child.ts'), [JSON.stringify(options)], { execArgv: [] });
  }

  /** Starts anew. */
  async take(): Promise<CleanSample> {
    const answer = once(this.#child, 'message') as Promise<[CleanSample]>;
    this.#child.send('take');
    return (await answer)[0];
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}
