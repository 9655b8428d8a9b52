import { loadPlugin, type PluginTestHost, type TestHeaders } from '../../gateway/src/testing/index.ts';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPlugin } from '../build.ts';
import { refusalOf } from '../refusal.ts';

let module: string;
let plugin: PluginTestHost;

beforeAll(async () => {
  module = (await buildPlugin('header-rewrite')).path;
}, 60_000);

afterEach(() => plugin?.close());

/** The upstream's view of a request, as ordered pairs. */
async function rewriteRequest(rules: unknown, headers: TestHeaders): Promise<string[]> {
  plugin = await loadPlugin(module, { config: { request: rules } });
  const { exchange, request } = await plugin.exchange({ request: { headers } });
  expect(request).not.toBeNull();
  return [...exchange.requestHeaders.toPairs()];
}

describe('request headers', () => {
  it.each([
    ['set adds', { set: { 'X-Team': 'home' } }, [['a', '1']], ['a', '1', 'x-team', 'home']],
    [
      'set replaces every value',
      { set: { a: '9' } },
      [
        ['A', '1'],
        ['b', '2'],
        ['a', '3'],
      ],
      ['A', '9', 'b', '2'],
    ],
    ['append keeps what is there', { append: { a: '9' } }, [['a', '1']], ['a', '1', 'a', '9']],
    [
      'remove takes every value',
      { remove: ['A', 'none'] },
      [
        ['a', '1'],
        ['b', '2'],
        ['A', '3'],
      ],
      ['b', '2'],
    ],
    [
      'rename moves every value',
      { rename: { a: 'c' } },
      [
        ['a', '1'],
        ['b', '2'],
        ['a', '3'],
      ],
      ['b', '2', 'c', '1', 'c', '3'],
    ],
    [
      'rename replaces the other',
      { rename: { a: 'b' } },
      [
        ['a', '1'],
        ['b', '2'],
      ],
      ['b', '1'],
    ],
    ['rename of an absent header keeps the other', { rename: { a: 'b' } }, [['b', '2']], ['b', '2']],
    ['rename of an empty header', { rename: { a: 'b' } }, [['a', '']], ['b', '']],
    [
      'remove, rename, set, append: in this order',
      { append: { b: '4' }, set: { c: '3' }, rename: { a: 'b' }, remove: ['b'] },
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '0'],
      ],
      ['c', '3', 'b', '1', 'b', '4'],
    ],
  ] as [string, unknown, [string, string][], string[]][])('%s', async (_name, rules, before, after) => {
    expect(await rewriteRequest(rules, before)).toEqual(after);
  });

  it('writes configured values as UTF-8 and moves received bytes as they are', async () => {
    const rules = { set: { a: 'zoë 日本' }, rename: { b: 'c' } };
    const pairs = await rewriteRequest(rules, [['b', 'caf\xe9']]);
    expect(pairs).toEqual(['c', 'caf\xe9', 'a', Buffer.from('zoë 日本').toString('latin1')]);
  });
});

describe('response headers', () => {
  it('are rewritten apart from the request', async () => {
    const config = {
      response: { set: { 'x-frame-options': 'DENY' }, remove: ['Server'] },
      request: { set: { a: '1' } },
    };
    plugin = await loadPlugin(module, { config });
    const { request, response } = await plugin.exchange({ upstream: { headers: { server: 'nginx', etag: '"1"' } } });
    expect(request?.headers).toEqual({ a: '1' });
    expect(response?.headers).toEqual({ etag: '"1"', 'x-frame-options': 'DENY' });
  });

  it('pass unchanged without a configuration', async () => {
    plugin = await loadPlugin(module, { config: '' });
    const { response } = await plugin.exchange({ upstream: { status: 204, headers: { server: 'nginx' } } });
    expect(response).toMatchObject({ status: 204, headers: { server: 'nginx' } });
  });
});

describe('a configuration that is wrong', () => {
  it.each([
    [{ requests: {} }, 'requests is unknown here; known: request, response'],
    [{ request: { add: {} } }, 'request.add is unknown here; known: remove, rename, set, append'],
    [{ request: [] }, 'request must be an object, found a list'],
    [{ request: { set: { 'a b': '1' } } }, 'request.set.a b names "a b", which is no header name'],
    [{ request: { set: { ':path': '/' } } }, 'request.set.:path names ":path", which is no header name'],
    [{ request: { set: { a: 1 } } }, 'request.set.a must be a string, found the number 1'],
    [{ request: { set: { a: 'x\ny: z' } } }, 'request.set.a has a line break; must be text on one line'],
    [{ response: { append: { a: '\0' } } }, 'response.append.a has a line break'],
    [{ response: { remove: 'a' } }, 'response.remove must be a list of strings, found a string'],
    [{ response: { remove: ['a', ''] } }, 'response.remove[1] names "", which is no header name'],
    [
      { response: { rename: { a: 'Content-Length' } } },
      'names "Content-Length", which the gateway alone writes; leave it out',
    ],
    [{ request: { set: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 } } }, 'found the number 5; and 2 more'],
  ])('is refused: %j', async (config, problem) => {
    expect(await refusalOf(module, JSON.stringify(config))).toContain(problem);
  });
});
