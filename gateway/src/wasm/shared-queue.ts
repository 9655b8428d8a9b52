import { createHash } from 'node:crypto';
import { LIMITS } from '../core/limits.ts';
import type { QueueReceiver } from './host.ts';
import { SharedDirectory } from './shared-directory.ts';
import { type SharedTools, SpaceHandle } from './shared-handle.ts';
import { SharedMemory, SPACE } from './shared-memory.ts';
import { hashOf, type SharedSpace } from './shared-space.ts';

/** Begin of the names of queues; those of shared data begin with a tenant. */
const MARK = '\x01';
/** Longer names of queues are replaced by their digest. */
const PLAIN_NAME = 48;

/** Begin of the names of all queues of a tenant. */
export function tenantPrefix(tenant: string): string {
  return `${MARK}${tenant}\n`;
}

/** Name of the space of a queue. */
export function queueName(tenant: string, plugin: string, name: string): string {
  const digest = name.length > PLAIN_NAME ? createHash('sha256').update(name, 'latin1').digest('base64url') : '';
  return `${tenantPrefix(tenant)}${plugin}\n${digest === '' ? `=${name}` : `#${digest}`}`;
}

/** Number of a queue: follows from its name, so that it is the same in all workers, and again when it is made anew. */
export function queueId(name: string): number {
  return hashOf(name) >>> 0 || 1;
}

/** Messages that wait in all queues of one plugin of one tenant. */
export interface QueueDepth {
  readonly tenant: string;
  readonly plugin: string;
  readonly messages: number;
}

/** How full the queues are; for any thread. */
export function queueDepths(buffer: SharedArrayBuffer): QueueDepth[] {
  const memory = new SharedMemory(buffer);
  const depths = new Map<string, QueueDepth>();
  for (const [name, entries] of SharedDirectory.groups(memory)) {
    const [tenant = '', plugin = ''] = name.slice(MARK.length).split('\n', 2);
    const key = `${tenant}\n${plugin}`;
    depths.set(key, { tenant, plugin, messages: entries + (depths.get(key)?.messages ?? 0) });
  }
  return [...depths.values()];
}

/** One queue as one thread sees it, with those in the thread that registered for it. */
export class SharedQueue {
  /** Of its space. */
  readonly name: string;
  readonly id: number;
  /** Who registered for it here; the last one is told of messages. */
  readonly receivers: QueueReceiver[] = [];
  /** Plugins of this thread that know it. */
  users = 0;
  /** Messages taken out in this thread. */
  taken = 0;
  readonly #tools: SharedTools;
  readonly #words: Int32Array;
  readonly #owner: number;
  readonly #handle: SpaceHandle;
  /** Second in which it was not to be had; not tried again in the same. */
  #failedAt = -1;

  /** @param owner number of this thread, see `SharedLocks` */
  constructor(tools: SharedTools, owner: number, name: string) {
    this.name = name;
    this.id = queueId(name);
    this.#tools = tools;
    this.#words = tools.memory.words;
    this.#owner = owner;
    const group = hashOf(name.slice(0, name.indexOf('\n', name.indexOf('\n') + 1))) || 1;
    this.#handle = new SpaceHandle(tools, { name, group, most: LIMITS.pluginQueues });
  }

  /** This thread receives from now on. */
  claim(): void {
    this.#locked((space) => {
      this.#words[this.#handle.at + SPACE.receiver] = this.#owner;
      // What nobody was told of may be gone by now.
      Atomics.store(this.#words, this.#handle.at + SPACE.ready, 0);
      return this.#callFor(space, this.#owner);
    });
  }

  /** This thread receives no more; another one does that registered, if there is one. */
  disclaim(): void {
    if (!this.#handle.current) return;
    this.#locked((space) => {
      const receiver = this.#handle.at + SPACE.receiver;
      if (this.#words[receiver] !== this.#owner) return -1;
      this.#words[receiver] = 0;
      return this.#callFor(space, 0);
    });
  }

  /** Appends a copy of a message. @returns how many are lost: this one too, if it found no room */
  push(message: Uint8Array): number {
    let dropped = 1;
    this.#locked((space) => {
      dropped = space.push(message);
      const { at } = this.#handle;
      // The receiver has been told already, and has not come yet.
      if (this.#words[at + SPACE.ready] === 1) return -1;
      return this.#callFor(space, this.#words[at + SPACE.receiver]!);
    });
    return dropped;
  }

  shift(): Uint8Array | null {
    let message: Uint8Array | null = null;
    this.#locked((space) => {
      message = space.shift();
      return -1;
    });
    if (message !== null) this.taken++;
    return message;
  }

  /** Has the receiver told of what waits. */
  call(): void {
    this.#locked((space) => this.#callFor(space, this.#words[this.#handle.at + SPACE.receiver]!));
  }

  /** Whether this thread's receiver is to be told now; true once for each call. */
  get due(): boolean {
    const words = this.#words;
    if (!this.#handle.current) {
      this.claim();
      if (!this.#handle.current) return false;
    }
    const { at } = this.#handle;
    if (Atomics.compareExchange(words, at + SPACE.receiver, 0, this.#owner) === 0) {
      return Atomics.exchange(words, at + SPACE.ready, 0) === 1 || !this.empty;
    }
    if (Atomics.load(words, at + SPACE.receiver) !== this.#owner) return false;
    return Atomics.exchange(words, at + SPACE.ready, 0) === 1;
  }

  /** Nothing waits, as far as can be seen without the lock. */
  get empty(): boolean {
    return Atomics.load(this.#words, this.#handle.at + SPACE.entries) === 0;
  }

  /** @returns whom to wake: an owner, 0 for all, -1 for nobody */
  #callFor(space: SharedSpace, owner: number): number {
    if (space.size === 0) return -1;
    Atomics.store(this.#words, this.#handle.at + SPACE.ready, 1);
    return owner;
  }

  /** Does something with the lock, and wakes whom it answers afterwards. */
  #locked(act: (space: SharedSpace) => number): void {
    const space = this.#enter();
    if (space === null) return;
    let wake = -1;
    let done = false;
    try {
      wake = act(space);
      done = true;
    } finally {
      this.#handle.leave(done);
    }
    if (wake >= 0) this.#tools.memory.ring(wake);
  }

  #enter(): SharedSpace | null {
    const now = this.#tools.seconds();
    if (this.#failedAt === now) return null;
    const space = this.#handle.enter();
    this.#failedAt = space === null ? now : -1;
    return space;
  }
}
