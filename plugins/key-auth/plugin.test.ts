import { loadPlugin, type PluginTestHost } from '../../gateway/src/testing/index.ts';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPlugin } from '../build.ts';
import { refusalOf } from '../refusal.ts';

let module: string;
let plugin: PluginTestHost;

const KEYS = [
  { key: 'correct-horse', consumer: 'app' },
  { key: 'battery-staple', consumer: 'zoë' },
  { key: 'a b&c=d/é', consumer: 'odd' },
];

beforeAll(async () => {
  module = (await buildPlugin('key-auth')).path;
}, 60_000);

afterEach(() => plugin?.close());

async function load(config: Record<string, unknown>): Promise<void> {
  plugin = await loadPlugin(module, { config: { keys: KEYS, ...config } });
}

async function send(path: string, headers: Record<string, string> | [string, string][] = {}) {
  return plugin.exchange({ request: { path, headers } });
}

describe('a request with a key', () => {
  it('passes with the consumer and without the key', async () => {
    await load({});
    const { request, response } = await send('/a?b=1', { 'X-Api-Key': 'correct-horse', accept: '*/*' });
    expect(response?.status).toBe(200);
    expect(request?.headers).toEqual({ accept: '*/*', 'x-consumer': 'app' });
    expect(request?.path).toBe('/a?b=1');
  });

  it('gives every key its own consumer, as UTF-8', async () => {
    await load({});
    const { request } = await send('/', { 'x-api-key': 'battery-staple' });
    expect(Buffer.from(request?.headers['x-consumer'] ?? '', 'latin1').toString('utf8')).toBe('zoë');
  });

  it('replaces consumers that the caller made up', async () => {
    await load({});
    const { request } = await send('/', [
      ['X-Consumer', 'admin'],
      ['x-api-key', 'correct-horse'],
      ['x-consumer', 'root'],
    ]);
    expect(request?.headers['x-consumer']).toBe('app');
  });

  it('reads the headers that the configuration names', async () => {
    await load({ header: 'Authorization-Key', consumerHeader: 'X-User', hideCredentials: false });
    const { request } = await send('/', { 'authorization-key': 'correct-horse', 'x-api-key': 'other' });
    expect(request?.headers).toEqual({ 'authorization-key': 'correct-horse', 'x-api-key': 'other', 'x-user': 'app' });
  });

  it('takes the first of several keys and hides all', async () => {
    await load({});
    const { request } = await send('/', [
      ['x-api-key', 'correct-horse'],
      ['x-api-key', 'wrong'],
    ]);
    expect(request?.headers).toEqual({ 'x-consumer': 'app' });
  });
});

describe('a key in the query', () => {
  it.each([
    ['/a?api_key=correct-horse', '/a'],
    ['/a?api_key=correct-horse&b=1', '/a?b=1'],
    ['/a?b=%41+&api_key=correct-horse', '/a?b=%41+'],
    ['/a?b&api_key=correct-horse&api_key=second&&c=', '/a?b&&c='],
    ['/a?api%5Fkey=correct%2Dhorse', '/a'],
    ['/a?x_api_key=1&api_key=correct-horse', '/a?x_api_key=1'],
    ['/a?api_key=a+b%26c%3dd%2F%C3%A9', '/a'],
  ])('%s goes on as %s', async (path, forwarded) => {
    await load({ query: 'api_key' });
    const { request, response } = await send(path);
    expect(response?.status).toBe(200);
    expect(request?.path).toBe(forwarded);
  });

  it.each([
    '/a?api_key',
    '/a?api_key=',
    '/a?',
    '/a',
    '/a?api_key=correct-hors',
    '/a?api_key=correct%2-horse',
    '/api_key=correct-horse',
  ])('%s is refused', async (path) => {
    await load({ query: 'api_key' });
    expect((await send(path)).response?.status).toBe(401);
  });

  it('is not looked at unless the configuration names it', async () => {
    await load({});
    expect((await send('/a?api_key=correct-horse')).response?.status).toBe(401);
  });

  it('comes second to the header, and is hidden all the same', async () => {
    await load({ query: 'api_key' });
    const { request } = await send('/a?api_key=battery-staple', { 'x-api-key': 'correct-horse' });
    expect(request).toMatchObject({ path: '/a', headers: { 'x-consumer': 'app' } });
  });

  it('may be the only place, and may stay visible', async () => {
    await load({ header: '', query: 'k', hideCredentials: false });
    expect((await send('/', { 'x-api-key': 'correct-horse' })).response?.status).toBe(401);
    expect((await send('/?k=correct-horse')).request?.path).toBe('/?k=correct-horse');
  });
});

