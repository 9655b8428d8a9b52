import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import type { QueueReceiver, SharedQueues } from './host.ts';
import { allocateSharedData, releaseSharedData, SharedDataMemory } from './shared-data.ts';
import { QUEUE_BLOCKS } from './shared-memory.ts';
import { queueDepths } from './shared-queue.ts';

const MiB = 1024 * 1024;

interface Thread {
  readonly owner: number;
  readonly store: SharedDataMemory;
  /** A plugin of the thread, which notes what it is told, and takes messages as it likes. */
  open(tenant?: string, plugin?: string, take?: (queues: SharedQueues, id: number) => void): Notes;
}

interface Notes {
  readonly queues: SharedQueues;
  readonly told: number[];
}

/** The memory of all threads, and what stands for threads. */
class Rig {
  readonly buffer: SharedArrayBuffer;
  readonly #open: SharedQueues[] = [];
  #lastOwner = 0;
  now = 1000;

  constructor(bytes = 4 * MiB) {
    this.buffer = allocateSharedData(bytes);
    onTestFinished(() => this.#open.forEach((queues) => queues.close()));
  }

  thread(): Thread {
    const owner = ++this.#lastOwner;
    const store = new SharedDataMemory(this.buffer, owner, { seconds: () => this.now, idleSeconds: 600 });
    return {
      owner,
      store,
      open: (tenant = 't', plugin = 'p', take = () => {}) => {
        const told: number[] = [];
        const receiver: QueueReceiver = {
          onQueueReady: (id) => {
            told.push(id);
            take(queues, id);
          },
        };
        const queues = store.queues.open(tenant, plugin, receiver);
        this.#open.push(queues);
        return { queues, told };
      },
    };
  }
}

/** Lets everybody who has been rung look. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
  await new Promise((resolve) => setTimeout(resolve, 5));
}

const bytes = (text: string): Buffer => Buffer.from(text);
const text = (message: Uint8Array | null | undefined): string | null | undefined =>
  message && Buffer.from(message).toString();

describe('a queue', () => {
  it('gives messages in their order, to whoever asks, each once', () => {
    const rig = new Rig();
    const [one, two] = [rig.thread().open().queues, rig.thread().open().queues];
    const id = one.register('jobs');
    expect(id).toBeGreaterThan(0);
    expect([two.register('jobs'), two.resolve('', 'jobs'), one.resolve('', 'jobs')]).toEqual([id, id, id]);
    expect(one.dequeue(id)).toBeNull();
    for (const message of ['a', '', 'c'.repeat(5000), 'd']) expect(one.enqueue(id, bytes(message))).toBe(true);
    expect(queueDepths(rig.buffer)).toEqual([{ tenant: 't', plugin: 'p', messages: 4 }]);
    expect([text(two.dequeue(id)), text(one.dequeue(id)), text(two.dequeue(id))]).toEqual(['a', '', 'c'.repeat(5000)]);
    expect([text(two.dequeue(id)), text(one.dequeue(id))]).toEqual(['d', null]);
    expect([one.enqueued, one.dropped, two.enqueued]).toEqual([4, 0, 0]);
  });

  it('is found by its number where nobody has registered for it', () => {
    const rig = new Rig();
    const id = rig.thread().open().queues.register('jobs');
    const other = rig.thread().open('t', 'q').queues;
    expect(other.knows(id)).toBe(false);
    expect(other.enqueue(id, bytes('x'))).toBe(true);
    expect(other.knows(id)).toBe(true);
    expect(text(other.dequeue(id))).toBe('x');
  });

  it('is out of reach of other tenants', () => {
    const rig = new Rig();
    const thread = rig.thread();
    const id = thread.open('t', 'p').queues.register('jobs');
    thread.open('t', 'p').queues.enqueue(id, bytes('secret'));
    for (const queues of [
      thread.open('u', 'p').queues,
      thread.open('', 'p').queues,
      thread.open('t\np\n', '').queues,
    ]) {
      expect([queues.resolve('p', 'jobs'), queues.resolve('t', 'jobs'), queues.resolve('', 'jobs')]).toEqual([0, 0, 0]);
      expect(queues.dequeue(id)).toBeUndefined();
      expect(queues.enqueue(id, bytes('forged'))).toBe(false);
    }
    expect(thread.open('u', 'p').queues.register('jobs')).not.toBe(id);
  });

  it('is resolved by the name of its plugin, and by what the plugin reads as its own', () => {
    const rig = new Rig();
    const thread = rig.thread();
    const id = thread.open('t', 'p').queues.register('jobs');
    const other = thread.open('t', 'q').queues;
    expect([other.resolve('p', 'jobs'), other.resolve('', 'jobs'), other.resolve('q', 'jobs')]).toEqual([id, 0, 0]);
    expect([other.resolve('p', 'none'), other.resolve('none', 'jobs')]).toEqual([0, 0]);
    expect(thread.open('t', 'p').queues.resolve('t', 'jobs')).toBe(id);
  });

  it('has names of any length and any bytes', () => {
    const rig = new Rig();
    const thread = rig.thread();
    const { queues } = thread.open('t'.repeat(63), 'p'.repeat(63));
    const names = ['', '\n', '\0', 'x'.repeat(48), 'x'.repeat(49), 'y'.repeat(100_000), 'ÿ'.repeat(48)];
    const ids = names.map((name) => queues.register(name));
    expect(new Set(ids).size).toBe(names.length);
    for (const [i, id] of ids.entries()) expect(queues.enqueue(id, bytes(String(i)))).toBe(true);
    const other = rig.thread().open('t'.repeat(63), 'p'.repeat(63)).queues;
    for (const [i, name] of names.entries()) expect(text(other.dequeue(other.resolve('', name)))).toBe(String(i));
  });

  it('drops the oldest messages when it is full', () => {
    const { queues } = new Rig().thread().open();
    const id = queues.register('jobs');
    for (let i = 0; i < QUEUE_BLOCKS + 100; i++) queues.enqueue(id, bytes(`message ${i}`));
    expect([queues.enqueued, queues.dropped]).toEqual([QUEUE_BLOCKS + 100, 100]);
    expect(text(queues.dequeue(id))).toBe('message 100');
    queues.enqueue(id, Buffer.alloc(LIMITS.pluginQueueBytes * 0.9, 1));
    let left = 0;
    while (queues.dequeue(id) !== null) left++;
    // Messages take 128 bytes at least, and the large one 120 of each.
    expect(left).toBeLessThan(QUEUE_BLOCKS * 0.1);
    expect(queues.enqueued - queues.dropped).toBe(left + 1);
  });

  it('drops a message that never fits, and keeps the others', () => {
    const { queues } = new Rig().thread().open();
    const id = queues.register('jobs');
    queues.enqueue(id, bytes('kept'));
    expect(queues.enqueue(id, Buffer.alloc(LIMITS.pluginQueueBytes))).toBe(true);
    expect(queues.dropped).toBe(1);
    expect([text(queues.dequeue(id)), queues.dequeue(id)]).toEqual(['kept', null]);
  });

  it('of which a plugin may have so many, and no more', () => {
    const rig = new Rig();
    const thread = rig.thread();
    const { queues } = thread.open();
    for (let i = 0; i < 1000; i++) expect(queues.register(`q${i}`)).toBeGreaterThan(0);
    const others = rig.thread().open().queues;
    const groups = [...Array(1000).keys()].filter((i) => others.resolve('', `q${i}`) !== 0);
    expect(groups).toEqual([...Array(LIMITS.pluginQueues).keys()]);
    expect(queues.enqueue(queues.register('q0'), bytes('x'))).toBe(true);
    expect(queues.dropped).toBe(0);
    // The tenant's other plugins, and its shared data, have room.
    const other = thread.open('t', 'q').queues;
    other.enqueue(other.register('jobs'), bytes('x'));
    expect(other.dropped).toBe(0);
    expect(thread.store.open('t', 'p').set('k', bytes('v'), 0)).toBe(true);
  });

  it('of which none fits any more takes messages and loses them', () => {
    const rig = new Rig();
    const { queues } = rig.thread().open();
    const ids = [...Array(LIMITS.pluginQueues + 1).keys()].map((i) => queues.register(`q${i}`));
    expect(queues.enqueue(ids.at(-1)!, bytes('x'))).toBe(true);
    expect([queues.dropped, queues.dequeue(ids.at(-1)!)]).toEqual([1, null]);
  });

  it('shares the memory, and makes room there for others when it is idle', () => {
    const rig = new Rig(256 * 1024);
    const thread = rig.thread();
    const { queues } = thread.open('t', 'p');
    const id = queues.register('jobs');
    while (queues.dropped === 0) queues.enqueue(id, Buffer.alloc(2000, 1));
    const data = thread.open('u', 'p') && thread.store.open('u', 'p');
    expect(data.set('k', bytes('v'), 0)).toBe(false);
    rig.now += 600;
    expect(data.set('k', bytes('v'), 0)).toBe(true);
    // Emptied, and still the same queue with the same receiver.
    expect(queues.dequeue(id)).toBeNull();
    expect(queues.enqueue(id, bytes('again'))).toBe(true);
    expect(text(queues.dequeue(id))).toBe('again');
  });

  it('that nobody receives from is given away when it is idle, and made anew on use', () => {
    const rig = new Rig(8 * 4096);
    const thread = rig.thread();
    const gone = thread.open('t', 'p').queues;
    const id = gone.register('jobs');
    gone.enqueue(id, bytes('old'));
    const user = rig.thread().open('t', 'q').queues;
    expect(user.resolve('p', 'jobs')).toBe(id);
    gone.close();
    rig.now += 600;
    for (let i = 0; i < 4; i++) expect(thread.store.open(`u${i}`, 'p').set('k', bytes('v'), 0)).toBe(true);
    expect(queueDepths(rig.buffer)).toEqual([]);
    rig.now += 600;
    expect(user.enqueue(id, bytes('new'))).toBe(true);
    expect([text(user.dequeue(id)), user.dropped]).toEqual(['new', 0]);
  });
});

describe('a receiver', () => {
  it('is told of messages later, once for many, and again when it takes one at a time', async () => {
    const rig = new Rig();
    const lazy = rig.thread().open();
    const id = lazy.queues.register('jobs');
    const sender = rig.thread().open('t', 'q').queues;
    for (let i = 0; i < 50; i++) sender.enqueue(id, bytes(`m${i}`));
    expect(lazy.told).toEqual([]);
    await expect.poll(() => lazy.told).toEqual([id]);
    await settled();
    // It took nothing, and nothing has come.
    expect(lazy.told).toEqual([id]);
    sender.enqueue(id, bytes('one more'));
    await expect.poll(() => lazy.told).toEqual([id, id]);

    const taken: unknown[] = [];
    const diligent = rig.thread().open('t', 'p', (queues, queue) => taken.push(text(queues.dequeue(queue))));
    diligent.queues.register('jobs');
    await expect.poll(() => taken.length).toBe(51);
    await settled();
    expect([taken.length, taken.at(-1), diligent.told.length]).toEqual([51, 'one more', 51]);
    expect(lazy.told).toEqual([id, id]);
  });

  it('is the one that registered last, in any thread', async () => {
    const rig = new Rig();
    const [one, two, three] = [rig.thread(), rig.thread(), rig.thread()].map((thread) => thread.open());
    const id = one!.queues.register('jobs');
    two!.queues.register('jobs');
    three!.queues.resolve('', 'jobs');
    three!.queues.enqueue(id, bytes('x'));
    await expect.poll(() => two!.told).toEqual([id]);
    one!.queues.register('jobs');
    await expect.poll(() => one!.told).toEqual([id]);
    three!.queues.dequeue(id);
    three!.queues.enqueue(id, bytes('y'));
    await expect.poll(() => one!.told).toEqual([id, id]);
    await settled();
    expect([two!.told.length, three!.told.length]).toEqual([1, 0]);
  });

  it('is the one before it in the same thread when it has gone', async () => {
    const rig = new Rig();
    const thread = rig.thread();
    const [old, young] = [thread.open(), thread.open()];
    const id = old.queues.register('jobs');
    young.queues.register('jobs');
    young.queues.close();
    old.queues.enqueue(id, bytes('x'));
    await expect.poll(() => old.told).toEqual([id]);
    expect(young.told).toEqual([]);
  });

  it.each(['closes', 'dies'])('is one of another thread when its own %s, of what waits already too', async (how) => {
    const rig = new Rig();
    const [first, second] = [rig.thread(), rig.thread()];
    const heir = first.open('t', 'p', (queues, queue) => queues.dequeue(queue));
    const last = second.open();
    const id = heir.queues.register('jobs');
    last.queues.register('jobs');
    heir.queues.enqueue(id, bytes('waits'));
    await expect.poll(() => last.told).toEqual([id]);
    if (how === 'closes') last.queues.close();
    else releaseSharedData(rig.buffer, second.owner);
    await expect.poll(() => heir.told).toEqual([id]);
    heir.queues.enqueue(id, bytes('x'));
    await expect.poll(() => heir.told).toEqual([id, id]);
  });

  it('that comes after the messages is told of them', async () => {
    const rig = new Rig();
    const gone = rig.thread().open();
    const id = gone.queues.register('jobs');
    gone.queues.close();
    const sender = rig.thread().open('t', 'q').queues;
    sender.enqueue(id, bytes('x'));
    const late = rig.thread().open();
    late.queues.register('jobs');
    await expect.poll(() => late.told).toEqual([id]);
  });

  it('that registers again after its queue was emptied by others is told of the next message', async () => {
    const rig = new Rig();
    const gone = rig.thread().open();
    const id = gone.queues.register('jobs');
    gone.queues.close();
    const sender = rig.thread().open('t', 'q').queues;
    sender.enqueue(id, bytes('x'));
    sender.dequeue(id);
    const late = rig.thread().open();
    late.queues.register('jobs');
    await settled();
    sender.enqueue(id, bytes('y'));
    await expect.poll(() => late.told).toEqual([id]);
  });

  it('lets others of its thread have their turn while it is called again and again', async () => {
    const rig = new Rig();
    const thread = rig.thread();
    const busy = thread.open('t', 'p', (queues, id) => {
      queues.dequeue(id);
      queues.enqueue(id, bytes('for ever'));
    });
    const id = busy.queues.register('jobs');
    busy.queues.enqueue(id, bytes('first'));
    await expect.poll(() => busy.told.length).toBeGreaterThan(100);
    busy.queues.close();
    const { length } = busy.told;
    await settled();
    expect(busy.told.length).toBe(length);
  });
});
