import { totalmem } from 'node:os';
import { LIMITS } from '../core/limits.ts';

const MIB = 1024 * 1024;

/** Share of the memory for the heaps of all workers; main thread, buffers, sockets, plugins and code have the rest. */
const HEAP_SHARE = 0.5;

/**
 * Half spaces of 4 MiB. What an exchange leaves behind is dead within milliseconds, so more room does not keep more of it
 * from being copied; it only takes memory through the cache of the processor, which shows: with 96, V8's own choice, a
 * request costs a twentieth more.
 */
const YOUNG_MIB = 12;

/** What the threads of one process may use. */
export interface HeapBudget {
  /** Bytes of the machine, or of the container if that is less. */
  readonly memory: number;
  /** Limit of the old generation of one worker's heap, in MiB as V8 wants it. */
  readonly workerMiB: number;
  /** Limit of its young generation, where objects live for one exchange. */
  readonly youngMiB: number;
  /** The share of one worker would be below the least that it needs. */
  readonly tight: boolean;
}

/**
 * Divides the memory: half of it is for the heaps of the workers, in equal parts, each within the limits table. So the exhaustion of one heap ends its thread before the system ends
 * the process.
 */
export function heapBudget(workers: number, memory: number = usableMemory()): HeapBudget {
  const share = (memory * HEAP_SHARE) / Math.max(1, workers);
  const bytes = Math.min(Math.max(share, LIMITS.workerHeapLeastBytes), LIMITS.workerHeapMostBytes);
  const workerMiB = Math.floor(bytes / MIB);
  return { memory, workerMiB, youngMiB: YOUNG_MIB, tight: share < LIMITS.workerHeapLeastBytes };
}

/** Memory of the machine or, where the container has a limit, that. */
export function usableMemory(): number {
  const constrained = process.constrainedMemory();
  // Without a limit it is 0, or larger than any machine.
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
