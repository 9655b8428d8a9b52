import { describe, expect, it } from 'vitest';
import type { Endpoint } from './endpoint.ts';
import type { Random, Selector } from './selector.ts';
import { endpointsOf, seededRandom } from './upstream.suite.ts';

export type MakeSelector = (endpoints: readonly Endpoint[], random: Random) => Selector;

/** Picks `count` times and says how often each endpoint came, in the order of the list. */
export function countPicks(selector: Selector, endpoints: readonly Endpoint[], count: number): number[] {
  const counts = new Map<Endpoint, number>();
  for (let i = 0; i < count; i++) {
    const endpoint = selector.select(null)!;
    counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  }
  return endpoints.map((endpoint) => counts.get(endpoint) ?? 0);
}

/** What every selector must do. */
export function runSelectorSuite(name: string, make: MakeSelector): void {
  describe(`selector: ${name}`, () => {
    it('has nothing to offer when it is empty', () => {
      const selector = make([], seededRandom(1));
      expect([selector.size, selector.select(null)]).toEqual([0, null]);
    });

    it.each([[[1]], [[1, 1, 1]], [[5, 1, 1]], [[1, 100]], [[0.5, 0.25, 0.25]], [[10_000, 1, 300, 7]], [[1e-9, 2e-9]]])(
      'gives idle endpoints of weights %j their shares',
      (weights) => {
        const endpoints = endpointsOf(weights);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const picks = 100_000;
        const counts = countPicks(make(endpoints, seededRandom(2)), endpoints, picks);
        for (const [i, weight] of weights.entries()) {
          expect(Math.abs(counts[i]! / picks - weight / total)).toBeLessThan(0.01);
        }
      },
    );

    it('avoids tried endpoints, however heavy, and says when all were tried', () => {
      const endpoints = endpointsOf([10_000, 1, 1]);
      const selector = make(endpoints, seededRandom(3));
      for (let i = 0; i < 50; i++) {
        expect(selector.select(endpoints.slice(0, 1))).not.toBe(endpoints[0]);
        expect(selector.select(endpoints.slice(0, 2))).toBe(endpoints[2]);
        expect(selector.select(endpoints)).toBeNull();
      }
      expect(countPicks(selector, endpoints, 1000)[0]).toBeGreaterThan(950);
    });

    it('survives weights at the edge of what numbers can hold', () => {
      const endpoints = endpointsOf([Number.MAX_VALUE / 4, Number.MIN_VALUE, 1]);
      const selector = make(endpoints, seededRandom(4));
      expect(countPicks(selector, endpoints, 1000)[0]).toBeGreaterThan(990);
    });

    it('picks among 30 000 endpoints in no more time than among few', () => {
      const endpoints = endpointsOf(Array.from({ length: 30_000 }, (_, i) => 1 + (i % 7)));
      const selector = make(endpoints, seededRandom(5));
      const started = performance.now();
      for (let i = 0; i < 100_000; i++) selector.select(null);
      expect(performance.now() - started).toBeLessThan(1500);
    });
  });
}
