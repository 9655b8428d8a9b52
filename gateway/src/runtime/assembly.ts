import type { Part } from './feed.ts';

/** A state of which some parts are there. */
interface Begun<T> {
  readonly items: T[];
  next: number;
}

/** Puts the parts of states together. Each state may begin anew at any time. */
export class Assembly<T> {
  readonly #begun = new Map<string, Begun<T>>();

  /**
   * Adds a part and returns all items when the state is whole, else null.
   * @param key tells the states apart
   * @param text JSON of an array of items
   * @throws Error when a part is missing
   */
  add(key: string, { part, last }: Part, text: string): readonly T[] | null {
    const begun = part === 0 ? { items: [], next: 0 } : this.#begun.get(key);
    if (begun?.next !== part) throw new Error(`part ${part} came in place of part ${begun?.next ?? 0}`);
    this.#begun.set(key, begun);
    begun.next++;
    for (const item of JSON.parse(text) as T[]) begun.items.push(item);
    if (!last) return null;
    this.#begun.delete(key);
    return begun.items;
  }
}
