import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { parseConfigText } from './document.ts';

function messages(text: string): string[] {
  return parseConfigText('f.yaml', text).problems.map(
    ({ line, column, key, message }) => `${line}:${column} ${key}: ${message}`,
  );
}

describe('parseConfigText', () => {
  it.each([
    ['a: 1\nb: [x, yes, 012, 0x10, 1e3]', { a: 1, b: ['x', 'yes', 12, 16, 1000] }],
    ['a: &x { b: 1 }\nc: *x', { a: { b: 1 }, c: { b: 1 } }],
    ['a: &x 1\nb: *x\nc: &x 2\nd: *x', { a: 1, b: 1, c: 2, d: 2 }],
    ['{"a": ["\\u00e9", null]}', { a: ['é', null] }],
    ['%YAML 1.1\n---\na: yes', { a: 'yes' }],
    ['8080: x\ntrue: y\ntoString: z', { 8080: 'x', true: 'y', toString: 'z' }],
    ['\ufeffa: 1', { a: 1 }],
  ])('reads %j', (text, value) => {
    const document = parseConfigText('f.yaml', text);
    expect(document.problems).toEqual([]);
    expect(document.value).toEqual(value);
  });

  it.each([
    ['a:\n\tb: 1', '2:1 : tabs are not allowed as indentation'],
    ['a: 1\nb: 2\na: 3', '3:1 a: the key is there twice, first at 1:1'],
    ['a: 1\n---\nb: 2', '2:1 : the file has several documents'],
    ['# nothing\n', '0:0 : the file is empty'],
    ['a: !tag 1', '1:4 : unresolved tag: !tag'],
    ['a: .nan', '1:4 a: .nan is not a number that JSON knows'],
    [
      'a: 9007199254740993',
      '1:4 a: 9007199254740993 has more digits than a number holds: it would be read as 9007199254740992',
    ],
    [
      'a: [-9223372036854775808]',
      '1:5 a[0]: -9223372036854775808 has more digits than a number holds: it would be read as -9223372036854776000',
    ],
    [
      'a: 0xFFFFFFFFFFFFFFFF',
      '1:4 a: 0xFFFFFFFFFFFFFFFF has more digits than a number holds: it would be read as 18446744073709552000',
    ],
    ['a: &x k\n*x : 1', '2:1 : a key that is a list, a mapping, an alias or nothing'],
    ['a: &x { b: 1 }\nc:\n  <<: *x', '3:3 c["<<"]: merge keys (<<) are not part of YAML 1.2'],
    ['__proto__: { a: 1 }', '1:1 __proto__: __proto__ cannot be a key'],
    ['? [a]\n: 1', '1:3 : a key that is a list, a mapping, an alias or nothing'],
    ['a: *x', '1:4 a: there is no anchor &x before *x'],
    ['a: &x [*x]', '1:8 a[0]: the alias holds itself'],
    ['a: b: c', '1:4 : a "key: value" inside a value'],
  ])('refuses %j', (text, message) => {
    expect(messages(text)).toEqual([message]);
  });

  it.each([
    ['nested lists', '['.repeat(100_000)],
    ['nested mappings', Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['nested keys', `${'? '.repeat(5000)}x`],
    [
      'aliases of aliases',
      Array.from(
        { length: 12 },
        (_, i) =>
          `a${i}: &a${i} [${Array(9)
            .fill(i === 0 ? 'x' : `*a${i - 1}`)
            .join()}]`,
      ).join('\n'),
    ],
    ['aliases of a long list', `a: &a [${'1,'.repeat(100_000)}]\nb: [${'*a,'.repeat(99)}]`],
    ['many items', `a:\n${'- 1\n'.repeat(LIMITS.configMarks)}`],
    ['many anchors', `a: ${'&a '.repeat(LIMITS.configMarks + 1)}`],
    ['a long text', `a: "${'x'.repeat(LIMITS.configFileBytes)}"`],
  ])('bounds %s', (_, text) => {
    const { problems, value } = parseConfigText('f.yaml', text);
    expect(problems[0]!.code).toMatch(/^SLUICE_CONFIG_(TOO_LARGE|SYNTAX)$/);
    if (problems[0]!.code === 'SLUICE_CONFIG_TOO_LARGE') expect(value).toBeUndefined();
  });

  it.each([
    ['alias', `a: *${'x'.repeat(10_000)}`],
    ['tag', `a: !${'x'.repeat(10_000)} 1`],
    ['key', `? ${'x'.repeat(10_000)}\n: 1\n? ${'x'.repeat(10_000)}\n: 2`],
  ])('does not repeat a long %s in its message', (_, text) => {
    const [problem] = parseConfigText('f.yaml', text).problems;
    expect(problem!.message.length + problem!.key.length).toBeLessThan(1100);
  });

  it('finds repeated keys among many in linear time', () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`);
    expect(messages([...keys, 'k7: 1'].join('\n'))).toEqual(['20001:1 k7: the key is there twice, first at 8:1']);
  });

  it('locates values, keys, and what stands behind an alias', () => {
    const document = parseConfigText('f.yaml', 'a: &x\n  b: 1\nc: *x\nd:\n  - e: 2\n');
    expect(document.locate(['d', 0, 'e'], 'value')).toEqual({ line: 5, column: 8 });
    expect(document.locate(['d', 0, 'e'], 'key')).toEqual({ line: 5, column: 5 });
    expect(document.locate(['c', 'b'], 'value')).toEqual({ line: 2, column: 6 });
    expect(document.locate(['d', 0, 'missing'], 'value')).toEqual({ line: 5, column: 5 });
    expect(document.sourceOf(['d', 0, 'e'])).toBe('2');
  });
});
