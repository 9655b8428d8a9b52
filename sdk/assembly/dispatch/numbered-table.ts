import { Numbered } from './numbered';

const SMALLEST = 16;

/**
 * Number → object, by open addressing. Numbers come from a counter, so the number itself is the hash and look-ups hit at once;
 * unlike `Map`, deleting leaves no tombstone and so a steady stream of exchanges allocates nothing here.
 */
@final
export class NumberedTable {
  private slots: StaticArray<Numbered | null> = new StaticArray<Numbered | null>(SMALLEST);
  private mask: u32 = SMALLEST - 1;
  private used: u32 = 0;

  get size(): u32 {
    return this.used;
  }

  get(id: u32): Numbered | null {
    return unchecked(this.slots[this.slot(id)]);
  }

  /** Adds an entry; its number must not be 0. Takes the place of one with the same number. */
  set(entry: Numbered): void {
    if (this.used << 1 > this.mask) this.grow();
    const at = this.slot(entry.hostId);
    if (!unchecked(this.slots[at])) this.used++;
    unchecked((this.slots[at] = entry));
  }

  delete(id: u32): void {
    let hole = this.slot(id);
    if (!unchecked(this.slots[hole])) return;
    for (let at = (hole + 1) & this.mask; ; at = (at + 1) & this.mask) {
      const next = unchecked(this.slots[at]);
      if (!next) break;
      if (((at - next.hostId) & this.mask) < ((at - hole) & this.mask)) continue;
      unchecked((this.slots[hole] = next));
      hole = at;
    }
    unchecked((this.slots[hole] = null));
    this.used--;
  }

  /** Where the number is, or the free slot where it would go. */
  private slot(id: u32): u32 {
    let at = id & this.mask;
    let entry = unchecked(this.slots[at]);
    while (entry && entry.hostId != id) {
      at = (at + 1) & this.mask;
      entry = unchecked(this.slots[at]);
    }
    return at;
  }

  private grow(): void {
    const old = this.slots;
    this.mask = (this.mask << 1) | 1;
    this.slots = new StaticArray<Numbered | null>(this.mask + 1);
    for (let i = 0; i < old.length; i++) {
      const entry = unchecked(old[i]);
      if (entry) unchecked((this.slots[this.slot(entry.hostId)] = entry));
    }
  }
}
