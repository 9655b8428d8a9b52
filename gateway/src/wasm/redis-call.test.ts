import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { NO_CALLOUTS } from './callout.ts';
import type { CalloutHandle, RedisCalls, RedisHandler, RedisRequest, RedisTarget } from './host.ts';
import { answer, pluginRig, say, TestExchange } from './plugin-rig.suite.ts';
import { resp } from './redis.suite.ts';
import type { PluginText } from './wat.suite.ts';

interface Sent {
  readonly request: RedisRequest;
  readonly handler: RedisHandler;
  cancelled: boolean;
}

/** Redis whose answers the test gives. */
class FakeCalls implements RedisCalls {
  readonly prepared: RedisTarget[] = [];
  readonly sent: Sent[] = [];
  known = true;

  prepare(target: RedisTarget): boolean {
    this.prepared.push(target);
    return this.known;
  }

  send(request: RedisRequest, handler: RedisHandler): CalloutHandle | null {
    if (!this.known) return null;
    const sent: Sent = { request, handler, cancelled: false };
    this.sent.push(sent);
    return { cancel: () => void (sent.cancelled = true) };
  }
}

const NAME = 'cache?db=2&buffer_flush_timeout=3';
const text = (at: number, value: string | Buffer): string =>
  `(data (i32.const ${at}) "${[...Buffer.from(value as string)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")`;

const QUERY = resp('GET', 'key');
const span = (at: number, value: string | Buffer): string =>
  `(i32.const ${at}) (i32.const ${Buffer.byteLength(value)})`;
const init = (name = NAME, timeout = 1500): string =>
  `(call $redis_init (i32.const 300) (i32.const ${name.length}) ${span(500, 'user')} ${span(510, 'pass')} (i32.const ${timeout}))`;
const call = (query: Buffer = QUERY, name = NAME): string =>
  `(call $redis_call (i32.const 300) (i32.const ${name.length}) ${span(600, query)} (i32.const 64))`;
const SAY_REPLY = `(drop (call $get_buffer_bytes (i32.const 9) (i32.const 0) (i32.const 1000) (i32.const 68) (i32.const 72)))
  (drop (call $log (i32.const 2) (i32.load (i32.const 68)) (local.get 3)))`;

async function rig(callbacks: PluginText['callbacks'], { query = QUERY, name = NAME } = {}) {
  const redis = new FakeCalls();
  const fields = [text(300, name), text(500, 'user'), text(510, 'pass'), text(600, query)].join('\n');
  const rigged = await pluginRig({ callbacks: callbacks!, fields }, NO_CALLOUTS, { redis });
  return { ...rigged, redis };
}

/** Asks with each request, and says the number is right, the status and the reply. */
const ASKING = {
  proxy_on_configure: `(drop ${init()}) (i32.const 1)`,
  proxy_on_request_headers: `${answer(call())} (i32.const 0)`,
  proxy_on_redis_call_response: `(if (i32.eq (local.get 1) (i32.load (i32.const 64))) (then ${say('#')}))
    ${answer('(local.get 2)')} ${SAY_REPLY}`,
  proxy_on_delete: say('x'),
};

