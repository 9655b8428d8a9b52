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
    [
      '{"wifiPassword":1}{"wifiPassword":2}\n{"wifiPassword":3}\n',
      '{"wifiPassword":"***"}{"wifiPassword":"***"}\n{"wifiPassword":"***"}\n',
    ],
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
    const escaped = JSON.stringify(body).replace(
      /[^\0-\x7f]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
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
    expect(await pass(before.split(''))).toBe(after);
  });

  it('works beside others and beside fields', async () => {
    await load({ fields: ['secret'], paths: ['owner.phone', 'owner.address.street', 'owner.*.zip', 'items.id'] });
    const address = '{"street":1,"zip":2,"city":{"zip":3,"secret":4}}';
    expect(
      await pass(`{"owner":{"phone":5,"address":${address}},"phone":6,"items":[{"id":7,"owner":{"phone":8}}]}`),
    ).toBe(
      '{"owner":{"phone":"***","address":{"street":"***","zip":"***","city":{"zip":3,"secret":"***"}}},' +
        '"phone":6,"items":[{"id":"***","owner":{"phone":8}}]}',
    );
  });

  it('is one of up to 32', async () => {
    const paths = Array.from({ length: 32 }, (_, i) => `p${i}.x`);
    await load({ paths });
    const document = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`p${i}`, { x: 1 }]));
    const masked = JSON.parse((await pass(JSON.stringify(document)))!) as Record<string, { x: unknown }>;
    expect(Object.values(masked).filter(({ x }) => x === 1)).toEqual([masked['p32']]);
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

  const items = Array.from({ length: 10_000 }, (_, i) => ({
    id: i,
    wifiPassword: `secret-${i}`,
    text: 'lorem '.repeat(40),
  }));

  it('may have any size', async () => {
    await load();
    const text = JSON.stringify(items);
    const bytes = Buffer.from(text);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
      bytes.subarray(i * 65_536, (i + 1) * 65_536),
    );
    const before = plugin.stats.memoryBytes;
    expect(await pass(pieces)).toBe(text.replaceAll(/secret-\d+/g, '***'));
    expect(plugin.stats.memoryBytes - before).toBeLessThan(256 * 1024);
  });

  it.each([
    ['large', JSON.stringify(items.slice(0, 3500))],
    ['dense', `[${'1,'.repeat(100_000)}1]`],
    ['nested', `${'['.repeat(900)}${']'.repeat(900)} `.repeat(100)],
    ['masked everywhere', `[${'{"wifiPassword":1},'.repeat(10_000)}{}]`],
    ['escaped', `[${'{"\\u0041\\u0042\\u0043":1},'.repeat(8000)}{}]`],
    ['named', `{${'"wifiPasswore":[{}],'.repeat(8000)}"":0}`],
  ])('takes more than one callback when it is too much for one: %s', async (_kind, text) => {
    await load();
    const masked = text.replaceAll(/"wifiPassword":(1|"[^"]*")/g, '"wifiPassword":"***"');
    expect(await pass(text)).toBe(masked);
    expect(plugin.stats.failures).toBe(0);
  });

  it('has its length when it comes whole', async () => {
    await load();
    const response = await answer({
      headers: { ...JSON_TYPE, 'content-length': '26' },
      body: '{"wifiPassword":"secret!"}',
    });
    expect(response).toMatchObject({ body: '{"wifiPassword":"***"}', headers: { 'content-length': '22' } });
  });
});

describe('a body that is broken', () => {
  it.each([
    '{"a":1',
    '{"a":1}}',
    '{"a":1,}',
    '[1,]',
    '[1 2]',
    '{"a" 1}',
    '{a:1}',
    "{'a':1}",
    '{"a":01}',
    '{"a":1.}',
    '{"a":-}',
    '{"a":1e}',
    '{"a":.5}',
    '{"a":truu}',
    '{"a":nul}',
    '"a',
    '"a\\x"',
    '"\\u00g0"',
    '"a\nb"',
    '"a\tb"',
    '{"a\\":1}',
    '/* {} */ {}',
    '{"a":1};',
    'Internal error',
    '<html></html>',
    '1{}',
    '[1}',
    '{"a":1]',
    'NaN',
    '\ufeff\ufeff{}',
    '['.repeat(1001),
    '{"wifiPassword":"sec',
    '{"wifiPassword":{"a":[1}]}',
  ])('is not passed on: %s', async (text) => {
    await load();
    for (const body of [text, text.split('')]) {
      const { response, logs } = await plugin.exchange({ upstream: { headers: JSON_TYPE, body } });
      expect(response === null || response.status === 502).toBe(true);
      expect(logs.at(-1)?.message).toMatch(
        /^SLUICE_BODY_MASK_INVALID: the response cannot be masked, because it is no JSON from/,
      );
      expect(logs.at(-1)?.message).not.toContain('sec');
    }
  });

  it('is answered with 502 as long as nothing of it has left', async () => {
    await load();
    const body = '{"a":1,"wifiPassword":"secret"';
    const headers = { ...JSON_TYPE, etag: '"1"', 'content-length': String(body.length) };
    const { response, exchange } = await plugin.exchange({ upstream: { headers, body } });
    expect(response).toMatchObject({ status: 502, headers: { 'content-type': 'application/json' } });
    expect(response?.headers).not.toHaveProperty('etag');
    expect(JSON.parse(response!.body)).toEqual({
      error: { code: 'SLUICE_BODY_MASK_INVALID', message: 'The response of the service cannot be passed on.' },
    });
    expect(exchange.details).toBe('SLUICE_BODY_MASK_INVALID');
  });

  it('is broken off when its beginning has left', async () => {
    await load();
    expect(await answer({ body: ['{"a":1,', '"wifiPassword":"secret"}', 'x'] })).toBeNull();
  });

  it('is found out also when it takes several callbacks', async () => {
    await load();
    expect(await answer({ body: `[${'1,'.repeat(100_000)}]` })).toMatchObject({ status: 502 });
  });

  it('says where', async () => {
    await load();
    const { logs } = await plugin.exchange({ upstream: { headers: JSON_TYPE, body: ['{"a":1,', '"b":x}'] } });
    expect(logs.at(-1)?.message).toContain('no JSON from byte 11 on');
  });
});

