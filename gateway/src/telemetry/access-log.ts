import { LIMITS } from '../core/limits.ts';
import { type MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import type { Expirable, TimerWheel } from '../core/wheel.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { formatLine } from './access-log-line.ts';
import { LogMemory } from './log-memory.ts';

/**
 * Takes a batch of whole lines in ASCII, each with its newline, to the writer on the main thread. The bytes are the
 * writer's until `giveBack`.
 */
export type PostBatch = (batch: Uint8Array, lines: number) => void;

/** Longer than the longest line on top of a full batch. */
const MEMORY_BYTES = 2 * LIMITS.accessLogBatchBytes;

/**
 * The access log of one worker. Lines are gathered in one buffer and posted by size or time. How many of them the writer
 * still has is read from shared memory, so that no acknowledgements travel: beyond `LIMITS.accessLogQueueLines` new lines
 * are counted and dropped.
 */
export class AccessLog implements Expirable {
  readonly #slots: MetricSlots;
  readonly #wheel: TimerWheel;
  readonly #post: PostBatch;
  #memory = new LogMemory(MEMORY_BYTES);
  /** Memory of full batches, which the writer has or has given back. */
  #posted: LogMemory[] = [];
  #length = 0;
  #lines = 0;
  #timerSet = false;

  constructor(slots: MetricSlots, wheel: TimerWheel, post: PostBatch) {
    this.#slots = slots;
    this.#wheel = wheel;
    this.#post = post;
    // Lines that a predecessor in this worker's place posted and that died with it count as settled.
    slots.add(WORKER_SLOTS.accessLogPosted, -this.#waiting());
  }

  /**
   * Logs a finished exchange. Never throws, never waits.
   * @param now performance.now() at its end.
   */
  append(exchange: Exchange, now: number): void {
    if (this.#lines + this.#waiting() >= LIMITS.accessLogQueueLines) {
      this.#slots.add(WORKER_SLOTS.accessLogDropped, 1);
      return;
    }
    this.#length += this.#memory.bytes.write(formatLine(exchange, now), this.#length, 'latin1');
    this.#lines++;
    if (this.#length >= LIMITS.accessLogBatchBytes) this.flush();
    else if (!this.#timerSet) {
      this.#timerSet = true;
      this.#wheel.schedule(this, LIMITS.accessLogFlushMs);
    }
  }

  /** Posts what is gathered; before a worker ends, its last lines go so. */
  flush(): void {
    if (this.#lines === 0) return;
    const batch = this.#memory.bytes.subarray(0, this.#length);
    const lines = this.#lines;
    this.#length = 0;
    this.#lines = 0;
    this.#slots.add(WORKER_SLOTS.accessLogPosted, lines);
    if (batch.length >= LIMITS.accessLogBatchBytes) this.#leave();
    // A few lines take less memory of their own than a whole piece, of which a writer that hangs would get thousands.
    this.#post(batch.length >= LIMITS.accessLogBatchBytes ? batch : Uint8Array.from(batch), lines);
  }

  /** The lines go to the writer with the memory that they are in; the next ones get what came back, or new. */
  #leave(): void {
    this.#memory.leave();
    this.#posted.push(this.#memory);
    const back = this.#posted.find(({ free }) => free);
    this.#posted = this.#posted.filter(({ free }) => !free);
    this.#memory = back ?? new LogMemory(MEMORY_BYTES);
  }

  onTimeout(): void {
    this.#timerSet = false;
    this.flush();
  }

  #waiting(): number {
    return this.#slots.get(WORKER_SLOTS.accessLogPosted) - this.#slots.get(WORKER_SLOTS.accessLogSettled);
  }
}
