import type { QueueReceiver, SharedQueueStore } from '../wasm/host.ts';
import type { TestValue } from './options.ts';

/** Turns of the event loop within which a plugin has been told of a message, far more than it takes. */
const TURNS = 100;

/** A queue as a test uses it: what the plugin under test appends is taken out here, and the other way round. */
export class TestQueue {
  readonly #push: (message: Uint8Array) => void;
  readonly #shift: () => Uint8Array | null;
  readonly #told: () => number;

  /** @internal */
  constructor(push: (message: Uint8Array) => void, shift: () => Uint8Array | null, told: () => number) {
    this.#push = push;
    this.#shift = shift;
    this.#told = told;
  }

  /**
   * Appends a message. A plugin that receives from the queue has been told of it when this resolves.
   * @param message text (UTF-8), or bytes
   */
  async push(message: TestValue): Promise<void> {
    const before = this.#told();
    this.#push(Buffer.from(message as Uint8Array));
    for (let turn = 0; turn < TURNS && this.#told() === before; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Takes the first message out; null: there is none. */
  shift(): Buffer | null {
    const message = this.#shift();
    return message === null ? null : Buffer.from(message);
  }
}

/** A receiver that waits to be asked. */
const SILENT: QueueReceiver = { onQueueReady() {} };

/** The queues that a plugin under test meets. */
export class TestQueues {
  readonly #store: SharedQueueStore;
  readonly #tenant: string;
  readonly #plugin: string;
  readonly #told: () => number;
  readonly #open = new Map<string, ReturnType<SharedQueueStore['open']>>();

  /**
   * @param others queues of other plugins, as `plugin/queue`
   * @param told how often the plugin has been told of messages; null: it never is
   */
  constructor(
    store: SharedQueueStore,
    {
      tenant,
      plugin,
      others,
    }: { readonly tenant: string; readonly plugin: string; readonly others: readonly string[] },
    told: () => number,
  ) {
    this.#store = store;
    this.#tenant = tenant;
    this.#plugin = plugin;
    this.#told = told;
    for (const other of others) {
      const [owner, name] = this.#parts(other);
      this.#of(owner).register(name);
    }
  }

  /** @throws Error: there is no such queue */
  queue(path: string): TestQueue {
    const [owner, name] = this.#parts(path);
    const queues = this.#of(owner);
    const id = queues.resolve('', Buffer.from(name).toString('latin1'));
    if (id === 0)
      throw new Error(
        `nobody has registered the queue ${JSON.stringify(path)}; name it in queues, or have the plugin do it`,
      );
    const told = owner === this.#plugin ? this.#told : () => -1;
    return new TestQueue(
      (message) => void queues.enqueue(id, message),
      () => queues.dequeue(id) ?? null,
      told,
    );
  }

  close(): void {
    for (const queues of this.#open.values()) queues.close();
  }

  #parts(path: string): [plugin: string, name: string] {
    const slash = path.indexOf('/');
    return slash === -1 ? [this.#plugin, path] : [path.slice(0, slash), path.slice(slash + 1)];
  }

  #of(plugin: string): ReturnType<SharedQueueStore['open']> {
    const known = this.#open.get(plugin) ?? this.#store.open(this.#tenant, plugin, SILENT);
    this.#open.set(plugin, known);
    return known;
  }
}
