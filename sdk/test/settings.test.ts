import { readFileSync } from 'node:fs';
import { Check } from 'typebox/schema';
import { beforeAll, describe, expect, it } from 'vitest';
import { readPluginSchema } from '../../gateway/src/config/plugin-schema.ts';
import { type CompiledPlugin, compilePlugin } from '../compile.ts';
import { guest } from './guests.ts';
import { Random } from '../../conformance/fuzz/random.ts';

let plugin: CompiledPlugin;
let read: (config: string) => string;
let schema: Record<string, unknown>;

interface Reader {
  memory: WebAssembly.Memory;
  _initialize(): void;
  reserve(length: number): number;
  read(): number;
  outputAt(): number;
}

beforeAll(async () => {
  plugin = await compilePlugin(guest('settings'));
  schema = plugin.manifest?.config as Record<string, unknown>;
  const module = new WebAssembly.Module(readFileSync(plugin.path));
  const env = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, () => 0]));
  const reader = new WebAssembly.Instance(module, { env }).exports as unknown as Reader;
  reader._initialize();
  read = (config) => {
    const units = Uint16Array.from({ length: config.length }, (_, i) => config.charCodeAt(i));
    new Uint16Array(reader.memory.buffer, reader.reserve(units.length), units.length).set(units);
    const length = reader.read();
    return String.fromCharCode(...new Uint16Array(reader.memory.buffer, reader.outputAt(), length));
  };
}, 60_000);

const LEAST = { name: 'n', limits: [{ rate: 1 }] };

describe('a configuration', () => {
  it('has initial values where nothing is set', () => {
    const initial = 'none|n|é|-|x-key|x-Plain|a b|true|-7|255|1000|9007199254740991|0.5|1.0|a||red|0||0|-|1|x|none|';
    expect(read(JSON.stringify(LEAST))).toBe(initial);
  });

  it('is read into the types of its fields', () => {
    const config = {
      text: 'ä😀',
      name: 'm',
      bytes: 'ß',
      noText: '',
      header: 'X-Other',
      plainHeader: 'X-Y',
      value: '',
      flag: false,
      i: -2147483648,
      u: 4294967295,
      l: -5,
      ul: 0,
      f: -1e-3,
      ff: 1.5,
      texts: ['b', 'c'],
      names: ['X', 'y'],
      color: '',
      switches: { a: 'on' },
      pairs: { 'a b': 'c' },
      limit: { rate: 9 },
      maybe: { rate: 1, label: 'xy' },
      limits: [{ rate: 1 }, { rate: 2 }],
      any: 'y',
      password: 'p4ss',
      keys: ['k'],
    };
    const expected =
      'ä😀|m|ß||x-other|X-Y||false|-2147483648|4294967295|-5|0|-0.001|1.5|b+c|X+y||1|a b=c|9|xy|2|y|p4ss|k';
    expect(read(JSON.stringify(config))).toBe(expected);
    expect(read(JSON.stringify({ ...LEAST, header: '' }))).toContain('|-|x-Plain|');
    expect(read('{"name":"n","limits":[{"rate":1.20e2}],"i":100e-2,"u":2.0}')).toContain('|1|2|1000|');
  });

  it.each([
    [{ limits: LEAST.limits }, 'name is missing; must be a string'],
    [{ name: 'n' }, 'limits is missing; must be a list of { rate, label }'],
    [{ ...LEAST, limits: [{ rate: 1 }, {}] }, 'limits[1].rate is missing; must be an integer from 1 to 1000'],
    [{ ...LEAST, limits: [{ rate: 'a' }] }, 'limits[0].rate must be an integer from 1 to 1000, found a string'],
    [{ ...LEAST, limits: [{ rate: 13 }] }, 'limits[0].rate brings bad luck'],
    [{ ...LEAST, limits: [] }, 'limits has 0 entries; at least 1 are needed'],
    [{ ...LEAST, texts: ['a', 'b', 'c'] }, 'texts has 3 entries; at most 2 are possible'],
    [{ ...LEAST, texts: ['a', ''] }, 'texts[1] is empty; must be at least one character'],
    [{ ...LEAST, limit: { rate: 1, label: 'a' } }, 'limit.label has one character; at least 2 are needed'],
    [{ ...LEAST, limit: { rate: 1, label: 'abcd' } }, 'limit.label has 4 characters; at most 3 are possible'],
    [{ ...LEAST, names: ['a', 'b c'] }, 'names[1] is no header name; must be made of letters, digits and -'],
    [{ ...LEAST, color: 'blue' }, "color must be red, green or ''"],
    [{ ...LEAST, switches: { a: 'off' } }, 'switches.a must be on'],
    [{ ...LEAST, ff: 2 }, 'ff must be a number from 0.5 to 1.5, found the number 2'],
    [{ ...LEAST, l: 2 ** 53 }, 'l must be an integer from -5 to 9007199254740991, found the number 9007199254740992'],
    [{ ...LEAST, value: 'a\nb' }, 'value has a line break; must be text on one line'],
    [{ ...LEAST, password: 'abc' }, 'password has 3 characters; at least 4 are needed'],
    [{ ...LEAST, password: 4711 }, 'password must be a string, found a number'],
    [
      { ...LEAST, keys: [true, 4711] },
      'keys[0] must be a string, found true or false; keys[1] must be a string, found a number',
    ],
    [{ ...LEAST, maybe: { rate: 1, more: 1 } }, 'maybe.more is unknown here; known: rate, label'],
  ])('is refused: %j', (config, problem) => {
    expect(read(JSON.stringify(config))).toBe(problem);
  });
});

