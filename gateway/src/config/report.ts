import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { ConfigDocument } from './document.ts';
import { formatPath, type Path, type Problem, quote, shorten } from './problem.ts';

/** A value that was put in from outside the file and must not be told. */
interface Concealed {
  /** As the file has it: `{ secret: name }` or `${VARIABLE}`. */
  readonly notation: string;
  readonly value: string;
}

/** Shorter values are parts of ordinary words; replacing them would garble every message and hide nothing. */
const SHORTEST_SECRET = 4;

/** Collects the problems of one file, and keeps out of them what came from secrets and the environment. */
export class Report {
  readonly file: string;
  readonly #document: ConfigDocument;
  readonly #problems: Problem[] = [];
  readonly #concealed = new Map<string, Concealed>();
  readonly #settled = new Set<string>();
  /** Cost of the patterns compiled so far. */
  regexCost = 0;
  /** Patterns looked at so far. */
  regexes = 0;
  /** How many the file may have. */
  maxRegexes = Number.POSITIVE_INFINITY;
  #left = 0;

  constructor(file: string, document: ConfigDocument) {
    this.file = file;
    this.#document = document;
  }

  /** Nothing is wrong so far, and every value could be read. */
  get clean(): boolean {
    return this.#problems.length === 0 && this.#settled.size === 0;
  }

  /** Enough has been found: costly checks may stop. */
  get full(): boolean {
    return this.#problems.length >= LIMITS.configProblems;
  }

  /** Notes that the value at `path` came from a secret or the environment. */
  conceal(path: Path, notation: string, value: string): void {
    this.#concealed.set(formatPath(path), { notation, value });
  }

  /** Nothing more is to be said about the value at `path`: it cannot be read, and what stands in for it is no mistake. */
  settle(path: Path): void {
    this.#settled.add(formatPath(path));
  }

  /** Whether the value at `path`, or at one of its `keys`, cannot be read, so that nothing may be concluded from it. */
  unread(path: Path, keys: readonly string[] = []): boolean {
    if (this.#settled.size === 0) return false;
    if (path.some((_, index) => this.#settled.has(formatPath(path.slice(0, index + 1))))) return true;
    return keys.some((key) => this.#settled.has(formatPath([...path, key])));
  }

  /** A problem with the value at `path`, or with its key. */
  add(path: Path, code: ErrorCode, message: string, remedy: string, at: 'key' | 'value' = 'value'): void {
    if (this.unread(path)) return;
    const key = formatPath(path);
    if (this.full) {
      this.#left += 1;
      return;
    }
    const origin = this.#concealed.get(key);
    const said =
      origin === undefined || at === 'key' ? this.#scrub(message) : `the value of ${origin.notation} is not valid here`;
    const place = this.#document.locate(path, at);
    const text = { message: shorten(said), remedy: shorten(this.#scrub(remedy)) };
    this.#problems.push({ file: this.file, ...place, key: shorten(key), code, ...text });
  }

  /** The scalar at `path` as written; undefined for one that came from outside. */
  sourceOf(path: Path): string | undefined {
    return this.#concealed.has(formatPath(path)) ? undefined : this.#document.sourceOf(path);
  }

  #scrub(text: string): string {
    let scrubbed = text;
    for (const { notation, value } of this.#concealed.values()) {
      if (value.length >= SHORTEST_SECRET) scrubbed = scrubbed.replaceAll(value, notation);
    }
    return scrubbed;
  }

  problems(): readonly Problem[] {
    if (this.#left === 0) return this.#problems;
    const last = this.#problems.at(-1)!;
    return [
      ...this.#problems.slice(0, -1),
      { ...last, message: `${last.message} (and ${this.#left} more problems in this file)` },
    ];
  }
}

/** A value in a message: quoted text, cut when long; lists and mappings by kind. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a mapping';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'nothing';
}
