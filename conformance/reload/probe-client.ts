// The suite's end of the probe in a gateway; see probe.ts.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { within } from '../until.ts';
import type { LoopFigures } from './loop-watch.ts';

/** For `Program.preload`. */
export const PROBE = join(import.meta.dirname, 'probe.ts');

/** `main`, or the number of a worker. */
export type Threads = 'main' | `${number}`;

export type ToProbe =
  | { readonly kind: 'loop' | 'connections' | 'memory'; readonly id: number }
  | { readonly kind: 'end'; readonly id: number; readonly worker: number };

export interface FromProbe {
  readonly id: number;
  readonly thread: Threads;
  readonly loop?: LoopFigures;
  readonly connections?: readonly number[];
  readonly heapMiB?: number;
}

const ANSWER_LIMIT_MS = 20_000;

/** Asks the probe of one gateway. */
export class Probe {
  readonly #child: ChildProcess;
  readonly #workers: number;
  #lastId = 0;

  /** @param workers all of which are to answer */
  constructor(child: ChildProcess, workers: number) {
    this.#child = child;
    this.#workers = workers;
  }

  /** Delays of each worker's loop since the last call. */
  async loops(): Promise<Readonly<Record<string, LoopFigures>>> {
    const answers = await this.#ask('loop', this.#workers);
    return Object.fromEntries(answers.map(({ thread, loop }) => [thread, loop!]));
  }

  /** Ports of clients that have a connection, by worker. */
  async connections(workers = this.#workers): Promise<readonly ReadonlySet<number>[]> {
    const answers = await this.#ask('connections', workers);
    return answers.sort((a, b) => Number(a.thread) - Number(b.thread)).map((it) => new Set(it.connections));
  }

  /** Heap of each thread without garbage. */
  async heapsMiB(): Promise<Readonly<Record<string, number>>> {
    const answers = await this.#ask('memory', this.#workers + 1);
    return Object.fromEntries(answers.map(({ thread, heapMiB }) => [thread, heapMiB!]));
  }

  /** Ends the thread of a worker wherever it is, as nobody asks for in production. */
  end(worker: number): void {
    this.#send({ kind: 'end', id: ++this.#lastId, worker });
  }

  async #ask(kind: 'loop' | 'connections' | 'memory', count: number): Promise<FromProbe[]> {
    const id = ++this.#lastId;
    const answers: FromProbe[] = [];
    const { promise, resolve } = Promise.withResolvers<FromProbe[]>();
    const onMessage = (message: FromProbe): void => {
      if (message.id !== id) return;
      answers.push(message);
      if (answers.length === count) resolve(answers);
    };
    this.#child.on('message', onMessage);
    this.#send({ kind, id });
    try {
      return await within(ANSWER_LIMIT_MS, `${count} threads of the gateway to answer`, promise);
    } finally {
      this.#child.off('message', onMessage);
    }
  }

  #send(message: ToProbe): void {
    this.#child.send(message);
  }
}
