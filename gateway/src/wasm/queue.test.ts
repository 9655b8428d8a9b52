import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { NO_CALLOUTS } from './callout.ts';
import { answer, pluginRig, say, TestExchange } from './plugin-rig.suite.ts';
import { SharedDataMemory } from './shared-data.ts';
import type { PluginText } from './wat.suite.ts';

/** `jobs` at 300, `hello` at 310; the number of the queue is kept at 64. */
const WORDS = '(data (i32.const 300) "jobs") (data (i32.const 310) "hello") (data (i32.const 320) "p")';
const REGISTER = '(call $register_shared_queue (i32.const 300) (i32.const 4) (i32.const 64))';
const ID = '(i32.load (i32.const 64))';
const enqueue = (length = '(i32.const 5)'): string => `(call $enqueue_shared_queue ${ID} (i32.const 310) ${length})`;
const DEQUEUE = `(call $dequeue_shared_queue ${ID} (i32.const 68) (i32.const 72))`;
const SAY_MESSAGE = '(drop (call $log (i32.const 2) (i32.load (i32.const 68)) (i32.load (i32.const 72))))';
/** Takes one message and logs it. */
const TAKE = `(if (i32.eqz (call $dequeue_shared_queue (local.get 1) (i32.const 68) (i32.const 72))) (then ${SAY_MESSAGE}))`;

async function rig(
  callbacks: PluginText['callbacks'],
  sharedData = SharedDataMemory.ofOneThread(),
  more: PluginText = {},
) {
  const rigged = await pluginRig({ fields: WORDS, ...more, callbacks: callbacks! }, NO_CALLOUTS, { sharedData });
  onTestFinished(() => rigged.plugin.close());
  return rigged;
}

/** Registers as it starts, puts a message in with each request, and takes one each time it is told. */
const WORKER = {
  proxy_on_vm_start: `(drop ${REGISTER}) (i32.const 1)`,
  proxy_on_request_headers: `${answer(enqueue())} (i32.const 0)`,
  proxy_on_queue_ready: TAKE,
};

describe('a plugin with a queue', () => {
  it('is told of its messages when it has returned, of each if it takes one at a time', async () => {
    const { plugin, said } = await rig(WORKER);
    const exchange = new TestExchange(plugin);
    exchange.begin();
    exchange.begin();
    exchange.begin();
    expect(said()).toBe('AAA');
    await expect.poll(said).toBe('AAAhellohellohello');
    expect(plugin.stats().queues).toEqual({ enqueued: 3, dropped: 0 });
  });

  it('has its VM made anew to be told, by another plugin of its tenant or a worker of its own', async () => {
    const store = SharedDataMemory.ofOneThread();
    const { plugin, said } = await rig(WORKER, store);
    plugin.start();
    plugin.evict();
    expect(plugin.stats().instances).toBe(0);
    const other = store.queues.open('t', 'other', { onQueueReady: () => {} });
    const id = other.resolve('p', 'jobs');
    expect(other.enqueue(id, Buffer.from('wake up'))).toBe(true);
    await expect.poll(said).toBe('wake up');
    expect(plugin.stats()).toMatchObject({ instances: 1, evictions: 1, starts: 2 });
  });

  it('that failed over a message is told of the others when it stands again', async () => {
    const store = SharedDataMemory.ofOneThread();
    const poison = '(i32.eq (i32.load8_u (i32.load (i32.const 68))) (i32.const 120))';
    const { plugin, said, pass } = await rig(
      { ...WORKER, proxy_on_queue_ready: `${TAKE} (if ${poison} (then (unreachable)))` },
      store,
    );
    plugin.start();
    const other = store.queues.open('t', 'other', { onQueueReady: () => {} });
    const id = other.resolve('p', 'jobs');
    for (const message of ['x1', 'x2', 'x3', 'x4', 'fine']) other.enqueue(id, Buffer.from(message));
    await expect.poll(() => (pass(LIMITS.pluginQueueRetryMs), said()), { timeout: 20_000 }).toBe('x1x2x3x4fine');
    expect(plugin.stats()).toMatchObject({ state: 'running', traps: { trap: 4 } });
  });

  it('that does not listen is left alone', async () => {
    const { plugin, said } = await rig({ ...WORKER, proxy_on_queue_ready: say('!') });
    const exchange = new TestExchange(plugin);
    exchange.begin();
    await expect.poll(said).toBe('A!');
    for (let i = 0; i < 10; i++) await turn();
    expect(said()).toBe('A!');
    exchange.begin();
    await expect.poll(said).toBe('A!A!');
  });

  it('that has no callback has no VM made for it', async () => {
    const store = SharedDataMemory.ofOneThread();
    const { plugin } = await rig({ proxy_on_vm_start: WORKER.proxy_on_vm_start }, store);
    plugin.start();
    plugin.evict();
    const other = store.queues.open('t', 'other', { onQueueReady: () => {} });
    other.enqueue(other.resolve('p', 'jobs'), Buffer.from('x'));
    for (let i = 0; i < 10; i++) await turn();
    expect(plugin.stats().starts).toBe(1);
  });

  it('that is closed is told no more', async () => {
    const store = SharedDataMemory.ofOneThread();
    const { plugin, said } = await rig(WORKER, store);
    new TestExchange(plugin).begin();
    plugin.close();
    for (let i = 0; i < 10; i++) await turn();
    expect([said(), plugin.stats().state]).toEqual(['A', 'closed']);
  });
});

