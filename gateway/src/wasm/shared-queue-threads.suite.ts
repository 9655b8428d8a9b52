import { parentPort, workerData } from 'node:worker_threads';
import type { SharedQueues } from './host.ts';
import { SharedDataMemory } from './shared-data.ts';
import { queueDepths } from './shared-queue.ts';

/** Messages of one sender that are told apart. */
export const MESSAGES = 100_000;
/** Messages that may wait: fewer than fit, so that none is dropped. */
const MOST_WAITING = 500;

/** Words that the threads of a test and the test itself share. */
export const QUEUE_TALLY = {
  /** 1: senders end. */
  stop: 0,
  /** Messages that were not whole. */
  broken: 1,
  /** Messages that have been taken, of all. */
  taken: 2,
  /** Messages that were dropped. */
  dropped: 3,
  /** Messages that each sender has sent, by its owner's number. */
  sent: 8,
  size: 256,
} as const;

export interface QueueTask {
  readonly buffer: SharedArrayBuffer;
  readonly owner: number;
  /** `rotate`: takes messages out and puts them back, until it is ended; so it spends its time with the lock. */
  readonly role: 'send' | 'receive' | 'rotate';
  readonly tally: Int32Array;
  /** How often each message of the senders 1 and 2 was taken. */
  readonly seen: Uint8Array;
}

const wait = new Int32Array(new SharedArrayBuffer(4));

if (parentPort !== null) run(workerData as QueueTask);

function run(task: QueueTask): void {
  const { buffer, owner, role } = task;
  const store = new SharedDataMemory(buffer, owner);
  const queues = store.queues.open('tenant', 'plugin', { onQueueReady: (id) => take(queues, id, task) });
  const id = queues.register('jobs');
  if (role === 'receive') {
    // The thread lives as long as nobody ends it.
    setInterval(() => {}, 1_000_000);
  } else {
    // It is no receiver.
    queues.close();
    const own = store.queues.open('tenant', 'plugin', { onQueueReady: () => {} });
    setImmediate(() => (role === 'send' ? send(own, id, task) : rotate(own, id)));
  }
  parentPort!.postMessage('runs');
}

function send(queues: SharedQueues, id: number, { buffer, owner, tally }: QueueTask): void {
  for (let number = 1; number < MESSAGES && Atomics.load(tally, QUEUE_TALLY.stop) === 0; number++) {
    const message = Buffer.alloc(8 + (number % 300), number % 251);
    message.writeInt32LE(owner, 0);
    message.writeInt32LE(number, 4);
    queues.enqueue(id, message);
    Atomics.add(tally, QUEUE_TALLY.sent + owner, 1);
    if (number % 20 !== 0) continue;
    do Atomics.wait(wait, 0, 0, 1);
    while ((queueDepths(buffer)[0]?.messages ?? 0) > MOST_WAITING && Atomics.load(tally, QUEUE_TALLY.stop) === 0);
  }
  Atomics.add(tally, QUEUE_TALLY.dropped, queues.dropped);
  parentPort!.close();
}

function rotate(queues: SharedQueues, id: number): never {
  for (;;) {
    const message = queues.dequeue(id);
    if (message) queues.enqueue(id, message);
  }
}

/** Takes one, as the examples of the SDKs do. */
function take(queues: SharedQueues, id: number, { tally, seen }: QueueTask): void {
  const message = queues.dequeue(id);
  if (message === null || message === undefined) return;
  const bytes = Buffer.from(message);
  const [owner, number] = [bytes.readInt32LE(0), bytes.readInt32LE(4)];
  const fill = number % 251;
  const whole = bytes.length === 8 + (number % 300) && bytes.subarray(8).every((byte) => byte === fill);
  if (!whole) Atomics.add(tally, QUEUE_TALLY.broken, 1);
  if (owner <= 2) Atomics.add(seen, (owner - 1) * MESSAGES + number, 1);
  Atomics.add(tally, QUEUE_TALLY.taken, 1);
}
