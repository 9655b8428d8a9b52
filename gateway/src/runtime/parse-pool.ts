import { availableParallelism } from 'node:os';
import { draftTenant } from '../config/parse-tenant.ts';
import { fileProblem } from '../config/problem.ts';
import type { TenantSurroundings } from '../config/tenant-rules.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { ParseHelper, type ParseHelperEvents, type ParseJob, parseThreadUrl } from './parse-helper.ts';
import { failedResult, type ParseResult, resultOf } from './parse-result.ts';

export interface ParsePoolOptions {
  readonly surroundings: TenantSurroundings;
  readonly log: Log;
  /** Threads at most; default: one for each processor, up to LIMITS.parseThreads. 0 = parse on this thread, for tests. */
  readonly threads?: number;
  /** How long a text may take; default: by its length, from LIMITS.parseMs on. */
  readonly deadlineMs?: (text: string) => number;
  /** How long a thread may be idle; default LIMITS.parseIdleMs. */
  readonly idleMs?: number;
  /** Heap of a thread; default LIMITS.parseThreadHeapBytes. */
  readonly heapBytes?: number;
  /** The program of the threads; default: `parse-thread`. */
  readonly program?: URL;
}

/** Threads that ended before they were ready, in a row, after which waiting files are given up. */
const FAILED_STARTS = 3;

/**
 * Threads that parse tenant files. They come and go with the number of files that wait, since a thread that waits for
 * work takes tens of MiB. A file that outlasts its deadline, or over which
 * two threads end, gets the problem SLUICE_CONFIG_PARSER_FAILED.
 */
export class ParsePool implements ParseHelperEvents {
  readonly #options: ParsePoolOptions;
  #surroundings: TenantSurroundings;
  readonly #threads: number;
  readonly #helpers = new Set<ParseHelper>();
  readonly #waiting: ParseJob[] = [];
  readonly #idle = new Map<ParseHelper, NodeJS.Timeout>();
  #failedStarts = 0;
  #closed = false;

  constructor(options: ParsePoolOptions) {
    this.#options = options;
    this.#surroundings = options.surroundings;
    this.#threads = options.threads ?? Math.max(1, Math.min(LIMITS.parseThreads, availableParallelism()));
  }

  /** Threads that run. */
  get size(): number {
    return this.#helpers.size;
  }

  /** Files that are handed over from now on may refer to this. */
  change(surroundings: TenantSurroundings): void {
    this.#surroundings = surroundings;
    for (const helper of this.#helpers) helper.change(surroundings);
  }

  /** Starts the first thread if there is none, so that the next file need not wait for it. */
  warm(): void {
    if (!this.#closed && this.#helpers.size === 0 && this.#threads > 0) this.#start();
  }

  /** Never rejects: whatever goes wrong is a problem of the result. */
  parse(file: string, text: string): Promise<ParseResult> {
    const gateway = this.#surroundings;
    if (this.#threads === 0) return Promise.resolve(resultOf(draftTenant(file, text, { gateway }), text));
    const { promise, resolve } = Promise.withResolvers<ParseResult>();
    const deadlineMs =
      this.#options.deadlineMs?.(text) ?? LIMITS.parseMs + Math.ceil(text.length / 1024) * LIMITS.parsePerKibMs;
    const job = { file, text, deadlineMs, attempts: 0, done: resolve };
    if (this.#closed) this.#fail(job, 'the gateway is shutting down');
    else this.#waiting.push(job);
    this.#dispatch();
    return promise;
  }

  /** Ends all threads; files under way get a problem. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#idle.values()) clearTimeout(timer);
    const helpers = [...this.#helpers];
    const jobs = [...helpers.flatMap(({ job }) => job ?? []), ...this.#waiting.splice(0)];
    this.#helpers.clear();
    await Promise.all(helpers.map((helper) => helper.end()));
    for (const job of jobs) this.#fail(job, 'the gateway is shutting down');
  }

  /** @internal */
  onIdle(helper: ParseHelper): void {
    this.#failedStarts = 0;
    this.#dispatch();
    if (helper.job !== null || this.#closed) return;
    const timer = setTimeout(() => this.#retire(helper), this.#options.idleMs ?? LIMITS.parseIdleMs).unref();
    this.#idle.set(helper, timer);
  }

  /** @internal */
  onEnded(helper: ParseHelper, job: ParseJob | null, reason: string, bound: boolean): void {
    this.#helpers.delete(helper);
    this.#wake(helper);
    this.#failedStarts = helper.ready ? 0 : this.#failedStarts + 1;
    this.#options.log.error({ file: job?.file, reason }, 'a parsing thread ended');
    if (job !== null) {
      job.attempts++;
      if (bound || job.attempts > 1) this.#fail(job, reason);
      else this.#waiting.unshift(job);
    }
    if (this.#failedStarts >= FAILED_STARTS) {
      this.#failedStarts = 0;
      for (const waiting of this.#waiting.splice(0)) this.#fail(waiting, `no parser can be started: ${reason}`);
    }
    this.#dispatch();
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const helper = this.#free() ?? this.#start();
      if (helper === null) return;
      this.#wake(helper);
      helper.run(this.#waiting.shift()!);
    }
  }

  #free(): ParseHelper | null {
    for (const helper of this.#helpers) if (helper.job === null) return helper;
    return null;
  }

  /** One more thread; null when there are enough, or when the system has none left. */
  #start(): ParseHelper | null {
    if (this.#helpers.size >= this.#threads) return null;
    try {
      const helper = new ParseHelper({
        program: this.#options.program ?? parseThreadUrl(),
        surroundings: this.#surroundings,
        heapBytes: this.#options.heapBytes ?? LIMITS.parseThreadHeapBytes,
        events: this,
      });
      this.#helpers.add(helper);
      return helper;
    } catch (error) {
      const reason = `no thread can be started: ${(error as Error).message}`;
      this.#options.log.error({ reason }, 'a parsing thread cannot be started');
      if (this.#helpers.size === 0) for (const job of this.#waiting.splice(0)) this.#fail(job, reason);
      return null;
    }
  }

  #wake(helper: ParseHelper): void {
    clearTimeout(this.#idle.get(helper));
    this.#idle.delete(helper);
  }

  #retire(helper: ParseHelper): void {
    this.#idle.delete(helper);
    this.#helpers.delete(helper);
    void helper.end();
  }

  #fail(job: ParseJob, reason: string): void {
    const problem = fileProblem(
      job.file,
      'SLUICE_CONFIG_PARSER_FAILED',
      reason,
      'simplify the file, then save it again',
    );
    job.done(failedResult(problem, job.text));
  }
}
