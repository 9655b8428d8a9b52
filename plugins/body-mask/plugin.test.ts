import { loadPlugin, type PluginTestHost, type TestBody, type TestUpstream } from '../../gateway/src/testing/index.ts';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPlugin } from '../build.ts';
import { refusalOf } from '../refusal.ts';

let module: string;
let plugin: PluginTestHost;

beforeAll(async () => {
  module = (await buildPlugin('body-mask')).path;
}, 60_000);

afterEach(() => plugin?.close());

async function load(config: Record<string, unknown> = { fields: ['wifiPassword'] }): Promise<void> {
  plugin = await loadPlugin(module, { config });
}

const JSON_TYPE = { 'content-type': 'application/json' };

async function answer(upstream: TestUpstream) {
  const { response } = await plugin.exchange({ upstream: { headers: JSON_TYPE, ...upstream } });
  return response;
}

/** What the client gets of a JSON body; null: not all of it. */
async function pass(body: TestBody): Promise<string | null> {
  const response = await answer({ body });
  return response?.status === 200 ? response.body : null;
}

describe('a masked field', () => {
  it.each([
    ['{"wifiPassword":"secret"}', '{"wifiPassword":"***"}'],
    ['{"a":1,"wifiPassword":"s\\"ecr\\\\et","b":2}', '{"a":1,"wifiPassword":"***","b":2}'],
    ['{"wifiPassword":12.5e-3}', '{"wifiPassword":"***"}'],
    ['{"wifiPassword":0,"a":0}', '{"wifiPassword":"***","a":0}'],
    ['{"wifiPassword":true}', '{"wifiPassword":"***"}'],
    ['{"wifiPassword":null }', '{"wifiPassword":"***" }'],
    ['{"wifiPassword":{"a":[1,{"b":"}]"}],"wifiPassword":2}}', '{"wifiPassword":"***"}'],
    ['{"wifiPassword":[[],"]",{}],"a":[]}', '{"wifiPassword":"***","a":[]}'],
    ['{"wifiPassword":{}}', '{"wifiPassword":"***"}'],
    ['{ "wifiPassword" :\n "secret"\t, "a": 1 }', '{ "wifiPassword" :\n "***"\t, "a": 1 }'],
    ['{"wifiPassword":"a","wifiPassword":"b"}', '{"wifiPassword":"***","wifiPassword":"***"}'],
    ['[{"x":{"y":[{"wifiPassword":"secret"}]}}]', '[{"x":{"y":[{"wifiPassword":"***"}]}}]'],
    ['{"wifi\\u0050assword":"secret"}', '{"wifi\\u0050assword":"***"}'],
    ['{"\\u0077\\u0069\\u0066iPassword":"secret"}', '{"\\u0077\\u0069\\u0066iPassword":"***"}'],
    ['{"wifiPassword":1}{"wifiPassword":2}\n{"wifiPassword":3}\n', '{"wifiPassword":"***"}{"wifiPassword":"***"}\n{"wifiPassword":"***"}\n'],
    ['\ufeff{"wifiPassword":1}', '\ufeff{"wifiPassword":"***"}'],
  ])('%s', async (before, after) => {
    await load();
    expect(await pass(before)).toBe(after);
  });

  it.each([
    '{"wifiPasswor":"seen","WifiPassword":"seen","wifiPassword2":"seen","xwifiPassword":"seen","":"seen"}',
    '{"a":"wifiPassword","b":["wifiPassword","seen"]}',
    '"wifiPassword"',
    '{"wifi\\\\u0050assword":"seen"}',
    '{"a":"\\"wifiPassword\\":\\"seen\\""}',
    '',
    ' \n',
    '0',
    '-1.5E+10 ',
    'null',
    `${'['.repeat(1000)}${']'.repeat(1000)}`,
  ])('is no other: %s', async (text) => {
    await load();
    expect(await pass(text)).toBe(text);
  });

  it('may have any name', async () => {
    const names = ['', 'größe', '😀', 'a.b', 'x'.repeat(70), 'x'.repeat(300), 'quote"', '\u0000', 'K'];
    await load({ fields: names });
    const body = Object.fromEntries([...names, 'grosse', 'x'.repeat(71), 'L', '\ud83d'].map((name) => [name, 1]));
    const masked = JSON.parse((await pass(JSON.stringify(body)))!) as Record<string, unknown>;
    expect(Object.keys(masked).filter((name) => masked[name] === '***')).toEqual(names);
    expect(Object.keys(masked)).toHaveLength(names.length + 4);
    const escaped = JSON.stringify(body).replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    expect(JSON.parse((await pass(escaped))!)).toEqual(masked);
  });

  it.each([
    ['hidden "it"\n', '"hidden \\"it\\"\\u000a"'],
    ['', '""'],
    ['geheim – €', '"geheim – €"'],
    [null, 'null'],
    [false, 'false'],
    [-1.5, '-1.5'],
  ])('can be replaced by %j', async (mask, written) => {
    await load({ fields: ['a'], mask });
    expect(await pass('{"a":[1,2],"b":3}')).toBe(`{"a":${written},"b":3}`);
  });
});

