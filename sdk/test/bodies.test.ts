import { loadPlugin, type PluginTestHost, type TestRequest } from '../../gateway/src/testing/index.ts';
import { compilePlugin } from '../compile.ts';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { guest } from './guests.ts';
import { RawPlugin } from './raw-plugin.ts';

let module: string;
let plugin: PluginTestHost;

beforeAll(async () => {
  module = (await compilePlugin(guest('bodies'))).path;
}, 60_000);

afterEach(() => plugin?.close());

/** The body that arrives, of a request or of a response, when the plugin does this to it. */
async function edited(
  direction: 'request' | 'response',
  how: string,
  pieces: readonly string[],
  more: TestRequest = {},
) {
  plugin = await loadPlugin(module, { bodyLimit: 32 });
  const headers = { [`x-${direction}`]: how };
  const asRequest = direction === 'request';
  const result = await plugin.exchange({
    request: { method: 'POST', headers, ...(asRequest ? { body: pieces, ...more } : {}) },
    upstream: asRequest ? {} : { body: pieces, ...more },
  });
  const messages = result.logs.map(({ message }) => message);
  return { ...result, body: asRequest ? result.request?.body : result.response?.body, messages };
}

describe.each(['request', 'response'] as const)('the body of a %s', (direction) => {
  it.each([
    ['upper', ['ab1', 'cd'], 'AB1CD'],
    ['wrap', ['ab', 'cd'], '<abcd>'],
    ['drop', ['12345', '678'], '8 bytes'],
    ['empty', ['12345', '678'], ''],
    ['splice', ['abcd', 'efgh'], 'aXYZdeXYZhXYZ'],
    ['slice', ['abcdefg', 'hi', 'jklm'], 'cdelm'],
    ['whole', ['größe', '+mehr'], '[größe+mehr] in 3'],
  ])('can be edited: %s', async (how, pieces, after) => {
    expect((await edited(direction, how, pieces)).body).toBe(after);
  });

  it('is nothing where nothing is', async () => {
    const { body, messages } = await edited(direction, 'beyond', ['abc']);
    expect([body, messages]).toEqual(['abc', ['beyond: 0, 3', 'beyond: 0, 0']]);
  });

  it('can be held beyond the limit, and goes on from elsewhere', async () => {
    const sent = '0123456789'.repeat(5);
    const { body = '' } = await edited(direction, 'limit', [sent.slice(0, 20), sent.slice(20, 45), sent.slice(45)]);
    expect(body).toMatch(/^\*1234567890123456789/);
    expect(
      body
        .split('')
        .map((character, at) => (character === '*' ? sent[at] : character))
        .join(''),
    ).toBe(sent);
  });

  it('fails when more of it is held than may be', async () => {
    const { response, error } = await edited(direction, 'whole', ['0123456789'.repeat(3), 'more']);
    expect(response?.status).toBe(direction === 'request' ? 413 : 503);
    expect(error).toBe(direction === 'request' ? 'SLUICE_REQUEST_BODY_TOO_LARGE' : 'SLUICE_PLUGIN_BODY_LIMIT');
  });

  it('can be answered', async () => {
    const { response } = await edited(direction, 'refuse', ['this']);
    expect(response).toMatchObject({ status: 422, body: 'not this' });
  });

  it('has trailers', async () => {
    const { request, response, messages } = await edited(direction, 'wrap', ['ab'], { trailers: { 'X-Sum': '7' } });
    const { trailers } = direction === 'request' ? request! : response!;
    expect(trailers).toEqual({ 'x-sum': '7', 'x-seen': direction });
    expect(messages).toEqual([`${direction} trailers: 7`]);
  });

  it('can be given trailers', async () => {
    const { request, response, messages } = await edited(direction, 'trailer', ['ab', 'cd']);
    expect((direction === 'request' ? request : response)?.trailers).toEqual({ 'x-made': 'here' });
    expect(messages).toEqual(['trailer: 0']);
  });
});

describe('a body that is gone', () => {
  it('reads as empty and takes no edits', async () => {
    plugin = await loadPlugin(module);
    const { logs } = await plugin.exchange({
      request: { headers: { 'x-log': '1' }, body: 'abc' },
      upstream: { body: 'def' },
    });
    expect(logs.map(({ message }) => message)).toEqual(['gone: 0,0,1']);
  });
});

describe('the module of a plugin with bodies', () => {
  it('exports the callbacks that it overrides', () => {
    const { exports } = new RawPlugin(module);
    expect(exports.filter((name) => /body|trailers/.test(name)).toSorted()).toEqual([
      'proxy_on_request_body',
      'proxy_on_request_trailers',
      'proxy_on_response_body',
      'proxy_on_response_trailers',
    ]);
  });
});
