import type { QueueReceiver } from './host.ts';
import type { SharedTools } from './shared-handle.ts';
import { BELLS, HEADER } from './shared-memory.ts';
import { SharedQueue } from './shared-queue.ts';

/** How often a receiver that takes its messages one by one is called before others of the thread have their turn. */
const CALLS = 16;

/**
 * The queues that plugins of one thread use, and the thread's bell: while one of them has registered for a queue, it
 * sleeps on a word of the shared memory and tells receivers when it is rung.
 */
export class QueueThread {
  readonly tools: SharedTools;
  readonly #owner: number;
  /** By name. */
  readonly #queues = new Map<string, SharedQueue>();
  /** Those that somebody here has registered for. */
  readonly #listening = new Set<SharedQueue>();
  #sleeps = false;

  constructor(tools: SharedTools, owner: number) {
    this.tools = tools;
    this.#owner = owner;
  }

  /** The queue of that name, for one more user. */
  use(name: string): SharedQueue {
    const queue = this.#queues.get(name) ?? new SharedQueue(this.tools, this.#owner, name);
    this.#queues.set(name, queue);
    queue.users++;
    return queue;
  }

  /** One user less. */
  drop(queue: SharedQueue): void {
    if (--queue.users === 0) this.#queues.delete(queue.name);
  }

  /** From now on `receiver` is told of messages, of all that registered in any thread. */
  register(queue: SharedQueue, receiver: QueueReceiver): void {
    remove(queue.receivers, receiver);
    queue.receivers.push(receiver);
    this.#listening.add(queue);
    if (!this.#sleeps) {
      this.#sleeps = true;
      // Not now: a guest is on the stack.
      setImmediate(this.#listen);
    }
    queue.claim();
  }

  unregister(queue: SharedQueue, receiver: QueueReceiver): void {
    remove(queue.receivers, receiver);
    if (queue.receivers.length > 0 || !this.#listening.delete(queue)) return;
    queue.disclaim();
    // Lets go of the bell.
    if (this.#listening.size === 0) this.tools.memory.ring(this.#owner);
  }

  readonly #listen = (): void => {
    const { words } = this.tools.memory;
    const bell = HEADER.bells + (this.#owner % BELLS);
    const heard = Atomics.load(words, bell);
    for (const queue of this.#listening) if (queue.due) this.#tell(queue);
    this.#sleeps = this.#listening.size > 0;
    if (!this.#sleeps) return;
    const rung = Atomics.waitAsync(words, bell, heard);
    if (rung.async) void rung.value.then(this.#listen);
    else setImmediate(this.#listen);
  };

  /** Guests may take one message for each call: while they take some, and there are more, they are called again. */
  #tell(queue: SharedQueue): void {
    for (let calls = 0; calls < CALLS; calls++) {
      const { taken } = queue;
      queue.receivers.at(-1)?.onQueueReady(queue.id);
      if (queue.taken === taken || queue.empty) return;
    }
    setImmediate(() => this.#tell(queue));
  }
}

function remove<T>(from: T[], item: T): void {
  const at = from.indexOf(item);
  if (at !== -1) from.splice(at, 1);
}
