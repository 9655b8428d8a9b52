import { describe, expect, it } from 'vitest';
import { GatewayError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { compileRegex, enableLinearRegex, replacementProblem } from './regex.ts';

function refusal(source: string): string {
  try {
    compileRegex(source);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'SLUICE_CONFIG_REGEX') return error.detail;
    throw error;
  }
  return 'accepted';
}

describe('enableLinearRegex', () => {
  it('proves the fallback by a probe', () => {
    expect(() => enableLinearRegex()).not.toThrow();
  });
});

describe('compileRegex', () => {
  it.each([
    ['v[0-9]+', 'v12', true, 'v8'],
    ['v[0-9]+', 'v12x', false, 'v8'],
    ['a|ab', 'ab', true, 'v8'],
    ['/user/(?<id>[^/]+)', '/user/7', true, 'v8'],
    ['(?i)cam-[0-9]+', 'CAM-22', true, 're2'],
    ['cam', 'CAM', false, 'v8'],
    ['[0-9a-f]{32}', '0123456789abcdef0123456789abcdef', true, 're2'],
    ['\\p{Lu}x', 'Äx', true, 're2'],
    ['[[:alpha:]]+', 'abc', true, 're2'],
    ['\\d{4}-\\d{2}', '2026-01', true, 'v8'],
  ] as const)('%s on %s: %s by %s', (source, input, answer, engine) => {
    const regex = compileRegex(source);
    expect(regex.test(input)).toBe(answer);
    expect(regex.engine).toBe(engine);
  });

  it.each([
    ['(', 'Unterminated group'],
    ['a)(b', "Unmatched ')'"],
    ['*', 'Nothing to repeat'],
    ['[b-a]', 'Range out of order in character class'],
    ['(?=a)b', 'look-around, back references and inline groups cannot be matched in linear time'],
    ['(?!a)b', 'look-around, back references and inline groups cannot be matched in linear time'],
    ['(a)\\1', 'invalid escape sequence: `\\1`'],
    ['(?i)(', 'missing closing ): `(?i)(`'],
    ['a'.repeat(1025), 'the pattern is longer than 1024 characters'],
    ['(x{900}){900}', 'the pattern is too costly: its repetitions unfold to 810900 steps, 1024 are allowed'],
  ])('refuses %s', (source, reason) => {
    expect(refusal(source)).toBe(reason);
  });

  const long = 'a'.repeat(LIMITS.regexInputLength);
  it.each([
    '(a+)+$',
    '(a|a)*b',
    '(a*)*b',
    '(.*)*x(.*)*y(.*)*z',
    '(a?){16}'.repeat(3),
    'a*'.repeat(500),
    '(.*?x?){16}'.repeat(6),
    '(?i)(a+)+b',
    '(?i)(a|b)*a(a|b){60}',
  ])('answers hostile %s in time', (source) => {
    const regex = compileRegex(source);
    const inputs = [`${long.slice(1)}\n`, `${long.slice(0, regex.inputLimit - 1)}\n`];
    const begin = performance.now();
    for (const input of inputs) expect(regex.test(input)).toBe(false);
    // Without the linear engine each takes longer than the age of the universe.
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  it('does not match inputs beyond the limit, which is shorter for costly patterns', () => {
    expect(compileRegex('a*').test(long)).toBe(true);
    expect(compileRegex('a*').test(`${long}a`)).toBe(false);
    const costly = compileRegex('(a?){300}');
    expect(costly.inputLimit).toBeLessThan(LIMITS.regexInputLength / 10);
    expect(costly.cost * costly.inputLimit).toBeLessThanOrEqual(LIMITS.regexWork);
  });

  it.each([
    ['/old/(.*)', '/old/a/b', '/new/$1', '/new/a/b'],
    ['o', 'foo', '0', 'f00'],
    ['(a)(b)?', 'a', '[$2|$1|$&|$$]', '[|a|a|$]'],
    ['(?i)OLD', 'xoldx', 'new', 'xnewx'],
    ['(?i)(a)(b)', 'AB', '$2$1', 'BA'],
    ['x', 'abc', 'y', 'abc'],
  ])('replaces %s in %s by %s', (source, input, replacement, result) => {
    expect(compileRegex(source).replace(input, replacement)).toBe(result);
  });

  it('leaves an input beyond the limit as it is', () => {
    expect(compileRegex('a').replace(`${long}a`, 'b')).toBe(`${long}a`);
  });
});

describe('replacementProblem', () => {
  it.each([
    ['(a)', '$1', null],
    ['(a)', '$$5 $& $12', null],
    ['a', '$1', 'the pattern has no group 1'],
    ['(a)', '$2', 'the pattern has no group 2'],
    ['(a)', '$0', 'the pattern has no group 0'],
    ['(a)', '$', '"$" is not a group reference'],
    ['(?<n>a)', '$<n>', '"$<" is not a group reference'],
  ])('of %s with %s is %s', (source, replacement, problem) => {
    expect(replacementProblem(compileRegex(source), replacement)).toBe(problem);
  });
});
