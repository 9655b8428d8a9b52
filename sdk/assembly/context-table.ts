import { Context } from './context';

const SMALLEST = 16;

/**
 * Context id → object, by open addressing. Ids come from a counter, so the id itself is the hash and look-ups hit at once;
 * unlike `Map`, deleting leaves no tombstone and so a steady stream of exchanges allocates nothing here.
 */
@final
export class ContextTable {
  private slots: StaticArray<Context | null> = new StaticArray<Context | null>(SMALLEST);
  private mask: u32 = SMALLEST - 1;
  private used: u32 = 0;

  get size(): u32 {
    return this.used;
  }

  get(id: u32): Context | null {
    return unchecked(this.slots[this.slot(id)]);
  }

  /** Adds a context; its id must not be 0. Takes the place of one with the same id. */
  set(context: Context): void {
    if (this.used << 1 > this.mask) this.grow();
    const at = this.slot(context.contextId);
    if (!unchecked(this.slots[at])) this.used++;
    unchecked((this.slots[at] = context));
  }

  delete(id: u32): void {
    let hole = this.slot(id);
    if (!unchecked(this.slots[hole])) return;
    for (let at = (hole + 1) & this.mask; ; at = (at + 1) & this.mask) {
      const next = unchecked(this.slots[at]);
      if (!next) break;
      if (((at - next.contextId) & this.mask) < ((at - hole) & this.mask)) continue;
      unchecked((this.slots[hole] = next));
      hole = at;
    }
    unchecked((this.slots[hole] = null));
    this.used--;
  }

  /** Where the id is, or the free slot where it would go. */
  private slot(id: u32): u32 {
    let at = id & this.mask;
    let context = unchecked(this.slots[at]);
    while (context && context.contextId != id) {
      at = (at + 1) & this.mask;
      context = unchecked(this.slots[at]);
    }
    return at;
  }

  private grow(): void {
    const old = this.slots;
    this.mask = (this.mask << 1) | 1;
    this.slots = new StaticArray<Context | null>(this.mask + 1);
    for (let i = 0; i < old.length; i++) {
      const context = unchecked(old[i]);
      if (context) unchecked((this.slots[this.slot(context.contextId)] = context));
    }
  }
}
