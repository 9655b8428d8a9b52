import { describe, expect, it } from 'vitest';
import { caseOf } from './case.ts';
import { compared } from './compare.ts';
import { CONFIGURATIONS } from './configurations.ts';
import type { Difference } from './differences.ts';
import type { Fields } from './message.ts';
import { CASES } from './suite.ts';
import type { Observed } from './world.ts';

const one = caseOf(
  'one',
  'all',
  { headers: ['x-sent: 1'] },
  { status: 200, service: { headers: { 'x-added': ['2'] } } },
);

function observed(headers: Fields = {}, request: Fields = {}, body = 'text'): Observed {
  const seen = { 'x-case': [String(Math.random())], 'x-sent': ['1'], 'x-added': ['2'], ...request };
  return {
    response: { status: 200, headers, body, trailers: {}, cut: false },
    requests: [{ method: 'GET', target: '/', headers: seen, body: '', trailers: {} }],
  };
}

describe('a comparison', () => {
  it('lets pass what is named, and notes it', () => {
    const used = new Set<Difference>();
    const sluice = observed({ date: ['a'], vary: ['a', 'b'] }, { traceparent: ['x'] });
    expect(compared(one, sluice, observed({ date: ['b'], vary: ['a, b'] }), used)).toMatch(/^200, 4 bytes/);
    expect([...used].map(({ header }) => header).sort()).toEqual(['date', 'traceparent', 'vary']);
  });

  it.each<[string, Observed, RegExp]>([
    ['a header of the response', observed({ 'x-more': ['1'] }), /response\.headers\.x-more: nothing \| \["1"\]/],
    ['a header of the request', observed({}, { 'x-more': ['1'] }), /requests\.0\.headers\.x-more/],
    ['the order of values', observed({ 'x-two': ['b', 'a'] }), /x-two/],
    ['the trace of the other gateway', observed({}, { traceparent: ['x'] }), /traceparent/],
    ['a body', observed({}, {}, 'other'), /response\.body: "text" \| "other"/],
    ['what the case sends', observed({}, { 'x-sent': ['2'] }), /x-sent/],
    ['no request', { ...observed(), requests: [] }, /1 requests of envoy/],
    ['no response', { ...observed(), response: null }, /a whole response of envoy/],
  ])('finds what is not: %s', (_what, envoy, message) => {
    expect(() => compared(one, observed({ 'x-two': ['a', 'b'] }), envoy, new Set())).toThrow(message);
  });

  it('finds what both do wrong', () => {
    const wrong = () => observed({}, { 'x-added': ['3'] });
    expect(() => compared(one, wrong(), wrong(), new Set())).toThrow(/request of sluice: x-added: \["2"\]/);
  });
});

describe('the cases', () => {
  it.each(Object.entries(CASES))('of %s have names and configurations of their own', (_name, cases) => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { configuration } of cases) expect(Object.keys(CONFIGURATIONS)).toContain(configuration);
  });
});