describe('host calls of queues', () => {
  const request = (calls: readonly string[]) => ({
    proxy_on_request_headers: `${calls.map(answer).join(' ')} (i32.const 0)`,
  });

  async function answers(...calls: string[]): Promise<string> {
    const { plugin, said } = await rig(request(calls));
    new TestExchange(plugin).begin();
    expect(plugin.stats().failures).toBe(0);
    return said();
  }

  it('answer 0, 1 for what there is not, and 7 for what is empty', async () => {
    const resolve = (address: number, length: number): string =>
      `(call $resolve_shared_queue (i32.const ${address}) (i32.const ${length}) (i32.const 300) (i32.const 4) (i32.const 64))`;
    expect(await answers(resolve(0, 0), enqueue(), DEQUEUE)).toBe('BBB');
    expect(await answers(REGISTER, resolve(0, 0), resolve(320, 1), resolve(310, 5))).toBe('AAAB');
    expect(await answers(REGISTER, DEQUEUE, enqueue(), enqueue('(i32.const 0)'), DEQUEUE, DEQUEUE, DEQUEUE)).toBe(
      'AHAAAAH',
    );
  });

  it('answer 6 to pointers that are out of memory, and do nothing then', async () => {
    const OUT = '(i32.const -2)';
    expect(
      await answers(
        `(call $register_shared_queue (i32.const 300) (i32.const 4) ${OUT})`,
        `(call $register_shared_queue (i32.const 300) ${OUT} (i32.const 64))`,
        `(call $register_shared_queue ${OUT} (i32.const 4) (i32.const 64))`,
        `(call $resolve_shared_queue (i32.const 0) (i32.const 0) (i32.const 300) (i32.const 4) (i32.const 64))`,
        `(call $resolve_shared_queue ${OUT} (i32.const 4) (i32.const 300) (i32.const 4) (i32.const 64))`,
        `(call $resolve_shared_queue (i32.const 0) (i32.const 0) (i32.const 300) (i32.const 4) ${OUT})`,
      ),
    ).toBe('GGGBGG');
    expect(
      await answers(
        REGISTER,
        enqueue(),
        enqueue('(i32.const -1)'),
        `(call $enqueue_shared_queue ${ID} ${OUT} (i32.const 5))`,
        `(call $dequeue_shared_queue ${ID} ${OUT} (i32.const 72))`,
        `(call $dequeue_shared_queue ${ID} (i32.const 68) ${OUT})`,
        DEQUEUE,
        DEQUEUE,
      ),
    ).toBe('AAGGGGAH');
  });

  it('lose the message that the allocator has no room for', async () => {
    const calls = request([REGISTER, enqueue(), DEQUEUE, DEQUEUE]);
    const { plugin, said } = await rig(calls, undefined, { allocator: '(i32.const 0)' });
    new TestExchange(plugin).begin();
    expect(said()).toBe('AAGH');
  });

  it('empty the out slots when there is nothing', async () => {
    const { plugin, said } = await rig({
      proxy_on_request_headers: `(drop ${REGISTER}) (drop ${enqueue()}) (drop ${DEQUEUE}) (drop ${DEQUEUE})
        ${answer('(i32.or (i32.load (i32.const 68)) (i32.load (i32.const 72)))')} (i32.const 0)`,
    });
    new TestExchange(plugin).begin();
    expect(said()).toBe('A');
  });

  it.each([
    ['messages', enqueue()],
    ['large messages', enqueue('(i32.const 60000)')],
    ['numbers of no queue', '(call $dequeue_shared_queue (i32.const 12345) (i32.const 68) (i32.const 72))'],
    ['names', '(call $register_shared_queue (i32.const 300) (i32.const 60000) (i32.const 64))'],
  ])('stop a flood of %s by its fuel', async (_, call) => {
    const { plugin } = await rig({
      proxy_on_vm_start: WORKER.proxy_on_vm_start,
      proxy_on_request_headers: `(loop $again (drop ${call}) (br $again)) (i32.const 0)`,
    });
    new TestExchange(plugin).begin();
    expect(plugin.stats()).toMatchObject({ traps: { fuel: 1 }, queues: { dropped: 0 } });
  });
});
