import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { type LoadOptions, loadPlugin, type PluginTestHost, TestClock, type TestGrpcCall } from '../testing/index.ts';
import { type SpeakingGuest, speakingGuest } from '../wasm/grpc.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';

const yes = (call: TestGrpcCall): void => {
  call.reply('yes');
  call.end();
};

/** A guest that calls `auth`, which lets everything pass unless told otherwise. */
async function speaking(guest: SpeakingGuest = {}, options: LoadOptions = {}): Promise<PluginTestHost> {
  return loadPlugin(pluginModule(speakingGuest(guest)), { grpcServices: { auth: yes }, ...options });
}

async function answerTo(
  guest: SpeakingGuest,
  options?: LoadOptions,
): Promise<readonly [number | undefined, string | undefined]> {
  const { response } = await (await speaking(guest, options)).exchange();
  return [response?.status, response?.body];
}

/** A protobuf `GrpcService` with `envoy_grpc`, as Envoy's C++ SDK hands it over. */
function envoyService(cluster: string, authority = ''): string {
  const field = (tag: number, text: string) => String.fromCharCode(tag, text.length) + text;
  return field(0x0a, field(0x0a, cluster) + (authority === '' ? '' : field(0x12, authority)));
}

describe('a gRPC call of a plugin', () => {
  it('decides about the request that waits for it', async () => {
    const seen: TestGrpcCall[] = [];
    const auth = (call: TestGrpcCall): void => {
      seen.push(call);
      call.reply(seen.length === 1 ? 'yes' : 'not you');
      call.end();
    };
    const host = await speaking({ metadata: ['X-Key', 'k', 'x-bin', '\xff'] }, { grpcServices: { auth } });
    expect((await host.exchange()).response?.status).toBe(200);
    const refused = await host.exchange();
    expect([refused.response, refused.request]).toMatchObject([{ status: 403, body: 'not you' }, null]);
    expect(seen[0]).toMatchObject({
      path: '/test.Echo/Say',
      authority: 'auth',
      metadata: { 'x-key': 'k', 'x-bin': '\xff' },
      message: Buffer.from('question'),
      timeoutMs: 5000,
    });
    expect(host.stats.callouts).toEqual({ success: 2 });
  });

  it('that ends in another status tells it, and the words', async () => {
    const auth = (call: TestGrpcCall): void => call.end(7, 'no way');
    expect(await answerTo({}, { grpcServices: { auth } })).toEqual([507, 'no way']);
  });

  it('waits no longer than the gateway lets it', async () => {
    const times: number[] = [];
    const auth = (call: TestGrpcCall): void => (times.push(call.timeoutMs), yes(call));
    for (const timeout of [0, 1, 10_000_000, -1]) await answerTo({ timeout }, { grpcServices: { auth } });
    expect(times).toEqual([LIMITS.pluginCalloutMs, 1, LIMITS.pluginCalloutMs, LIMITS.pluginCalloutMs]);
  });

  it.each<[string, string, string]>([
    ['by its name', 'auth', 'auth'],
    ['as the SDK of Envoy does', envoyService('auth'), 'auth'],
    ['with an authority of its own', envoyService('auth', 'auth.example'), 'auth.example'],
  ])('names its service %s', async (_how, upstream, authority) => {
    const seen: string[] = [];
    const auth = (call: TestGrpcCall): void => (seen.push(call.authority), yes(call));
    expect(await answerTo({ upstream }, { grpcServices: { auth } })).toEqual([200, '']);
    expect(seen).toEqual([authority]);
  });

  const PARSE = 554;
  it.each<[string, SpeakingGuest, number]>([
    ['to an unknown service', { upstream: 'other' }, PARSE],
    ['to a service of HTTP', { upstream: 'web' }, PARSE],
    ['to an unknown service, as Envoy names it', { upstream: envoyService('other') }, PARSE],
    ['to a name cut off', { upstream: '\n\x7fauth' }, PARSE],
    ['without a service', { service: '' }, PARSE],
    ['with a slash too many', { service: 'a/b' }, PARSE],
    ['with a method that ends the path', { method: 'Say?x' }, PARSE],
    ['with metadata that break the head', { metadata: ['x', 'a\r\nb'] }, PARSE],
    ['with a name that is none', { metadata: ['a b', 'c'] }, PARSE],
    ['with a broken authority', { metadata: [':authority', 'a b'] }, PARSE],
    ['with too large a message', { messageLength: LIMITS.pluginGrpcMessageBytes + 1, memory: '20' }, 560],
    ['with a message outside of its memory', { messageLength: 10_000_000 }, 556],
  ])('%s is refused', async (_what, guest, status) => {
    for (const stream of [false, true]) {
      if (stream && guest.messageLength !== undefined) continue;
      const services = { web: () => null };
      expect((await answerTo({ stream, ...guest }, { services, grpcServices: { auth: yes } }))[0]).toBe(status);
    }
  });

  it('is refused when the exchange has too many under way', async () => {
    const times = LIMITS.pluginCalloutsPerExchange + 1;
    const host = await speaking({ times }, { grpcServices: { auth: () => {} } });
    expect((await host.exchange()).response?.status).toBe(560);
    expect(host.stats.callouts).toEqual({ refused: 1, cancelled: LIMITS.pluginCalloutsPerExchange });
  });

  it('that never ends is stopped by its fuel', async () => {
    const host = await speaking(
      { callbacks: { proxy_on_grpc_receive: '(loop (br 0))' } },
      { fuel: { request: 20_000 } },
    );
    expect((await host.exchange()).error).toBe('SLUICE_PLUGIN_FAILED');
    expect(host.stats.traps.fuel).toBe(1);
  });
});

describe('a gRPC stream of a plugin', () => {
  it('goes both ways until the service ends it', async () => {
    const said: string[] = [];
    const ended: string[] = [];
    const auth = (call: TestGrpcCall) => {
      call.head({ 'x-a': 'b' });
      return {
        onMessage: (message: Buffer): void => {
          said.push(message.toString());
          if (said.length < 3) call.reply(`go on ${said.length}`);
          else call.end(0);
        },
        onEnd: (): void => void ended.push('end'),
      };
    };
    // Answers what it is told with its length, and lets the request go when all is over.
    const length = `(i32.store8 (i32.const 4096) (i32.add (i32.const 48) (local.get 2)))`;
    const host = await speaking(
      {
        stream: true,
        callbacks: {
          proxy_on_grpc_receive: `${length} (drop (call $grpc_send (local.get 1) (i32.const 4096) (i32.const 1) (i32.const 0)))`,
          proxy_on_grpc_close: `(drop (call $set_effective_context (i32.load (call $owner (local.get 1)))))
            (drop (call $continue_stream (i32.const 0)))`,
        },
      },
      { grpcServices: { auth } },
    );
    expect((await host.exchange()).response?.status).toBe(200);
    expect([said, ended]).toEqual([['question', '7', '7'], []]);
    expect(host.stats.callouts).toEqual({ success: 1 });
  });

  it('is given up when its exchange ends', async () => {
    const gone: string[] = [];
    const auth = () => ({ onCancel: (): void => void gone.push('cancel') });
    const clock = new TestClock();
    const host = await speaking({ stream: true }, { grpcServices: { auth }, clock });
    const outcome = host.exchange();
    await clock.advance(LIMITS.pluginPauseMs);
    expect((await outcome).error).toBe('SLUICE_PLUGIN_PAUSE_TIMEOUT');
    expect([gone, host.stats.callouts]).toEqual([['cancel'], { cancelled: 1 }]);
  });
});
