import { Worker } from 'node:worker_threads';
import type { TenantSurroundings } from '../config/tenant-rules.ts';
import { LIMITS } from '../core/limits.ts';
import type { ParseResult } from './parse-result.ts';

/** Main thread → parsing thread. */
export interface ParseRequest {
  /** As messages show it. */
  readonly file: string;
  readonly text: string;
}

/** Main thread → parsing thread: a file, or what files may refer to from now on. */
export type ToParseThread = ParseRequest | { readonly surroundings: TenantSurroundings };

/** Parsing thread → main thread. */
export type ParseAnswer = { readonly kind: 'ready' } | { readonly kind: 'result'; readonly result: ParseResult };

/** A file to be parsed, and who waits for it. */
export interface ParseJob extends ParseRequest {
  /** How long parsing may take. */
  readonly deadlineMs: number;
  /** Threads that ended over it. */
  attempts: number;
  readonly done: (result: ParseResult) => void;
}

/** What a helper tells its owner. */
export interface ParseHelperEvents {
  /** Its job is done, and it can take another. */
  onIdle(helper: ParseHelper): void;
  /** The thread is gone, with the job it had; `bound`: the job took more than it may, and would again. */
  onEnded(helper: ParseHelper, job: ParseJob | null, reason: string, bound: boolean): void;
}

export interface ParseHelperOptions {
  readonly program: URL;
  readonly surroundings: TenantSurroundings;
  readonly heapBytes: number;
  readonly events: ParseHelperEvents;
}

/** The program of the thread. Compiled code and sources stand side by side, each with its own extension. */
export function parseThreadUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./parse-thread.${extension}`, import.meta.url);
}

/** One parsing thread. Whatever a text does to it ends this thread at most. */
export class ParseHelper {
  /** The thread has loaded its program. */
  ready = false;
  readonly #worker: Worker;
  readonly #events: ParseHelperEvents;
  #job: ParseJob | null = null;
  #timer: NodeJS.Timeout | null = null;
  #bound = false;
  #ended = false;
  #reason = '';

  constructor({ program, surroundings, heapBytes, events }: ParseHelperOptions) {
    this.#events = events;
    const heapMb = heapBytes / 1024 / 1024;
    this.#worker = new Worker(program, {
      name: 'sluice-parser',
      workerData: surroundings,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    this.#worker.unref();
    this.#worker.on('message', (answer: ParseAnswer) => this.#receive(answer));
    this.#worker.on('error', (error: unknown) => {
      this.#reason = error instanceof Error ? error.message : String(error);
      if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') return;
      this.#bound = true;
      this.#reason = `parsing took more than ${heapMb} MiB`;
    });
    this.#worker.on('exit', (code) => this.#exited(code));
  }

  /** What it is at; null = idle. */
  get job(): ParseJob | null {
    return this.#job;
  }

  /** Files that follow may refer to this. */
  change(surroundings: TenantSurroundings): void {
    this.#worker.postMessage({ surroundings } satisfies ToParseThread);
  }

  /** To be called when it is idle. */
  run(job: ParseJob): void {
    this.#job = job;
    // A job must not be lost because nothing else holds the process.
    this.#worker.ref();
    this.#arm(this.ready ? job.deadlineMs : LIMITS.workerStartMs);
    this.#worker.postMessage({ file: job.file, text: job.text } satisfies ToParseThread);
  }

  /** Ends the thread; nothing more is told of it. */
  async end(): Promise<void> {
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#worker.terminate();
  }

  #receive(answer: ParseAnswer): void {
    if (this.#ended) return;
    const job = this.#job;
    if (answer.kind === 'ready') {
      this.ready = true;
      if (job !== null) this.#arm(job.deadlineMs);
      return;
    }
    if (job === null || this.#bound) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#job = null;
    this.#worker.unref();
    job.done(answer.result);
    this.#events.onIdle(this);
  }

  #arm(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#bound = true;
      this.#reason = `parsing took longer than ${ms} ms`;
      void this.#worker.terminate();
    }, ms);
  }

  #exited(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#events.onEnded(this, this.#job, this.#reason || `the parser ended with code ${code}`, this.#bound);
  }
}
