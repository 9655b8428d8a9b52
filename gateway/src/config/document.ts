import { type Alias, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from 'yaml';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { fileProblem, formatPath, type Path, type Problem, shorten } from './problem.ts';
import { syntaxFaults } from './syntax.ts';

/** Any value of a configuration file, as JSON knows it. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** A line and column, 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A parsed file: its values, and where each of them stands. */
export interface ConfigDocument {
  /** undefined when nothing could be read. After syntax errors, what could still be read. */
  readonly value: Plain | undefined;
  /** Problems of syntax; with any of them `value` is not to be used but for salvage. */
  readonly problems: readonly Problem[];
  /** Place of the value at `path`, or of its key; of the nearest parent when it is not there. */
  locate(path: Path, what: 'key' | 'value'): Place;
  /** The scalar at `path` as written, without quotes; undefined when it is not one. */
  sourceOf(path: Path): string | undefined;
}

/**
 * Parses YAML 1.2 (core schema), and so JSON. Duplicate keys, tags, merge keys, non-finite numbers, keys that are not
 * scalars, and what exceeds size, depth or number of values are problems. Takes time linear in the text.
 */
export function parseConfigText(file: string, text: string): ConfigDocument {
  if (Buffer.byteLength(text) > LIMITS.configFileBytes) {
    return tooLarge(file, `the file is larger than ${LIMITS.configFileBytes / 1024 / 1024} MiB`);
  }
  if (countMarks(text) > LIMITS.configMarks) {
    return tooLarge(file, `the file has more than ${LIMITS.configMarks} lines, brackets, commas and items`);
  }
  const control = text.search(CONTROL);
  if (control !== -1) return notText(file, text, control);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // The library's own check takes quadratic time; the reader below checks instead.
    uniqueKeys: false,
    resolveKnownTags: false,
    schema: 'core',
    logLevel: 'error',
  });
  const reader = new Reader(file, lines);
  const exhausted = document.errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) reader.reportDepth(exhausted.pos[0], []);
  if (exhausted === undefined) {
    const { faults, broken } = syntaxFaults(document, text, lines);
    for (const fault of faults) reader.report(fault.offset, [], 'SLUICE_CONFIG_SYNTAX', fault);
    reader.broken = broken;
  }
  const root = exhausted === undefined ? document.contents : null;
  if (root === null && reader.problems.length === 0) {
    reader.problems.push(
      fileProblem(file, 'SLUICE_CONFIG_SYNTAX', 'the file is empty', 'write the configuration into it'),
    );
  }
  const value = root === null ? undefined : reader.read(root);
  return {
    value,
    problems: reader.problems,
    locate: (path, what) => reader.locate(root, path, what),
    sourceOf: (path) => reader.sourceOf(root, path),
  };
}

/** Characters that may begin an item, a key or a collection: a bound for what the parser will make of the text. */
function countMarks(text: string): number {
  let marks = 0;
  for (let at = 0; at < text.length; at++) {
    const mark = text.charCodeAt(at);
    if (mark >= MARKS.length || MARKS[mark] === 0) continue;
    if (MARKS[mark] === ALWAYS || text.charCodeAt(at + 1) <= SPACE) marks++;
  }
  return marks;
}

const SPACE = 32;
const [ALWAYS, BEFORE_SPACE] = [1, 2];
const MARKS = new Uint8Array(128);
for (const mark of '\n,[{&*!') MARKS[mark.charCodeAt(0)] = ALWAYS;
for (const mark of '-?:') MARKS[mark.charCodeAt(0)] = BEFORE_SPACE;

function tooLarge(file: string, message: string): ConfigDocument {
  return unread(fileProblem(file, 'SLUICE_CONFIG_TOO_LARGE', message, 'split or shorten it'));
}

/** Control characters but tabs and line ends; YAML has none of them (1.2.2 §5.1), and terminals obey some. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]/;

function notText(file: string, text: string, offset: number): ConfigDocument {
  const before = text.slice(0, offset);
  const place = { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
  const character = `U+${text.charCodeAt(offset).toString(16).toUpperCase().padStart(4, '0')}`;
  const message = `the control character ${character} cannot stand in a configuration`;
  const remedy = 'remove it, and save the file as UTF-8';
  return unread({ file, ...place, key: '', code: 'SLUICE_CONFIG_SYNTAX', message, remedy });
}

function unread(problem: Problem): ConfigDocument {
  const nowhere = { line: 0, column: 0 };
  return { value: undefined, problems: [problem], locate: () => nowhere, sourceOf: () => undefined };
}

/** Ends the reading of a document that is too large. */
class TooLarge extends Error {}

