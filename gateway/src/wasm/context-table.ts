import type { Context } from './context.ts';

const LEAST_SLOTS = 16;
/** Guests see ids as 32 bits; a busy VM gets there within days. */
const LAST_ID = 2 ** 32 - 1;

/**
 * The live contexts of a VM by their ids, which it hands out. An array and not a `Map`: a `Map` whose entries come and go
 * copies them into a new table now and then, and what the old table held stays alive until the next full collection of
 * garbage, each exchange with all that belongs to it.
 */
export class ContextTable {
  /** A context stands at its id modulo the length, a power of two. At least half of it is free. */
  #slots: (Context | null)[] = emptySlots(LEAST_SLOTS);
  #size = 0;
  #lastId: number;

  /** @param lastId the first id is the one behind it; for tests */
  constructor(lastId = 0) {
    this.#lastId = lastId;
  }

  /** An id that no live context has, from 1 on. Another call before `add` gives the next one. */
  nextId(): number {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    do this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1;
    while (this.#slots[this.#lastId & (this.#slots.length - 1)] !== null);
    return this.#lastId;
  }

  /** @param context with an id of `nextId` */
  add(context: Context): void {
    // Ids may have been taken ahead of their use.
    while (this.#slots[this.#at(context.id)] !== null) this.#grow();
    this.#slots[this.#at(context.id)] = context;
    this.#size++;
  }

  get(id: number): Context | undefined {
    const context = this.#slots[this.#at(id)]!;
    return context !== null && context.id === id ? context : undefined;
  }

  delete(id: number): void {
    if (this.get(id) === undefined) return;
    this.#slots[this.#at(id)] = null;
    this.#size--;
  }

  values(): Context[] {
    return this.#slots.filter((context) => context !== null);
  }

  clear(): void {
    this.#slots = emptySlots(LEAST_SLOTS);
    this.#size = 0;
  }

  #at(id: number): number {
    return id & (this.#slots.length - 1);
  }

  #grow(): void {
    const contexts = this.values();
    this.#slots = emptySlots(this.#slots.length * 2);
    for (const context of contexts) this.#slots[this.#at(context.id)] = context;
  }
}

function emptySlots(length: number): (Context | null)[] {
  return Array.from<Context | null>({ length }).fill(null);
}
