import { describe, expect, it } from 'vitest';
import type { Endpoint } from './endpoint.ts';
import { P2cSelector } from './p2c.ts';
import { RoundRobinSelector } from './round-robin.ts';
import { countPicks, runSelectorSuite } from './selector.suite.ts';
import { endpointsOf, seededRandom } from './upstream.suite.ts';

runSelectorSuite('round robin', (endpoints, random) => new RoundRobinSelector(endpoints, random, null));
runSelectorSuite('power of two choices', (endpoints, random) => new P2cSelector(endpoints, random));

const none = (): number => 0;

function names(selector: RoundRobinSelector, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += selector.select(null)!.record.address;
  return text;
}

/** Farthest that any endpoint gets from its share, in picks, over `count` picks. */
function worstDeviation(pick: () => number, weights: readonly number[], count: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const counts = weights.map(() => 0);
  let worst = 0;
  for (let k = 1; k <= count; k++) {
    counts[pick()]!++;
    for (const [i, weight] of weights.entries()) worst = Math.max(worst, Math.abs(counts[i]! - (k * weight) / total));
  }
  return worst;
}

/** nginx's smooth weighted round robin: everybody gains its weight, the richest pays the total. */
function nginxPick(weights: readonly number[]): () => number {
  const current = weights.map(() => 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return () => {
    let best = 0;
    for (const [i, weight] of weights.entries()) {
      current[i]! += weight;
      if (current[i]! > current[best]!) best = i;
    }
    current[best]! -= total;
    return best;
  };
}

describe('round robin', () => {
  it('takes equal endpoints in turn', () => {
    const text = names(new RoundRobinSelector(endpointsOf([1, 1, 1]), none, null), 9);
    expect(text.slice(3)).toBe(text.slice(0, 6));
    expect(new Set(text.slice(0, 3)).size).toBe(3);
  });

  it('spreads a heavy endpoint over the round', () => {
    const text = names(new RoundRobinSelector(endpointsOf([5, 1, 1]), none, null), 14);
    expect(text.slice(0, 7)).toBe(text.slice(7));
    expect(text.match(/a/g)).toHaveLength(10);
    expect(text).not.toMatch(/aaaa|bb|cc|bc|cb/);
  });

  it.each([
    [[5, 1, 1]],
    [[1, 2, 3, 4, 5]],
    [[100, 1, 1, 1, 50]],
    [[7, 7, 3, 1, 1, 1, 1]],
    [Array.from({ length: 40 }, (_, i) => 1 + ((i * 37) % 11))],
  ])("keeps everybody as close to its share as nginx's: %j", (weights) => {
    const endpoints = endpointsOf(weights);
    const selector = new RoundRobinSelector(endpoints, none, null);
    const ours = worstDeviation(() => endpoints.indexOf(selector.select(null)!), weights, 5000);
    const nginx = worstDeviation(nginxPick(weights), weights, 5000);
    expect(ours).toBeLessThan(1.0001);
    expect(ours).toBeLessThan(nginx + 0.5);
  });

  it('starts newcomers anywhere in their interval and stays within two turns of the shares', () => {
    const weights = [3, 1, 4, 1, 5];
    for (let seed = 0; seed < 20; seed++) {
      const endpoints = endpointsOf(weights);
      const selector = new RoundRobinSelector(endpoints, seededRandom(seed), null);
      expect(worstDeviation(() => endpoints.indexOf(selector.select(null)!), weights, 2000)).toBeLessThan(2);
    }
  });

  it('goes on with the round when the list changes', () => {
    const endpoints = endpointsOf([1, 1, 1, 1]);
    let selector = new RoundRobinSelector(endpoints, none, null);
    const picked: Endpoint[] = [];
    for (let i = 0; i < 8; i++) {
      picked.push(selector.select(null)!);
      selector = new RoundRobinSelector(endpoints, none, selector);
    }
    expect(new Set(picked.slice(0, 4)).size).toBe(4);
    expect(new Set(picked.slice(4)).size).toBe(4);
  });

  it('keeps its shares over millions of picks', () => {
    const endpoints = endpointsOf([3, 1]);
    const selector = new RoundRobinSelector(endpoints, none, null);
    const picks = 2 ** 21 + 4;
    expect(countPicks(selector, endpoints, picks)[0]! / picks).toBeCloseTo(0.75, 4);
  });
});

describe('power of two choices', () => {
  it('prefers the endpoint with less in flight for its weight', () => {
    const endpoints = endpointsOf([1, 1]);
    endpoints[0]!.inFlight = 3;
    const counts = countPicks(new P2cSelector(endpoints, seededRandom(1)), endpoints, 1000);
    expect(counts).toEqual([0, 1000]);
  });

  it('counts load by weight', () => {
    const endpoints = endpointsOf([1, 4]);
    endpoints[0]!.inFlight = 2;
    endpoints[1]!.inFlight = 4;
    expect(countPicks(new P2cSelector(endpoints, seededRandom(1)), endpoints, 1000)).toEqual([0, 1000]);
  });

  it('takes load off a slow endpoint', () => {
    const endpoints = endpointsOf([1, 1, 1, 1]);
    const selector = new P2cSelector(endpoints, seededRandom(1));
    const finished = [0, 0, 0, 0];
    const running: { endpoint: Endpoint; until: number }[] = [];
    for (let now = 0; now < 4000; now++) {
      for (let i = running.length - 1; i >= 0; i--) {
        if (running[i]!.until > now) continue;
        const [{ endpoint }] = running.splice(i, 1) as [(typeof running)[number]];
        endpoint.inFlight--;
        finished[endpoints.indexOf(endpoint)]!++;
      }
      const endpoint = selector.select(null)!;
      endpoint.inFlight++;
      running.push({ endpoint, until: now + (endpoint === endpoints[0] ? 50 : 5) });
    }
    expect(finished[0]!).toBeLessThan(finished[1]! / 2);
  });
});