class Reader {
  readonly problems: Problem[] = [];
  /** From this offset on the structure is lost, and what seems wrong is a consequence. */
  broken = Number.POSITIVE_INFINITY;
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Alias, Node>();
  readonly #open = new Set<Node>();
  #values = 0;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  report(offset: number, path: Path, code: ErrorCode, text: { message: string; remedy: string }): void {
    if (this.problems.length >= LIMITS.configProblems || offset >= this.broken) return;
    const { message, remedy } = text;
    const place = this.#place(offset);
    const what = { key: shorten(formatPath(path)), code, message: shorten(message), remedy: shorten(remedy) };
    this.problems.push({ file: this.#file, ...place, ...what });
  }

  reportDepth(offset: number, path: Path): void {
    const remedy = `nest values at most ${LIMITS.configDepth} deep`;
    this.report(offset, path.slice(0, 8), 'SLUICE_CONFIG_TOO_LARGE', { message: 'nested too deep', remedy });
  }

  read(root: Node): Plain | undefined {
    try {
      return this.#read(root, []);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      return undefined;
    }
  }

  #read(node: Node | null, path: (string | number)[]): Plain {
    if (node === null) return null;
    this.#guard(node, path);
    if (isAlias(node)) return this.#readAlias(node, path);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#readScalar(node, path);
    this.#open.add(node);
    const value = isMap(node) ? this.#readMap(node, path) : this.#readList(node, path);
    this.#open.delete(node);
    return value;
  }

