import { describe, expect, it } from 'vitest';
import { compileSplit } from './split.ts';

function shares(weights: readonly number[], samples = 10_000): number[] {
  const split = compileSplit({ services: weights.map((weight, i) => ({ service: `s${i}`, weight })) })!;
  const counts = weights.map(() => 0);
  for (let i = 0; i < samples; i++) {
    const service = split.pick(i / samples);
    if (service !== null) counts[Number(service.slice(1))]!++;
  }
  return counts.map((count) => count / samples);
}

describe('ServiceSplit', () => {
  it('shares by weight', () => {
    expect(shares([70, 30])).toEqual([0.7, 0.3]);
    expect(shares([1, 1, 2])).toEqual([0.25, 0.25, 0.5]);
  });

  it('gives nothing to a weight of 0, in any place', () => {
    expect(shares([0, 1, 0, 3, 0])).toEqual([0, 0.25, 0, 0.75, 0]);
  });

  it('has no service when no one has a weight', () => {
    expect(compileSplit({ services: [{ service: 'a', weight: 0 }] })!.pick(0)).toBeNull();
  });

  it('is stable with one service', () => {
    const split = compileSplit({ service: 'only' })!;
    for (const random of [0, 0.5, 1 - Number.EPSILON]) expect(split.pick(random)).toBe('only');
    expect(split.services).toEqual(['only']);
  });

  it('is absent without upstream', () => {
    expect(compileSplit(undefined)).toBeNull();
  });
});
