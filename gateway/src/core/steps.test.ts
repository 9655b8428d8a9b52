import { describe, expect, it } from 'vitest';
import { runThrough, sortSteps } from './steps.ts';

describe('sorting in steps', () => {
  const compare = (a: { readonly key: number }, b: { readonly key: number }) => a.key - b.key;
  const listOf = (length: number, keyOf: (index: number) => number) =>
    Array.from({ length }, (_, index) => ({ key: keyOf(index), index }));

  it.each([0, 1, 2, 255, 256, 257, 512, 1000, 5000])(
    'orders %d items as the language does, equal ones too',
    (length) => {
      for (const keyOf of [(i: number) => (i * 7919) % 97, (i: number) => i, (i: number) => -i, () => 0]) {
        const list = listOf(length, keyOf);
        const expected = list.toSorted(compare);
        runThrough(sortSteps(list, compare));
        expect(list).toEqual(expected);
      }
    },
  );

  it('compares few items in one step', () => {
    let compared = 0;
    const counting = (a: { readonly key: number }, b: { readonly key: number }) => (compared++, a.key - b.key);
    const steps = sortSteps(
      listOf(10_000, (i) => (i * 7919) % 9973),
      counting,
    );
    let most = 0;
    for (let before = 0; steps.next().done !== true; before = compared) most = Math.max(most, compared - before);
    // A run of 256 takes at most 256 × 8 comparisons.
    expect(most).toBeLessThanOrEqual(2048);
    expect(compared).toBeGreaterThan(50_000);
  });
});
