import type { QueueReceiver, SharedQueues, SharedQueueStore } from './host.ts';
import { QueueThread } from './queue-thread.ts';
import type { SharedTools } from './shared-handle.ts';
import { queueId, queueName, type SharedQueue, tenantPrefix } from './shared-queue.ts';

/** Queues that a plugin remembers; others are looked for again. */
const KNOWN = 64;

/** The queues of all threads, as one of them uses them. */
export class SharedQueueMemory implements SharedQueueStore {
  readonly #thread: QueueThread;

  /** @param owner number of this thread, see `SharedLocks` */
  constructor(tools: SharedTools, owner: number) {
    this.#thread = new QueueThread(tools, owner);
  }

  open(tenant: string, plugin: string, receiver: QueueReceiver): SharedQueues {
    return new PluginQueues(this.#thread, tenant, plugin, receiver);
  }
}

/** Queues as one plugin of one tenant uses them in one thread. */
class PluginQueues implements SharedQueues {
  enqueued = 0;
  dropped = 0;
  readonly #thread: QueueThread;
  readonly #tenant: string;
  readonly #plugin: string;
  readonly #receiver: QueueReceiver;
  /** By number; the longest known first. */
  readonly #known = new Map<number, SharedQueue>();

  constructor(thread: QueueThread, tenant: string, plugin: string, receiver: QueueReceiver) {
    this.#thread = thread;
    this.#tenant = tenant;
    this.#plugin = plugin;
    this.#receiver = receiver;
  }

  knows(id: number): boolean {
    return this.#known.has(id);
  }

  register(name: string): number {
    const queue = this.#remember(queueName(this.#tenant, this.#plugin, name));
    if (queue !== null) this.#thread.register(queue, this.#receiver);
    return queueId(queueName(this.#tenant, this.#plugin, name));
  }

  resolve(plugin: string, name: string): number {
    const found = this.#find(queueName(this.#tenant, plugin === '' ? this.#plugin : plugin, name));
    // What plugins read as the name of their VM is their tenant's.
    if (found !== 0 || plugin !== this.#tenant) return found;
    return this.#find(queueName(this.#tenant, this.#plugin, name));
  }

  enqueue(id: number, message: Uint8Array): boolean {
    const queue = this.#queue(id);
    if (queue === null) return false;
    this.enqueued++;
    this.dropped += queue.push(message);
    return true;
  }

  dequeue(id: number): Uint8Array | null | undefined {
    const queue = this.#queue(id);
    return queue === null ? undefined : queue.shift();
  }

  wake(id: number): void {
    this.#known.get(id)?.call();
  }

  close(): void {
    for (const queue of this.#known.values()) this.#forget(queue);
    this.#known.clear();
  }

  /** null: there is none of its tenant. */
  #queue(id: number): SharedQueue | null {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const name = this.#thread.tools.directory.nameOf(id | 0, tenantPrefix(this.#tenant));
    return name === null ? null : this.#remember(name);
  }

  #find(name: string): number {
    const id = queueId(name);
    if (this.#known.get(id)?.name === name) return id;
    if (this.#thread.tools.directory.nameOf(id | 0, name) !== name) return 0;
    return this.#remember(name) === null ? 0 : id;
  }

  /** null: there is another one with this number, or it knows too many. */
  #remember(name: string): SharedQueue | null {
    const id = queueId(name);
    const known = this.#known.get(id);
    if (known !== undefined) return known.name === name ? known : null;
    if (this.#known.size >= KNOWN && !this.#forgetOne()) return null;
    const queue = this.#thread.use(name);
    this.#known.set(id, queue);
    return queue;
  }

  /** Makes room for another one. False: it has registered for all that it knows. */
  #forgetOne(): boolean {
    for (const queue of this.#known.values()) {
      if (queue.receivers.includes(this.#receiver)) continue;
      this.#known.delete(queue.id);
      this.#forget(queue);
      return true;
    }
    return false;
  }

  #forget(queue: SharedQueue): void {
    this.#thread.unregister(queue, this.#receiver);
    this.#thread.drop(queue);
  }
}
