import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../conformance/fuzz/random.ts';
import { compare, damaged, generated } from './json-fuzz.ts';
import { loadJsonReader, type Parsed } from './json-guest.ts';

let read: (text: string) => Parsed;

beforeAll(async () => {
  read = await loadJsonReader();
}, 60_000);

describe('documents', () => {
  it.each([
    'null',
    'true',
    ' false ',
    '0',
    '-0',
    '12.5e-3',
    '1E+2',
    '1e400',
    '-9223372036854775807',
    '123456789012345678',
    '""',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"\\u0041\\u00e9\\u65E5\\uD83D\\uDE00\\uD800"',
    '"é日本😀 \u007f"',
    '[]',
    '{}',
    '[1,[2,[3]],{"a":[{}]}]',
    '\t\r\n{ "a" : 1 , "b" : [ ] }\n',
    '{"":"","\\u0061b":1}',
    `"${'line\\n'.repeat(20_000)}"`,
    '"\\u00e9\\\\"',
    '['.repeat(64) + ']'.repeat(64),
  ])('%.40s', (text) => {
    expect(compare(read, text)).toBe(true);
  });
});

describe('errors name what is expected and where', () => {
  it.each([
    ['', 'a value is expected', 0],
    ['  ', 'a value is expected', 2],
    ['nul', '"null" is expected', 3],
    ['nulL', '"null" is expected', 3],
    ['True', 'a value is expected', 0],
    ['1 2', 'nothing more is expected after the document', 2],
    ['\uFEFF{}', 'a value is expected', 0],
    ['01', 'nothing more is expected after the document', 1],
    ['-', 'a digit is expected', 1],
    ['+1', 'a value is expected', 0],
    ['.5', 'a value is expected', 0],
    ['1.', 'a digit is expected', 2],
    ['1e', 'a digit is expected', 2],
    ['1e+', 'a digit is expected', 3],
    ['0x10', 'nothing more is expected after the document', 1],
    ['"abc', 'the string has no end', 4],
    ['"a\nb"', 'a control character must be escaped', 2],
    ['"a\\xb"', 'no such escape', 3],
    ['"\\u12g4"', 'no such escape', 5],
    ['"\\u12', 'no such escape', 5],
    ['"\\', 'no such escape', 2],
    ["'a'", 'a value is expected', 0],
    ['[1,]', 'a value is expected', 3],
    ['[1 2]', '"," or "]" is expected', 3],
    ['[1}', '"," or "]" is expected', 2],
    ['[', 'a value is expected', 1],
    ['{"a":1,}', 'a name in double quotes is expected', 7],
    ['{a:1}', 'a name in double quotes is expected', 1],
    ['{"a" 1}', '":" is expected', 5],
    ['{"a":}', 'a value is expected', 5],
    ['{"a":1 "b":2}', '"," or "}" is expected', 7],
    ['{"a":1', '"," or "}" is expected', 6],
    ['//x\n1', 'a value is expected', 0],
    ['['.repeat(65) + ']'.repeat(65), 'at most 64 levels are allowed', 64],
    ['{"a":'.repeat(100_000), 'at most 64 levels are allowed', 320],
  ])('%.20s', (text, error, offset) => {
    expect(read(text)).toEqual({ error, offset });
    if (!error.startsWith('at most')) expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  });
});

describe('compared with JSON.parse', () => {
  it.each([
    ['reads generated documents alike', 3000, generated],
    ['takes and refuses damaged documents alike', 20_000, damaged],
  ])('%s', (_name, count, make) => {
    const random = new Random(count);
    const taken = Array.from({ length: count }, () => compare(read, make(random))).filter((isTaken) => isTaken).length;
    expect(taken).toBeGreaterThan(count / 10);
  });

  it('goes down to 64 levels and no further', () => {
    const random = new Random(64);
    for (let i = 0; i < 300; i++) {
      const levels = 55 + random.below(20);
      const opened = Array.from({ length: levels }, () => random.pick(['[', '{"a":', '[1,', '{"b":1,"":']));
      const closed = opened.toReversed().map((text) => (text.startsWith('[') ? ']' : '}'));
      const text = `${opened.join('')}0${closed.join('')}`;
      expect('value' in read(text), text).toBe(levels <= 64);
    }
  });
});