  #guard(node: Node, path: Path): void {
    this.#values += 1;
    const offset = node.range?.[0] ?? 0;
    if (path.length > LIMITS.configDepth) {
      this.reportDepth(offset, path);
      throw new TooLarge();
    }
    if (this.#values > LIMITS.configValues) {
      const message = `more than ${LIMITS.configValues} values, aliases unfolded`;
      this.report(offset, path, 'SLUICE_CONFIG_TOO_LARGE', { message, remedy: 'split or shorten the file' });
      throw new TooLarge();
    }
  }

  #readAlias(alias: Alias, path: (string | number)[]): Plain {
    const target = this.#anchors.get(alias.source);
    if (target === undefined || this.#open.has(target)) {
      // A nameless one is known to the syntax.
      if (alias.source !== '')
        this.report(alias.range?.[0] ?? 0, path, 'SLUICE_CONFIG_SYNTAX', badAlias(alias, target));
      return null;
    }
    this.#targets.set(alias, target);
    return this.#read(target, path);
  }

  #readScalar(scalar: Scalar, path: Path): Plain {
    const value = scalar.value;
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
    if (typeof value === 'number' && Number.isFinite(value)) return this.#exact(value, scalar, path);
    const message = `${scalar.source ?? 'this'} is not a number that JSON knows`;
    const remedy = 'write a finite number, or put it in quotes';
    this.report(scalar.range?.[0] ?? 0, path, 'SLUICE_CONFIG_SYNTAX', { message, remedy });
    return null;
  }

  /** A whole number that no reader of JSON would find as it was written, such as an id of 64 bits, is no number here. */
  #exact(value: number, { source = '', range }: Scalar, path: Path): number {
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER || !WHOLE.test(source)) return value;
    const read = Math.abs(value) < 1e21 ? BigInt(String(value)) : BigInt(value);
    if (read === integerOf(source)) return value;
    const message = `${source} has more digits than a number holds: it would be read as ${read}`;
    const remedy = `write fewer, or put it in quotes if it is text: "${source}"`;
    this.report(range?.[0] ?? 0, path, 'SLUICE_CONFIG_SYNTAX', { message, remedy });
    return value;
  }

  #readList(node: Node, path: (string | number)[]): Plain {
    if (!isSeq(node)) return null;
    return node.items.map((item, index) => this.#readAt(item as Node | null, path, index));
  }

  #readMap(node: Node, path: (string | number)[]): Plain {
    if (!isMap(node)) return null;
    const map: { [key: string]: Plain } = {};
    const seen = new Map<string, number>();
    for (const pair of node.items) {
      const key = keyOf(pair.key);
      const offset = (pair.key as Node | null)?.range?.[0] ?? node.range?.[0] ?? 0;
      const wrong = key === null ? NOT_A_KEY : (FORBIDDEN_KEYS.get(key) ?? this.#repeated(key, seen));
      if (key === null || wrong !== null) {
        this.report(offset, key === null ? path : [...path, key], 'SLUICE_CONFIG_SYNTAX', wrong ?? NOT_A_KEY);
        continue;
      }
      seen.set(key, offset);
      map[key] = this.#readAt(pair.value as Node | null, path, key);
    }
    return map;
  }

  /** One path for the whole document: a copy at each step would take longer than the reading. */
  #readAt(node: Node | null, path: (string | number)[], step: string | number): Plain {
    path.push(step);
    const value = this.#read(node, path);
    path.pop();
    return value;
  }

  #repeated(key: string, seen: ReadonlyMap<string, number>): { message: string; remedy: string } | null {
    const first = seen.get(key);
    if (first === undefined) return null;
    const { line, column } = this.#place(first);
    return { message: `the key is there twice, first at ${line}:${column}`, remedy: 'keep one of them' };
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  locate(root: Node | null, path: Path, what: 'key' | 'value'): Place {
    let node = this.#resolve(root);
    let offset = node?.range?.[0] ?? 0;
    for (const [index, part] of path.entries()) {
      const child = childOf(node, part);
      if (child === null) break;
      const last = index === path.length - 1;
      offset = (last && what === 'key' ? child.key : child.value)?.range?.[0] ?? child.key?.range?.[0] ?? offset;
      node = this.#resolve(child.value);
    }
    return this.#place(offset);
  }

  sourceOf(root: Node | null, path: Path): string | undefined {
    let node = this.#resolve(root);
    for (const part of path) node = this.#resolve(childOf(node, part)?.value ?? null);
    return isScalar(node) ? node.source : undefined;
  }

  #resolve(node: Node | null): Node | null {
    let target = node;
    while (isAlias(target)) target = this.#targets.get(target) ?? null;
    return target;
  }
}

function badAlias({ source }: Alias, target: Node | undefined): { message: string; remedy: string } {
  if (target !== undefined) return { message: 'the alias holds itself', remedy: 'write the value out' };
  const message = `there is no anchor &${shorten(source)} before *${shorten(source)}`;
  return { message, remedy: `put it in quotes if it is text: "*${shorten(source)}"; else set the anchor before` };
}

/** A whole number as YAML writes it. */
const WHOLE = /^([-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+)$/;

function integerOf(source: string): bigint {
  return source.startsWith('-') ? -BigInt(source.slice(1)) : BigInt(source);
}

const NOT_A_KEY = {
  message: 'a key that is a list, a mapping, an alias or nothing',
  remedy: 'use text as the key; templates such as {{ … }} are to be filled in before',
};

const FORBIDDEN_KEYS: ReadonlyMap<string, { message: string; remedy: string }> = new Map([
  [
    '<<',
    { message: 'merge keys (<<) are not part of YAML 1.2', remedy: 'write the keys out, or alias the whole mapping' },
  ],
  ['__proto__', { message: '__proto__ cannot be a key', remedy: 'choose another name' }],
]);

/** A scalar key as written (`8080`, `true`), or null. */
function keyOf(key: unknown): string | null {
  if (!isScalar(key) || key.value === null) return null;
  return typeof key.value === 'string' ? key.value : (key.source ?? null);
}

function childOf(node: Node | null, part: string | number): { key: Node | null; value: Node | null } | null {
  if (typeof part === 'number') {
    const item = isSeq(node) ? (node.items[part] as Node | undefined) : undefined;
    return item === undefined ? null : { key: item, value: item };
  }
  const pair = isMap(node) ? node.items.find((item) => keyOf(item.key) === part) : undefined;
  return pair === undefined ? null : { key: pair.key as Node, value: pair.value as Node | null };
}
