import { readFileSync, statSync } from 'node:fs';
import { constants, type PerformanceNodeEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** A measure of live bytes says nothing any more after this time, when load that made them may be gone. */
const HEAP_STALE_MS = 10_000;

/**
 * How full the heap of this thread is. What is in use between collections is mostly garbage, so that only what a full
 * collection has left counts; near the limit those are frequent.
 */
export class HeapReading {
  #live = 0;
  #at = Number.NEGATIVE_INFINITY;
  readonly #limit = getHeapStatistics().heap_size_limit;
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as PerformanceNodeEntry).detail as { kind: number };
      if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.collected(getHeapStatistics().used_heap_size);
    }
  });

  start(): void {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  stop(): void {
    this.#observer.disconnect();
  }

  /** A full collection has left so many bytes. */
  collected(bytes: number, now: number = performance.now()): void {
    this.#live = bytes;
    this.#at = now;
  }

  /** Share of the largest heap that was live at the last full collection; 0 when that is long ago. */
  share(now: number = performance.now()): number {
    return now - this.#at > HEAP_STALE_MS ? 0 : this.#live / this.#limit;
  }
}

/**
 * The process's soft limit of open files from the text of /proc/self/limits; Infinity when it has none, or cannot be told.
 */
export function parseDescriptorLimit(text: string): number {
  const limit = Number(/^Max open files +(\d+)/m.exec(text)?.[1]);
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

/** The limit of this process; it is raised at the start, if ever. */
export function readDescriptorLimit(): number {
  try {
    return parseDescriptorLimit(readFileSync('/proc/self/limits', 'latin1'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Open files of this process. Since Linux 6.2 the size of this directory, which costs some microseconds where listing
 * it would cost milliseconds; 0 on other systems.
 */
export function openDescriptors(): number {
  try {
    return statSync('/proc/self/fd').size;
  } catch {
    return 0;
  }
}