describe('a request without a valid key', () => {
  it.each([
    ['no key', {}, 'SLUICE_KEY_AUTH_MISSING', 'An API key is required.'],
    ['an empty key', { 'x-api-key': '' }, 'SLUICE_KEY_AUTH_MISSING', 'An API key is required.'],
    ['another key', { 'x-api-key': 'correct-horsf' }, 'SLUICE_KEY_AUTH_UNKNOWN', 'The API key is not valid.'],
    ['a longer key', { 'x-api-key': 'correct-horse1' }, 'SLUICE_KEY_AUTH_UNKNOWN', 'The API key is not valid.'],
    ['bytes that are no text', { 'x-api-key': '\xff\xfe"' }, 'SLUICE_KEY_AUTH_UNKNOWN', 'The API key is not valid.'],
    ['a consumer made up', { 'x-consumer': 'app' }, 'SLUICE_KEY_AUTH_MISSING', 'An API key is required.'],
  ])('is answered 401: %s', async (_name, headers, code, message) => {
    await load({});
    const { request, response, exchange } = await send('/', headers);
    expect(request).toBeNull();
    expect(response?.status).toBe(401);
    expect(response?.headers).toMatchObject({
      'content-type': 'application/json',
      'www-authenticate': 'Key realm="api"',
    });
    expect(JSON.parse(response?.body ?? '')).toEqual({ error: { code, message } });
    expect(exchange.details).toBe(code);
  });

  it('is everyone when the list of keys is empty', async () => {
    await load({ keys: [] });
    expect((await send('/', { 'x-api-key': 'correct-horse' })).response?.status).toBe(401);
  });

  it('is everyone who has none of 1000 keys', async () => {
    await load({ keys: Array.from({ length: 1000 }, (_, i) => ({ key: `key-${i}`, consumer: `c${i}` })) });
    expect((await send('/', { 'x-api-key': 'key-1000' })).response?.status).toBe(401);
    expect((await send('/', { 'x-api-key': 'key-999' })).request?.headers['x-consumer']).toBe('c999');
  });
});

describe('a configuration that is wrong', () => {
  it.each([
    ['{', 'the configuration is no JSON: a name in double quotes is expected, at offset 1'],
    ['[]', 'the configuration must be an object, found a list'],
    ['{}', 'keys is missing; must be a list of { key, consumer }'],
    ['', 'keys is missing; must be a list of { key, consumer }'],
    [{ keys: {} }, 'keys must be a list of objects, found an object'],
    [{ keys: ['a'] }, 'keys[0] must be an object, found a string'],
    [{ keys: [{ key: 'a' }] }, 'keys[0].consumer is missing; must be a string'],
    [{ keys: [{ key: 7, consumer: 'c' }] }, 'keys[0].key must be a string, found a number'],
    [{ keys: [{ key: '', consumer: 'c' }] }, 'keys[0].key is empty; must be a secret of at least one character'],
    [{ keys: [{ key: 'a', consumer: '' }] }, 'keys[0].consumer is empty; must be at least one character'],
    [{ keys: [{ key: 'a', consumer: 'c\r\nx: y' }] }, 'keys[0].consumer has a line break; must be text on one line'],
    [
      {
        keys: [
          { key: 's3cret', consumer: 'c' },
          { key: 's3cret', consumer: 'd' },
        ],
      },
      'keys[1].key is the key of an earlier entry too; keys must differ',
    ],
    [{ keys: [], header: 'x api' }, 'header is no header name; must be made of letters, digits and -'],
    [{ keys: [], header: '' }, 'header is empty and so is query; name at least one of them'],
    [{ keys: [], consumerHeader: ':path' }, 'consumerHeader is no header name; must be made of letters, digits and -'],
    [{ keys: [], hideCredentials: 'no' }, 'hideCredentials must be true or false, found a string'],
    [{ keys: [], head: 'x' }, 'head is unknown here; known: header, query, consumerHeader, keys, hideCredentials'],
    [{ keys: [{ key: 'a', consumer: 'c', name: 'n' }] }, 'keys[0].name is unknown here; known: key, consumer'],
  ])('is refused: %j', async (config, problem) => {
    const refusal = await refusalOf(module, typeof config === 'string' ? config : JSON.stringify(config));
    expect(refusal).toContain(problem);
    expect(refusal).not.toContain('s3cret');
  });
});
