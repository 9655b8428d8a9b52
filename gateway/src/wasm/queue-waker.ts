import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { QueueReceiver, SharedQueues, SharedQueueStore } from './host.ts';

/** Who is told of messages once it stands. */
export interface QueueListener {
  onQueueReady(queueId: number): void;
}

/** What a waker needs of its plugin. */
export interface QueueWakerOwner {
  readonly tenant: string;
  readonly name: string;
  readonly wheel: TimerWheel;
  /** What its next VM is made of; null: nothing yet. */
  readonly version: { readonly module: { readonly exports: readonly string[] } } | null;
  /** Its VM, made for the purpose if need be; null: it may have none now. */
  acquire(): QueueListener | null;
}

/** Tells a plugin of messages in its queues, and goes on trying while it has no VM and may have none. */
export class QueueWaker implements QueueReceiver, Expirable {
  readonly queues: SharedQueues;
  readonly #owner: QueueWakerOwner;
  /** Queues that it could not be told of. */
  readonly #waiting = new Set<number>();
  #timer: WheelTimer | null = null;

  constructor(owner: QueueWakerOwner, store: SharedQueueStore) {
    this.#owner = owner;
    this.queues = store.open(owner.tenant, owner.name, this);
  }

  onQueueReady(id: number): void {
    if (this.#owner.version?.module.exports.includes('proxy_on_queue_ready') === false) return;
    const listener = this.#owner.acquire();
    if (listener !== null) {
      listener.onQueueReady(id);
      return;
    }
    this.#waiting.add(id);
    this.#timer ??= this.#owner.wheel.schedule(this, LIMITS.pluginQueueRetryMs);
  }

  onTimeout(): void {
    this.#timer = null;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const id of waiting) this.queues.wake(id);
  }

  close(): void {
    this.#owner.wheel.cancel(this.#timer);
    this.#timer = null;
    this.queues.close();
  }
}
