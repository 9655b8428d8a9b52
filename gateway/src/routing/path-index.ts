import { type Steps, sortSteps } from '../core/steps.ts';
import type { PathMatcher } from './path-matcher.ts';

class Node<T> {
  children: Map<string, Node<T>> | null = null;
  /** Below here: a variable of one segment. */
  variable: Node<T> | null = null;
  /** Templates that end here. */
  ends: T[] | null = null;
  /** Prefixes and open templates (`**`) that begin to hold here. */
  below: T[] | null = null;

  child(literal: string | null): Node<T> {
    if (literal === null) return (this.variable ??= new Node());
    this.children ??= new Map();
    let child = this.children.get(literal);
    if (child === undefined) {
      child = new Node();
      this.children.set(literal, child);
    }
    return child;
  }
}

function* sortBelow<T>(root: Node<T>, compare: (a: T, b: T) => number): Steps<void> {
  const nodes: Node<T>[] = [root];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (node.ends !== null) yield* sortSteps(node.ends, compare);
    if (node.below !== null) yield* sortSteps(node.below, compare);
    if (node.variable !== null) nodes.push(node.variable);
    for (const child of node.children?.values() ?? []) nodes.push(child);
  }
}

/**
 * Items by path. A look-up visits one node for each segment of the path that the tree knows (more only where templates
 * branch), whatever the number of items. Regular expressions cannot be indexed: their items come with every look-up.
 */
export class PathIndex<T> {
  readonly #exact = new Map<string, T[]>();
  readonly #root = new Node<T>();
  readonly #regexes: T[] = [];

  add(path: PathMatcher, item: T): void {
    this.#listFor(path).push(item);
  }

  /** Puts every list of items in order, in short steps; once, after the last `add`. */
  *sort(compare: (a: T, b: T) => number): Steps<void> {
    yield* sortSteps(this.#regexes, compare);
    for (const list of this.#exact.values()) yield* sortSteps(list, compare);
    yield* sortBelow(this.#root, compare);
  }

  /**
   * Appends the lists of items that may hold for `path` to `out`; none is empty. Items of regular expressions are still
   * to be tested, all others match.
   */
  collect(path: string, out: T[][]): void {
    // Even an empty map has the text hashed.
    const exact = this.#exact.size === 0 ? undefined : this.#exact.get(path);
    if (exact !== undefined) out.push(exact);
    if (this.#regexes.length > 0) out.push(this.#regexes);
    this.#walk(this.#root, path, 0, out);
  }

  /** @param at where the next segment's '/' stands, or the length of the path after the last one. */
  #walk(node: Node<T>, path: string, at: number, out: T[][]): void {
    if (node.below !== null) out.push(node.below);
    if (at === path.length) {
      if (node.ends !== null) out.push(node.ends);
      return;
    }
    if (node.children === null && node.variable === null) return;
    const slash = path.indexOf('/', at + 1);
    const end = slash === -1 ? path.length : slash;
    const child = node.children?.get(path.slice(at + 1, end));
    if (child !== undefined) this.#walk(child, path, end, out);
    if (node.variable !== null && end > at + 1) this.#walk(node.variable, path, end, out);
  }

  #listFor(path: PathMatcher): T[] {
    if (path.kind === 'regex') return this.#regexes;
    if (path.kind === 'exact') {
      const list = this.#exact.get(path.text) ?? [];
      this.#exact.set(path.text, list);
      return list;
    }
    let node = this.#root;
    const segments = path.template?.segments ?? path.text.split('/').slice(1);
    for (const segment of segments) node = node.child(segment);
    if (path.kind === 'prefix' || path.template?.open === true) return (node.below ??= []);
    return (node.ends ??= []);
  }
}