describe('a path', () => {
  it.each([
    ['a.b', '{"a":{"b":1,"c":2},"b":3}', '{"a":{"b":"***","c":2},"b":3}'],
    ['a.b', '{"x":{"a":{"b":1}}}', '{"x":{"a":{"b":1}}}'],
    ['a.b', '[{"a":[[{"b":1}],{"b":2}]},[{"a":{"b":3}}]]', '[{"a":[[{"b":"***"}],{"b":"***"}]},[{"a":{"b":"***"}}]]'],
    ['a.b', '{"a":{"x":{"b":1},"b":{"b":1}}}', '{"a":{"x":{"b":1},"b":"***"}}'],
    ['a', '{"a":{"a":1},"b":{"a":2}}', '{"a":"***","b":{"a":2}}'],
    ['*.b', '{"x":{"b":1},"y":{"b":2,"z":{"b":3}},"b":4}', '{"x":{"b":"***"},"y":{"b":"***","z":{"b":3}},"b":4}'],
    ['a.*', '{"a":{"x":1,"y":{"z":2}},"b":3}', '{"a":{"x":"***","y":"***"},"b":3}'],
    ['*.*.c', `{"${'long'.repeat(50)}":{"x":{"c":1}},"c":2}`, `{"${'long'.repeat(50)}":{"x":{"c":"***"}},"c":2}`],
    ['a.b', '{"a":1}{"a":{"b":1}}[]{"b":2}', '{"a":1}{"a":{"b":"***"}}[]{"b":2}'],
    ['a.b', '{"a":[{"c":1},{"b":2}],"b":3}', '{"a":[{"c":1},{"b":"***"}],"b":3}'],
  ])('%s in %s', async (path, before, after) => {
    await load({ paths: [path] });
    expect(await pass(before)).toBe(after);
    expect(await pass([...before])).toBe(after);
  });

  it('works beside others and beside fields', async () => {
    await load({ fields: ['secret'], paths: ['owner.phone', 'owner.address.street', 'owner.*.zip', 'items.id'] });
    const address = '{"street":1,"zip":2,"city":{"zip":3,"secret":4}}';
    expect(await pass(`{"owner":{"phone":5,"address":${address}},"phone":6,"items":[{"id":7,"owner":{"phone":8}}]}`)).toBe(
      '{"owner":{"phone":"***","address":{"street":"***","zip":"***","city":{"zip":3,"secret":"***"}}},' +
        '"phone":6,"items":[{"id":"***","owner":{"phone":8}}]}',
    );
  });

  it('is one of up to 63', async () => {
    const paths = Array.from({ length: 63 }, (_, i) => `p${i}.x`);
    await load({ paths });
    const document = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`p${i}`, { x: 1 }]));
    const masked = JSON.parse((await pass(JSON.stringify(document)))!) as Record<string, { x: unknown }>;
    expect(Object.values(masked).filter(({ x }) => x === 1)).toEqual([masked['p63']]);
  });
});

describe('a body in pieces', () => {
  const document =
    '{"a":"tex\\"t","wifi\\u0050assword":{"x":[1,"]}"]},"n":[-1.5e+3,0,true,false,null],"größe\\ud83d\\ude00":{"b":"c"},"z":{}}';
  const masked = document.replace('{"x":[1,"]}"]}', '"***"').replace('{"b":"c"}', '"***"');
  const fields = ['wifiPassword', 'größe😀'];

  it('is masked wherever it is split', async () => {
    await load({ fields, paths: ['n.x'] });
    const bytes = Buffer.from(document);
    for (let at = 0; at <= bytes.length; at++) {
      const seen = await pass([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(`${at}: ${seen}`).toBe(`${at}: ${masked}`);
    }
    expect(await pass(Array.from(bytes, (byte) => Buffer.of(byte)))).toBe(masked);
  });

  it('may have any size', async () => {
    await load();
    const item = (i: number) => ({ id: i, wifiPassword: `secret-${i}`, text: 'lorem ipsum '.repeat(20) });
    const text = JSON.stringify(Array.from({ length: 10_000 }, (_, i) => item(i)));
    const bytes = Buffer.from(text);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
      bytes.subarray(i * 65_536, (i + 1) * 65_536),
    );
    const before = plugin.stats.memoryBytes;
    expect(await pass(pieces)).toBe(text.replaceAll(/secret-\d+/g, '***'));
    expect(await pass(text.slice(0, 900_000).replace(/,[^,]*,[^,]*,[^,]*$/, ']'))).toContain('***');
    expect(plugin.stats.memoryBytes - before).toBeLessThan(3 * 1024 * 1024);
  });

  it('has its length when it comes whole', async () => {
    await load();
    const response = await answer({ headers: { ...JSON_TYPE, 'content-length': '26' }, body: '{"wifiPassword":"secret!"}' });
    expect(response).toMatchObject({ body: '{"wifiPassword":"***"}', headers: { 'content-length': '22' } });
  });
});