describe('Redis calls of a guest', () => {
  it('are set up with database, user, password and timeout, and answered with the bytes of the reply', async () => {
    const { plugin, redis, said } = await rig(ASKING);
    const exchange = new TestExchange(plugin);
    const target = { service: 'cache', db: 2, username: 'user', password: 'pass', caller: { tenant: 't' } };
    expect(redis.prepared).toMatchObject([target]);
    exchange.begin();
    expect(redis.sent[0]!.request).toMatchObject({ target, query: QUERY, timeoutMs: 1500, origin: { lane: 'gray' } });
    expect(said()).toBe('A');
    redis.sent[0]!.handler.onRedisDone(Buffer.from('$5\r\nvalue\r\n'), 'success');
    expect(said()).toBe('A#A$5\r\nvalue\r\n');
    expect(plugin.stats()).toMatchObject({ callouts: { success: 1 }, failures: 0 });
  });

  it('that fail have a status and no reply, and say why', async () => {
    const status = `(drop (call $get_status (i32.const 100) (i32.const 104) (i32.const 108)))
      ${answer('(i32.load (i32.const 100))')}
      (drop (call $log (i32.const 2) (i32.load (i32.const 104)) (i32.load (i32.const 108))))`;
    const { plugin, redis, said } = await rig({
      ...ASKING,
      proxy_on_redis_call_response: `${answer('(local.get 2)')} ${answer('(local.get 3)')} ${status}`,
    });
    new TestExchange(plugin).begin();
    redis.sent[0]!.handler.onRedisDone(null, 'timeout');
    expect(said()).toBe('ABALtimeout');
    expect(plugin.stats().callouts).toEqual({ timeout: 1 });
  });

  it('are told of once, and when the guest has returned', async () => {
    const { plugin, redis, said } = await rig(ASKING);
    const send = redis.send.bind(redis);
    redis.send = (request, handler) => {
      const handle = send(request, handler);
      handler.onRedisDone(Buffer.from('+1\r\n'), 'success');
      handler.onRedisDone(Buffer.from('+2\r\n'), 'success');
      return handle;
    };
    new TestExchange(plugin).begin();
    expect(said()).toBe('A');
    await Promise.resolve();
    expect(said()).toBe('A#A+1\r\n');
  });

  it('are given up with their exchange, which the guest is told after it', async () => {
    const { plugin, redis, said } = await rig(ASKING);
    const [ending, staying] = [new TestExchange(plugin), new TestExchange(plugin)];
    ending.begin();
    staying.begin();
    ending.end();
    expect(redis.sent.map(({ cancelled }) => cancelled)).toEqual([true, false]);
    expect(said()).toBe('AAxB');
    redis.sent[1]!.handler.onRedisDone(Buffer.from(':1\r\n'), 'success');
    expect(said()).toBe('AAxB#A:1\r\n');
    plugin.close();
  });

  it('keep the VM, and end with it, silently', async () => {
    const { plugin, redis, said } = await rig({
      proxy_on_configure: `(drop ${init()}) ${answer(call())} (i32.const 1)`,
      proxy_on_redis_call_response: say('!'),
    });
    plugin.start();
    expect([plugin.idle, redis.sent[0]!.request.origin]).toEqual([false, null]);
    plugin.close();
    expect(redis.sent[0]!.cancelled).toBe(true);
    redis.sent[0]!.handler.onRedisDone(Buffer.from(':1\r\n'), 'success');
    expect([said(), plugin.stats().callouts]).toEqual(['A', { cancelled: 1 }]);
  });

  it('are limited in number', async () => {
    const { plugin, redis, said } = await rig({
      ...ASKING,
      proxy_on_request_headers: `${`(drop ${call()})`.repeat(LIMITS.pluginCalloutsPerExchange)} ${answer(call())} (i32.const 0)`,
    });
    new TestExchange(plugin).begin();
    expect(said()).toBe('K');
    expect([redis.sent.length, plugin.stats().callouts]).toEqual([LIMITS.pluginCalloutsPerExchange, { refused: 1 }]);
  });

  it('answer 2 to what was not set up, is unknown, or cannot be sent', async () => {
    const request = { proxy_on_request_headers: `${answer(call())} (i32.const 0)` };
    const unprepared = await rig(request);
    new TestExchange(unprepared.plugin).begin();
    expect(unprepared.said()).toBe('C');

    for (const query of [resp('SUBSCRIBE', 'x'), Buffer.from('PING\r\n'), Buffer.from('')]) {
      const asked = { ...ASKING, proxy_on_request_headers: `${answer(call(query))} (i32.const 0)` };
      const { plugin, redis, said } = await rig(asked, { query });
      new TestExchange(plugin).begin();
      expect([said(), redis.sent.length]).toEqual(['C', 0]);
    }

    const { plugin, redis, said } = await rig(ASKING);
    plugin.start();
    redis.known = false;
    new TestExchange(plugin).begin();
    expect([said(), plugin.stats().callouts]).toEqual(['C', { refused: 1 }]);
  });

  it.each([
    ['cache?db=x', 'C'],
    ['cache?db=-1', 'C'],
    ['cache?db=123456', 'C'],
    ['cache?buffer_flush_timeout=3', 'A'],
    ['cache?', 'A'],
  ])('name a service and a database: %s', async (name, expected) => {
    const { plugin, said } = await rig({ proxy_on_configure: `${answer(init(name))} (i32.const 1)` }, { name });
    plugin.start();
    expect(said()).toBe(expected);
  });

  it('answer 2 where there is no Redis at all', async () => {
    const fields = [text(300, NAME), text(500, 'user'), text(510, 'pass')].join('\n');
    const { plugin, said } = await pluginRig(
      { callbacks: { proxy_on_configure: `${answer(init())} (i32.const 1)` }, fields },
      NO_CALLOUTS,
    );
    plugin.start();
    expect(said()).toBe('C');
  });

  it('answer 6 to pointers that are out of memory', async () => {
    const OUT = '(i32.const -2)';
    const { plugin, redis, said } = await rig({
      proxy_on_configure: `
        ${answer(`(call $redis_init ${OUT} (i32.const 4) ${span(500, 'user')} ${span(510, 'pass')} (i32.const 0))`)}
        ${answer(`(call $redis_init ${span(300, NAME)} (i32.const 500) ${OUT} ${span(510, 'pass')} (i32.const 0))`)}
        ${answer(`(call $redis_init ${span(300, NAME)} ${span(500, 'user')} ${OUT} (i32.const 4) (i32.const 0))`)}
        (drop ${init()})
        ${answer(`(call $redis_call ${span(300, NAME)} ${span(600, QUERY)} ${OUT})`)}
        ${answer(`(call $redis_call ${span(300, NAME)} (i32.const 600) ${OUT} (i32.const 64))`)}
        ${answer(`(call $redis_call ${OUT} (i32.const 4) ${span(600, QUERY)} (i32.const 64))`)} (i32.const 1)`,
    });
    plugin.start();
    expect([said(), redis.prepared.length, redis.sent.length]).toEqual(['GGGGGG', 1, 0]);
  });

  it('time out as the guest says, within what the gateway allows', async () => {
    for (const [asked, granted] of [
      [0, LIMITS.pluginCalloutMs],
      [1, 1],
      [-1, LIMITS.pluginCalloutMs],
    ] as const) {
      const { plugin, redis } = await rig({
        ...ASKING,
        proxy_on_configure: `(drop ${init(NAME, asked)}) (i32.const 1)`,
      });
      new TestExchange(plugin).begin();
      expect(redis.sent[0]!.request.timeoutMs).toBe(granted);
    }
  });

  it('of a flood end with the fuel', async () => {
    for (const each of [init(), call()]) {
      const { plugin } = await rig({
        ...ASKING,
        proxy_on_request_headers: `(loop $again (drop ${each}) (br $again)) (i32.const 0)`,
      });
      new TestExchange(plugin).begin();
      expect(plugin.stats().traps.fuel).toBe(1);
    }
  });
});
