import {
  loadPlugin,
  type PluginTestHost,
  type TestGrpcCall,
  type TestGrpcService,
} from '../../gateway/src/testing/index.ts';
import { compilePlugin } from '../compile.ts';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { guest } from './guests.ts';

let module: string;
let plugin: PluginTestHost;

beforeAll(async () => {
  module = (await compilePlugin(guest('grpc'))).path;
}, 120_000);

afterEach(() => plugin?.close());

async function load(auth: TestGrpcService): Promise<void> {
  plugin = await loadPlugin(module, { grpcServices: { auth } });
}

function send(what: string, headers: Record<string, string> = {}) {
  return plugin.exchange({ request: { path: `/${what}`, headers: { 'x-do': what, ...headers } } });
}

function lines(): string[] {
  return plugin.logs.map(({ message }) => message);
}

/** Live contexts, the plugin's and the asking exchange's among them, and calls in the tables of the SDK. */
async function alive(): Promise<string | undefined> {
  return (await send('count')).response?.body;
}

const never: TestGrpcService = () => {};

describe('a unary call', () => {
  it('lets the request go on with what the service said', async () => {
    const seen: TestGrpcCall[] = [];
    await load((call) => {
      seen.push(call);
      call.head({ 'x-version': '7' });
      call.reply('yes é');
      call.end();
    });
    const { request } = await send('ask');
    expect(request?.headers).toMatchObject({ 'x-verdict': 'yes é 6 7', 'x-write': '2' });
    expect(seen[0]).toMatchObject({
      path: '/test.Judge/Ask',
      authority: 'auth',
      metadata: { 'x-key': 'k', 'x-id-bin': 'AAE=' },
      timeoutMs: 250,
    });
    expect(seen[0]?.message?.toString()).toBe('ask');
    expect(await alive()).toBe('2,0');
  });

  it('fails with the status and the words of the service', async () => {
    await load((call) => call.end(7, 'not you', { 'x-detail': 'why' }));
    expect((await send('ask')).response).toMatchObject({ status: 403, body: '7 not you' });
    expect(lines()).toEqual(expect.arrayContaining(['trailers: why', 'failed 7 not you']));
    expect(await alive()).toBe('2,0');
  });

  it('that cannot be sent says so at once', async () => {
    await load(never);
    expect((await send('ask', { 'x-service': 'nobody' })).response).toMatchObject({ status: 500, body: 'status 4' });
    expect(lines().filter((line) => line.startsWith('failed'))).toEqual([]);
    expect((await send('many')).response?.body).toBe('12');
    expect(await alive()).toBe('2,0');
  });

  it('can be cancelled, and its handler hears no more', async () => {
    const onCancel = vi.fn();
    await load((call) => {
      call.reply('yes');
      return { onCancel };
    });
    expect((await send('cancel')).response?.body).toBe('1,0,0,1');
    expect(onCancel).toHaveBeenCalledOnce();
    expect(lines().filter((line) => line.startsWith('failed'))).toEqual([]);
    expect(await alive()).toBe('2,0');
  });

  it('fails with its exchange, without harm', async () => {
    await load(never);
    expect((await send('abandon')).response?.status).toBe(204);
    await vi.waitFor(() => expect(lines()).toContain('failed 1 '));
    expect(await alive()).toBe('2,0');
    expect(plugin.stats.failures).toBe(0);
  });

  it('is one of many, none of which leaves anything behind', async () => {
    await load((call) => {
      setImmediate(() => {
        call.reply('yes');
        call.end();
      });
    });
    const whats = Array.from({ length: 200 }, (_, i) => ['ask', 'abandon', 'cancel', 'twice'][i % 4]!);
    await Promise.all(whats.map((what) => send(what)));
    await vi.waitFor(async () => expect(await alive()).toBe('2,0'));
    expect(plugin.stats.failures).toBe(0);
  });
});

describe('a stream', () => {
  it('goes both ways until the plugin closes it', async () => {
    const heard: string[] = [];
    const onEnd = vi.fn();
    await load((call) => ({
      onMessage(message) {
        heard.push(message.toString());
        call.reply(heard.length < 3 ? `echo ${message.toString()}` : 'bye');
      },
      onEnd,
    }));
    expect((await send('stream')).response?.body).toBe('echo one;echo echo one!;bye;0,1,1,false');
    expect(heard).toEqual(['one', 'echo one!', 'echo echo one!!']);
    expect(onEnd).toHaveBeenCalledOnce();
    expect(lines()).toContain('1,2,true,0');
    expect(await alive()).toBe('2,0');
  });

  it('tells how the service has ended it', async () => {
    const heard: string[] = [];
    await load((call) => ({
      onMessage(message) {
        if (heard.push(message.toString()) === 1) call.reply('last');
      },
      onEnd: () => call.end(10, 'enough'),
    }));
    expect((await send('stream')).response?.body).toBe('last;10 enough');
    expect(heard).toEqual(['one', 'mine too']);
    expect(await alive()).toBe('2,0');
  });

  it('of the plugin outlives exchanges, and can be opened again', async () => {
    const calls: TestGrpcCall[] = [];
    const heard: string[] = [];
    await load((call) => {
      calls.push(call);
      return { onMessage: (message) => void heard.push(`${calls.length}: ${message.toString()}`) };
    });
    for (let i = 0; i < 2; i++) expect((await send('audit')).response?.body).toBe('0');
    expect(await alive()).toBe('2,1');
    calls[0]?.end(14, 'restarting');
    await vi.waitFor(() => expect(lines()).toContain('closed 14 restarting'));
    expect((await send('audit')).response?.body).toBe('0');
    expect(heard).toEqual(['1: /audit', '1: /audit', '2: /audit']);
  });

  it('of an exchange ends with it', async () => {
    const onCancel = vi.fn();
    await load(() => ({ onCancel }));
    plugin.close();
    plugin = await loadPlugin(module, { grpcServices: { auth: () => ({ onCancel }) }, pauseMs: 20 });
    expect((await send('stream')).response?.status).toBeGreaterThanOrEqual(500);
    expect(onCancel).toHaveBeenCalledOnce();
    expect(lines()).toContain('closed 1 ');
    expect(await alive()).toBe('2,0');
  });
});
