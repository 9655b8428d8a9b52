import { totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { heapBudget, usableMemory } from './worker-budget.ts';

const GIB = 1024 ** 3;

describe('heapBudget', () => {
  it.each([
    [1, 1 * GIB, 512],
    [2, 1 * GIB, 256],
    [4, 2 * GIB, 256],
    [1, 64 * GIB, 4096],
  ])('gives each of %d workers its part of half of %d bytes', (workers, memory, workerMiB) => {
    expect(heapBudget(workers, memory)).toEqual({ memory, workerMiB, youngMiB: 12, tight: false });
  });

  it('goes below what a worker needs for no number of them, and says so', () => {
    const least = LIMITS.workerHeapLeastBytes / 1024 ** 2;
    expect(heapBudget(8, 1 * GIB)).toEqual({ memory: 1 * GIB, workerMiB: least, youngMiB: 12, tight: true });
  });

  it('counts the memory of the container, and never more than the machine has', () => {
    expect(usableMemory()).toBeGreaterThan(0);
    expect(usableMemory()).toBeLessThanOrEqual(totalmem());
  });
});
