/** Entries of a leaf; more make a branch of it. A change copies one leaf, a look-up in a leaf is one map access. */
const LEAF_ENTRIES = 32;
const BITS = 5;
const FANOUT = 1 << BITS;
/** Hashes have 32 bits; leaves below this depth may grow beyond their size. */
const LAST_SHIFT = 25;

type Node<T> = ReadonlyMap<string, T> | Branch<T>;

class Branch<T> {
  readonly children: readonly (Node<T> | null)[];
  readonly size: number;

  constructor(children: readonly (Node<T> | null)[]) {
    this.children = children;
    this.size = children.reduce((sum, child) => sum + (child?.size ?? 0), 0);
  }
}

/**
 * Strings → values. Immutable: `with` makes a changed copy that shares all but a path of small nodes with this one, so
 * that a change costs the same whatever the number of entries (a hash array mapped trie). Small ones are plain maps.
 */
export class PersistentMap<T> {
  readonly #root: Node<T> | null;

  private constructor(root: Node<T> | null) {
    this.#root = root;
  }

  static empty<T>(): PersistentMap<T> {
    return new PersistentMap<T>(null);
  }

  get size(): number {
    return this.#root?.size ?? 0;
  }

  get(key: string): T | undefined {
    let node = this.#root;
    if (node instanceof Branch) {
      const hash = hashOf(key);
      for (let shift = 0; node instanceof Branch; shift += BITS) {
        node = node.children[(hash >>> shift) & (FANOUT - 1)]!;
      }
    }
    return node?.get(key);
  }

  /** In no particular order. */
  values(): IterableIterator<T> {
    return valuesOf(this.#root);
  }

  /** This map with `key` set, or removed where the value is undefined. */
  with(key: string, value: T | undefined): PersistentMap<T> {
    const root = changed(this.#root, key, hashOf(key), 0, value);
    return root === this.#root ? this : new PersistentMap(root);
  }
}

function* valuesOf<T>(node: Node<T> | null): IterableIterator<T> {
  if (!(node instanceof Branch)) yield* node?.values() ?? [];
  else for (const child of node.children) yield* valuesOf(child);
}

function changed<T>(
  node: Node<T> | null,
  key: string,
  hash: number,
  shift: number,
  value: T | undefined,
): Node<T> | null {
  if (node instanceof Branch) return changedBranch(node, key, hash, shift, value);
  if (node?.get(key) === value) return node;
  const leaf = new Map(node);
  if (value === undefined) leaf.delete(key);
  else leaf.set(key, value);
  if (leaf.size === 0) return null;
  return leaf.size > LEAF_ENTRIES && shift <= LAST_SHIFT ? split(leaf, shift) : leaf;
}

function changedBranch<T>(
  node: Branch<T>,
  key: string,
  hash: number,
  shift: number,
  value: T | undefined,
): Node<T> | null {
  const at = (hash >>> shift) & (FANOUT - 1);
  const before = node.children[at]!;
  const after = changed(before, key, hash, shift + BITS, value);
  if (after === before) return node;
  const children = [...node.children];
  children[at] = after;
  const branch = new Branch(children);
  // Well below the size at which a leaf becomes a branch, so that one entry more or less does not do both in turn.
  return branch.size < LEAF_ENTRIES / 2 ? merged(branch) : branch;
}

function split<T>(leaf: ReadonlyMap<string, T>, shift: number): Branch<T> {
  const children = Array.from<Map<string, T> | null>({ length: FANOUT }).fill(null);
  for (const [key, value] of leaf) {
    const at = (hashOf(key) >>> shift) & (FANOUT - 1);
    (children[at] ??= new Map<string, T>()).set(key, value);
  }
  return new Branch(children);
}

/** All entries of a branch whose children, being so few together, are leaves. */
function merged<T>(branch: Branch<T>): ReadonlyMap<string, T> {
  const leaf = new Map<string, T>();
  for (const child of branch.children) {
    for (const [key, value] of child instanceof Branch ? merged(child) : (child ?? [])) leaf.set(key, value);
  }
  return leaf;
}

/** Of all characters: names of one owner begin alike and end alike. */
function hashOf(key: string): number {
  let hash = key.length;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash, 31) + key.charCodeAt(i);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
