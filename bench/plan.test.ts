import { describe, expect, it } from 'vitest';
import { readOptions } from './options.ts';
import { planOf, secondsOf, warmUpOf } from './plan.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Subject } from './subjects/subject.ts';

function subject(more: Partial<Subject> = {}): Subject {
  return {
    name: 'stub',
    obstacle: async () => null,
    versions: async () => ({}),
    start: () => Promise.reject(new Error('never')),
    ...more,
  };
}

const get = SCENARIOS.filter(({ name }) => name === 'get-1k');
const times = { duration: 4, rounds: 3, warmUp: undefined };

describe('a plan', () => {
  it('says why a subject takes no part', async () => {
    const subjects = [
      subject(),
      subject({ name: 'unable', obstacle: async ({ tls }) => `no ${tls}` }),
      subject({ name: 'missing', install: () => Promise.reject(new Error('no network')) }),
    ];
    const [plan] = await planOf({ ...readOptions([]), scenarios: get, subjects });
    expect(plan!.subjects).toEqual([subjects[0]]);
    expect(plan!.skipped).toEqual([
      { scenario: 'get-1k', subject: 'unable', reason: 'no false' },
      { scenario: 'get-1k', subject: 'missing', reason: 'cannot be installed: no network' },
    ]);
  });

  it('counts starts, warm-ups, rounds, and what is measured inside', () => {
    const plan = { scenario: get[0]!, subjects: [subject(), subject({ warmUp: 1 })], skipped: [] };
    expect(secondsOf([plan], times)).toBe(1 + 3 + 12 + 1 + 1 + 12);
    const inside = SCENARIOS.find(({ name }) => name === 'inside')!;
    expect(secondsOf([{ scenario: inside, subjects: [], skipped: [] }], times)).toBeGreaterThan(0);
  });

  it('warms a lasting subject once', () => {
    const slow = subject({ warmUp: 60, lasts: true });
    const plan = { scenario: get[0]!, subjects: [slow], skipped: [] };
    expect(secondsOf([plan, plan], times)).toBe(1 + 60 + 12 + 1 + 3 + 12);
  });
});

describe('a warm-up', () => {
  const slow = subject({ warmUp: 60 });

  it.each([
    [subject(), times, true, 3],
    [subject({ warmUp: 1 }), times, true, 1],
    [subject(), { ...times, duration: 1 }, true, 1],
    [slow, times, true, 60],
    [slow, times, false, 3],
    [slow, { ...times, duration: 2 }, true, 30],
    [slow, { ...times, warmUp: 7 }, true, 7],
    [subject(), { ...times, warmUp: 7 }, true, 3],
  ])('%# is as long as needed, and no longer than fits', (who, given, cold, seconds) => {
    expect(warmUpOf(who, given, cold)).toBe(seconds);
  });
});
