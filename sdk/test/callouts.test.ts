import {
  loadPlugin,
  type PluginTestHost,
  type TestCallout,
  type TestService,
} from '../../gateway/src/testing/index.ts';
import { compilePlugin } from '../compile.ts';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { guest } from './guests.ts';

let module: string;
let plugin: PluginTestHost;

beforeAll(async () => {
  module = (await compilePlugin(guest('callouts'))).path;
}, 60_000);

afterEach(() => plugin?.close());

async function load(services: Record<string, TestService>, config = ''): Promise<void> {
  plugin = await loadPlugin(module, { services, config });
}

function send(headers: Record<string, string>) {
  return plugin.exchange({ request: { headers } });
}

describe('a call of a filter', () => {
  it('lets the request go on with what the service said', async () => {
    await load({ auth: () => ({ headers: { 'X-User': 'zoë' }, body: 'x', trailers: { 'X-Sum': '7' } }) });
    const { request } = await send({ 'x-service': 'auth' });
    expect(request?.headers).toMatchObject({ 'x-user': 'zoë', 'x-headers': '2', 'x-write': '2', 'x-trailer': '7' });
  });

  it('is a bare GET unless it says otherwise', async () => {
    const seen: TestCallout[] = [];
    const auth: TestService = (callout) => {
      seen.push(callout);
      return {};
    };
    await load({ auth });
    await send({ 'x-service': 'auth' });
    await send({ 'x-service': 'auth', 'x-how': 'post' });
    expect(seen).toEqual([
      { method: 'GET', path: '/check?a=b', authority: 'auth', headers: {}, body: '', timeoutMs: 5000 },
      {
        method: 'POST',
        path: '/check?a=b',
        authority: 'auth.internal:8080',
        headers: { 'x-key': 'too' },
        body: 'the body – é',
        timeoutMs: 250,
      },
    ]);
  });

  it('can end in an answer with the body of the service', async () => {
    await load({ auth: () => ({ status: 401, body: ['no ', 'entry – é'] }) });
    const { request, response } = await send({ 'x-service': 'auth' });
    expect(request).toBeNull();
    expect(response).toMatchObject({ status: 403, body: 'no entry – é' });
  });

  it('can fail', async () => {
    await load({ auth: () => null });
    expect((await send({ 'x-service': 'auth' })).response).toMatchObject({ status: 503, body: 'no answer' });
  });

  it.each([
    [{ 'x-service': 'nobody' }, 'status 2'],
    [{ 'x-service': 'auth', 'x-how': 'bad' }, 'status 2'],
  ])('that cannot be sent says so at once: %j', async (headers, body) => {
    await load({ auth: () => ({}) });
    const { response, logs } = await send(headers);
    expect(response).toMatchObject({ status: 500, body });
    expect(logs.map(({ message }) => message)).not.toContain('check failed');
  });

  it('may be followed by another one', async () => {
    const second: TestService = ({ path }) => ({ headers: { 'x-user': path } });
    await load({ auth: () => ({ headers: { 'x-user': 'first' } }), second });
    const { request } = await send({ 'x-service': 'auth', 'x-how': 'again' });
    expect(request?.headers['x-user']).toBe('/more');
  });

  it('fails with its exchange, without harm', async () => {
    await load({ auth: () => new Promise(() => {}) });
    expect((await send({ 'x-service': 'auth', 'x-how': 'abandon' })).response?.status).toBe(204);
    await vi.waitFor(() => expect(plugin.logs.map(({ message }) => message)).toContain('check failed'));
    expect(plugin.stats).toMatchObject({ failures: 0, callouts: { cancelled: 1 } });
  });

  it('is one of many, each with its own answer', async () => {
    const auth: TestService = async ({ headers }) => {
      await Promise.resolve();
      return { headers: { 'x-user': `user ${headers['x-key']}` } };
    };
    await load({ auth });
    const results = await Promise.all(Array.from({ length: 50 }, () => send({ 'x-service': 'auth', 'x-how': 'post' })));
    expect(results.map(({ request }) => request?.headers['x-user'])).toEqual(Array(50).fill('user too'));
  });
});

describe('a call of the plugin itself', () => {
  it.each([
    ['up', 'tick answered 201: fine'],
    ['down', 'tick failed: down'],
  ])('is told: %s', async (service, line) => {
    await load({ up: () => ({ status: 201, body: 'fine' }), down: () => null }, service);
    await vi.waitFor(() => expect(plugin.logs.map(({ message }) => message)).toContain(line));
    expect(plugin.logs.map(({ message }) => message)).toContain('tick: 0');
  });
});
