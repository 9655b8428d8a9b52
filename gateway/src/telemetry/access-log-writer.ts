import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { type MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import type { LogDestination } from './access-log-destination.ts';
import { giveBack } from './log-memory.ts';

/** Bytes handed to the system at once. */
const WRITE_BYTES = 1024 * 1024;

interface Batch {
  readonly bytes: Uint8Array;
  readonly lines: number;
  readonly worker: MetricSlots;
}

/**
 * The one writer of access log lines, on the main thread. Batches wait in a bounded queue while the destination is slow;
 * what does not fit, or cannot be written, is counted and dropped. Nothing here throws or blocks.
 */
export class AccessLogWriter {
  readonly #destination: LogDestination;
  readonly #log: Log;
  #queue: Batch[] = [];
  #queuedLines = 0;
  #queuedBytes = 0;
  #writing = false;
  #failing = false;
  #closed = false;
  #dropped = 0;
  #idle: (() => void)[] = [];

  constructor(destination: LogDestination, log: Log) {
    this.#destination = destination;
    this.#log = log;
  }

  /** Lines lost here since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Takes a batch of a worker.
   * @param bytes whole lines in ASCII, as `AccessLog` posts them.
   * @param worker the main thread's view of that worker's slots, where the lines are settled.
   */
  write(bytes: Uint8Array, lines: number, worker: MetricSlots): void {
    const full =
      this.#queuedLines + lines > LIMITS.accessLogQueueLines ||
      this.#queuedBytes + bytes.length > LIMITS.accessLogQueueBytes;
    if (this.#closed || full) {
      this.#dropped += lines;
      giveBack(bytes);
      worker.add(WORKER_SLOTS.accessLogSettled, lines);
      return;
    }
    this.#queue.push({ bytes, lines, worker });
    this.#queuedLines += lines;
    this.#queuedBytes += bytes.length;
    if (!this.#writing) this.#pump();
  }

  /** Opens the file anew (SIGHUP of logrotate). A failure is logged, and the old file stays in use. */
  reopen(): void {
    if (this.#closed) return;
    this.#destination.reopen((error) => {
      if (error === null) this.#log.info({ destination: this.#destination.name }, 'access log reopened');
      else this.#log.error({ destination: this.#destination.name, error }, 'access log cannot be reopened');
    });
  }

  /** Resolves when all that was taken is written or dropped, at the latest after `deadlineMs`. */
  async flush(deadlineMs: number): Promise<void> {
    if (!this.#writing) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      timer = setTimeout(resolve, deadlineMs);
    });
    clearTimeout(timer);
  }

  /** Flushes, then takes nothing more. */
  async close(deadlineMs: number): Promise<void> {
    await this.flush(deadlineMs);
    if (this.#closed) return;
    this.#closed = true;
    // A write that hangs still uses the descriptor; the end of the process closes it.
    if (!this.#writing) this.#destination.close();
  }

  #pump(): void {
    const batches = this.#take();
    this.#writing = batches.length > 0;
    if (!this.#writing) {
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    this.#destination.write(joined(batches), (error) => {
      this.#note(error);
      for (const batch of batches) this.#settle(batch, error !== null);
      this.#pump();
    });
  }

  #take(): Batch[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < WRITE_BYTES) bytes += this.#queue[count++]!.bytes.length;
    return this.#queue.splice(0, count);
  }

  #settle(batch: Batch, lost: boolean): void {
    this.#queuedLines -= batch.lines;
    this.#queuedBytes -= batch.bytes.length;
    if (lost) this.#dropped += batch.lines;
    giveBack(batch.bytes);
    batch.worker.add(WORKER_SLOTS.accessLogSettled, batch.lines);
  }

  /** Says it once when writing begins to fail and once when it works again, not per batch. */
  #note(error: Error | null): void {
    if ((error !== null) === this.#failing) return;
    this.#failing = error !== null;
    const destination = this.#destination.name;
    if (error !== null) this.#log.error({ destination, error }, 'access log cannot be written; lines are dropped');
    else this.#log.info({ destination, dropped: this.#dropped }, 'access log is written again');
  }
}

function joined(batches: readonly Batch[]): Buffer {
  const [first] = batches;
  if (batches.length > 1) return Buffer.concat(batches.map(({ bytes }) => bytes));
  const { buffer, byteOffset, length } = first!.bytes;
  return Buffer.from(buffer as ArrayBuffer, byteOffset, length);
}
