import { beforeAll, describe, expect, it } from 'vitest';
import { loadJsonReader, type Parsed } from './json-guest.ts';

let read: (text: string) => Parsed;

beforeAll(async () => {
  read = await loadJsonReader();
}, 60_000);

/** Strict equality that tells -0 from 0; a number may differ by the last bit. */
function expectSame(actual: unknown, expected: unknown): void {
  if (typeof expected === 'number' && Number.isFinite(expected) && expected !== 0) {
    expect(Math.abs((actual as number) - expected) / Math.abs(expected)).toBeLessThanOrEqual(2 ** -52);
    return;
  }
  if (typeof expected !== 'object' || expected === null) {
    expect(actual).toBe(expected);
    return;
  }
  expect(Object.keys(actual as object)).toEqual(Object.keys(expected));
  for (const key of Object.keys(expected)) {
    expectSame((actual as Record<string, unknown>)[key], (expected as Record<string, unknown>)[key]);
  }
}

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
    '['.repeat(64) + ']'.repeat(64),
  ])('%s', (text) => {
    const parsed = read(text);
    expect(parsed).toHaveProperty('value');
    expectSame((parsed as { value: unknown }).value, JSON.parse(text));
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

/** A small generator with a fixed seed, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomDocument(pick: (below: number) => number, depth: number): unknown {
  const text = (): string =>
    String.fromCharCode(...Array.from({ length: pick(6) }, () => pick(pick(2) ? 0x80 : 0x10000)));
  switch (pick(depth > 4 ? 5 : 7)) {
    case 0:
      return [null, true, false][pick(3)];
    case 1:
      return pick(2 ** 31) - 2 ** 30;
    case 2:
      return (pick(2 ** 31) - 2 ** 30) / 2 ** pick(60);
    case 3:
      return pick(2 ** 31) * 10 ** (pick(40) - 20);
    case 4:
      return text();
    case 5:
      return Array.from({ length: pick(4) }, () => randomDocument(pick, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: pick(4) }, (_, i) => [`${text()}-${i}`, randomDocument(pick, depth + 1)]),
      );
  }
}

describe('compared with JSON.parse', () => {
  it('reads 3000 generated documents alike', () => {
    const pick = random(1);
    for (let i = 0; i < 3000; i++) {
      const text = JSON.stringify(randomDocument(pick, 0), null, pick(3));
      const parsed = read(text);
      if (!('value' in parsed)) throw new Error(`refused ${text}: ${parsed.error}`);
      expectSame(parsed.value, JSON.parse(text));
    }
  });

  it('accepts and refuses 20000 damaged documents alike', () => {
    const pick = random(2);
    const alphabet = '{}[]",:\\0123456789.eE+-tfn u\n';
    let refused = 0;
    for (let i = 0; i < 20_000; i++) {
      const text = JSON.stringify(randomDocument(pick, 2));
      const at = pick(text.length + 1);
      const damaged = text.slice(0, at) + alphabet[pick(alphabet.length)]! + text.slice(at + pick(3));
      let valid = true;
      try {
        JSON.parse(damaged);
      } catch {
        valid = false;
        refused++;
      }
      if ('value' in read(damaged) !== valid) throw new Error(`${valid ? 'refused' : 'accepted'} ${damaged}`);
    }
    expect(refused).toBeGreaterThan(10_000);
  });
});