/** Values that some setting takes and others do not. */
const VALUES: readonly unknown[] = [
  '',
  'a',
  'ab',
  'abc',
  'abcd',
  'red',
  'on',
  'x-key',
  'x key',
  'é',
  '😀😀😀',
  '😀😀😀😀',
  'a\nb',
  'a\0',
  'null',
  'x'.repeat(300),
  0,
  -0,
  1,
  5,
  13.5,
  -5,
  -6,
  1000,
  1001,
  0.5,
  1.5,
  0.49999,
  1e-7,
  1e21,
  1e300,
  -1e300,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 32 - 1,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  true,
  false,
  null,
  [],
  {},
  [''],
  ['a'],
  ['a', 'b'],
  ['a', 'b', 'c'],
  [1],
  [null],
  ['x-y'],
  ['x y'],
  [[]],
  { a: 'b' },
  { a: 1 },
  { a: 'on' },
  { '': 'on' },
  { rate: 1 },
  { rate: 0 },
  { rate: 1, label: 'ab' },
  { rate: '1' },
  { rate: 1, label: '😀😀' },
  { label: 'abc' },
  { rate: 1, x: 1 },
  [{ rate: 1 }],
  [{ rate: 1 }, { rate: 5, label: 'a' }],
  [{ rate: 1 }, { rate: 2 }, { rate: 3 }],
  [{}],
  [{ rate: 1 }, 'a'],
  { rate: null },
];

describe('schema and reader', () => {
  it('take the same configurations', () => {
    const { schema: checked, problem } = readPluginSchema(schema);
    expect([problem, checked?.type]).toEqual(['', 'object']);
    const names = [...Object.keys(schema['properties'] as object), 'unknown'];
    let taken = 0;
    const compare = (config: unknown): void => {
      const problems = read(JSON.stringify(config));
      const isTaken = problems.startsWith('none|') || problems.split('|').length > 20;
      if (Check(schema, config) !== isTaken) {
        throw new Error(
          `${isTaken ? 'only the reader' : 'only the schema'} takes ${JSON.stringify(config)}: ${problems}`,
        );
      }
      taken += Number(isTaken);
    };
    for (const name of names) for (const value of VALUES) compare({ ...LEAST, [name]: value });
    const random = new Random(7);
    for (let i = 0; i < 3000; i++) {
      const changes = Array.from({ length: 1 + random.below(5) }, () => [random.pick(names), random.pick(VALUES)]);
      compare({ ...(random.chance(90) ? LEAST : {}), ...Object.fromEntries(changes) });
    }
    expect(taken).toBeGreaterThan(300);
  });

  it('describe the settings', () => {
    const { properties, required } = schema as { properties: Record<string, unknown>; required: unknown };
    expect(required).toEqual(['name', 'limits']);
    expect(properties['text']).toEqual({ description: 'A text.', type: 'string', default: 'none' });
    expect(properties['limit']).toMatchObject({
      description: 'Another description.',
      properties: {
        rate: { description: 'How many. In a second.\nAnd no more.', type: 'integer', minimum: 1, maximum: 1000 },
      },
    });
    expect(properties['maybe']).toMatchObject({ description: 'What a limit is.' });
    expect(properties['password']).toEqual({ type: 'string', minLength: 4, writeOnly: true });
    expect(properties['u']).toEqual({ type: 'integer', minimum: 0, maximum: 4294967295, default: 255 });
    expect(Object.keys(properties)).not.toContain('derived');
  });
});
