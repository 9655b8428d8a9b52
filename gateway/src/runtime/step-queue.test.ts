import { beforeEach, describe, expect, it } from 'vitest';
import type { Steps } from '../core/steps.ts';
import { StepQueue } from './step-queue.ts';

let now = 0;

/** Steps that each take this long, in milliseconds of the test's clock. */
function* busy(name: string, steps: number, milliseconds: number, seen: string[]): Steps<void> {
  for (let step = 1; step <= steps; step++) {
    now += milliseconds;
    seen.push(`${name}${step}`);
    yield;
  }
}

describe('a queue of steps', () => {
  let queue: StepQueue;
  beforeEach(() => {
    queue = new StepQueue(() => now);
  });

  it('does what is small at once', async () => {
    const seen: string[] = [];
    const done = queue.run(busy('a', 3, 0, seen));
    expect(seen).toEqual(['a1', 'a2', 'a3']);
    expect(queue.size).toBe(0);
    await done;
  });

  it('rests between slices, so that others have their turns, and keeps the order', async () => {
    const seen: string[] = [];
    const both = Promise.all([queue.run(busy('a', 6, 2, seen)), queue.run(busy('b', 2, 2, seen))]);
    expect(seen).toEqual(['a1']);
    await new Promise(setImmediate);
    seen.push('turn');
    await both;
    expect(seen.filter((word) => word !== 'turn')).toEqual(['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2']);
    expect(seen.indexOf('turn')).toBeLessThan(seen.indexOf('b1'));
  });

  it('gives all that comes within one turn one slice together', async () => {
    const seen: string[] = [];
    const all = Promise.all(['a', 'b', 'c'].map((name) => queue.run(busy(name, 1, 3, seen))));
    expect(seen).toEqual(['a1']);
    await all;
    expect(seen).toEqual(['a1', 'b1', 'c1']);
  });

  it('does urgent work first, also before the rest of what has begun', async () => {
    const seen: string[] = [];
    const first = queue.run(busy('a', 3, 2, seen));
    const urgent = queue.run(busy('u', 2, 2, seen), true);
    await Promise.all([first, urgent]);
    expect(seen).toEqual(['a1', 'u1', 'u2', 'a2', 'a3']);
  });

  it('tells what work has thrown, and goes on with the next', async () => {
    const seen: string[] = [];
    const failing = function* (): Steps<void> {
      yield;
      throw new Error('no');
    };
    const failed = queue.run(failing());
    await Promise.all([expect(failed).rejects.toThrow('no'), queue.run(busy('a', 1, 0, seen))]);
    expect(seen).toEqual(['a1']);
  });

  it('drops its work when it is closed, also by the work itself', async () => {
    const seen: string[] = [];
    const closing = function* (): Steps<void> {
      queue.close();
      seen.push('closed');
      yield;
    };
    for (const steps of [busy('a', 1, 3, seen), closing(), busy('b', 1, 0, seen)]) {
      void queue.run(steps).then(() => seen.push('done'));
    }
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    void queue.run(busy('late', 1, 0, seen), true).then(() => seen.push('done'));
    await new Promise(setImmediate);
    expect([seen, queue.size]).toEqual([['a1', 'closed', 'done'], 0]);
  });
});