describe('a response head', () => {
  const SECRET = '{"wifiPassword":"secret"}';
  const MASKED = '{"wifiPassword":"***"}';

  it.each([
    ['application/json; charset=UTF-8', MASKED],
    ['Application/JSON;charset="utf-8"; x=y', MASKED],
    ['application/problem+json', MASKED],
    ['application/vnd.api+json;v=1', MASKED],
    ['text/json', MASKED],
    ['application/json, text/plain', MASKED],
    ['text/plain', SECRET],
    ['application/x-ndjson', SECRET],
    ['application/jsonp', SECRET],
    ['json', SECRET],
    ['', SECRET],
  ])('of %s', async (type, body) => {
    await load();
    expect(await answer({ headers: { 'content-type': type }, body: SECRET })).toMatchObject({ status: 200, body });
  });

  it('without a type, or of a type that the configuration names', async () => {
    await load({ fields: ['wifiPassword'], contentTypes: ['Application/X-NDJSON', '', '+lines'] });
    for (const headers of [{}, { 'content-type': 'application/x-ndjson' }, { 'content-type': 'a/b+lines' }]) {
      expect((await answer({ headers, body: `${SECRET}\n${SECRET}\n` }))?.body).toBe(`${MASKED}\n${MASKED}\n`);
    }
    expect((await answer({ body: SECRET }))?.body).toBe(SECRET);
  });

  it.each([
    ['ENCODED', { ...JSON_TYPE, 'content-encoding': 'gzip' }, 200],
    ['ENCODED', { ...JSON_TYPE, 'content-encoding': 'BR' }, 404],
    ['CHARSET', { 'content-type': 'application/json; charset=utf-16' }, 200],
    ['PARTIAL', { ...JSON_TYPE, 'content-range': 'bytes 3-20/100' }, 206],
    ['PARTIAL', { 'content-type': 'multipart/byteranges; boundary=x' }, 206],
  ])('of a body that cannot be read: %s', async (what, headers, status) => {
    await load();
    const refused = await plugin.exchange({ upstream: { status, headers, body: SECRET } });
    expect(refused.response?.status).toBe(502);
    expect(refused.response?.body).toContain(`SLUICE_BODY_MASK_${what}`);
    plugin.close();
    await load({ fields: ['wifiPassword'], unreadable: 'pass' });
    expect(await answer({ status, headers, body: SECRET })).toMatchObject({ status, body: SECRET });
  });

  it('without a body passes', async () => {
    await load();
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
    expect(await answer({ status: 304, headers })).toMatchObject({ status: 304, headers });
    const identity = { ...JSON_TYPE, 'content-encoding': 'identity' };
    expect((await answer({ headers: identity, body: SECRET }))?.body).toBe(MASKED);
  });

  it('loses checksums of a body that is masked, and no others', async () => {
    await load();
    const sums = { digest: 'a', 'content-digest': 'b', 'repr-digest': 'c', 'content-md5': 'd', etag: '"e"' };
    const json = await answer({ headers: { ...JSON_TYPE, ...sums }, body: '{}' });
    expect(json?.headers).toEqual({ ...JSON_TYPE, 'content-length': '2', etag: '"e"' });
    const text = await answer({ headers: { 'content-type': 'text/plain', ...sums }, body: '{}' });
    expect(text?.headers).toMatchObject(sums);
  });

  it('belongs to a request that asks for whole and readable bodies', async () => {
    await load();
    const headers = { 'accept-encoding': 'gzip, br', range: 'bytes=3-20', 'if-range': '"e"', accept: '*/*' };
    const { request } = await plugin.exchange({ request: { headers } });
    expect(request?.headers).toEqual({ 'accept-encoding': 'identity', accept: '*/*' });
  });
});

describe('a configuration that is wrong', () => {
  it.each([
    [{}, 'fields is missing or empty, and so is paths'],
    [{ fields: [] }, 'fields is missing or empty, and so is paths'],
    [{ fields: 'a' }, 'fields must be a list of strings, found a string'],
    [{ fields: ['a', 1] }, 'fields[1] must be a string, found the number 1'],
    [{ paths: ['a..b'] }, 'paths[0] has an empty name; must be names with dots between'],
    [{ paths: [''] }, 'paths[0] has an empty name'],
    [{ paths: Array.from({ length: 33 }, () => 'a') }, 'paths has 33 entries; at most 32 are possible'],
    [{ fields: ['a'], mask: {} }, 'mask must be a string, a number, true, false or null'],
    [{ fields: ['a'], contentTypes: ['json'] }, 'contentTypes[0] must be a media type such as application/json'],
    [{ fields: ['a'], contentTypes: ['a/b; c=d'] }, 'contentTypes[0] must be a media type such as application/json'],
    [{ fields: ['a'], unreadable: 'drop' }, 'unreadable must be refuse or pass'],
    [{ fields: ['a'], field: 'b' }, 'field is unknown here; known: fields, paths, mask, contentTypes, unreadable'],
  ])('is refused: %j', async (config, problem) => {
    expect(await refusalOf(module, JSON.stringify(config))).toContain(problem);
  });
});
