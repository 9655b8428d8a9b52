import { GatewayError } from '../core/errors.ts';

/**
 * An ordered list of header fields. Order, case and repeats of the sender are kept; look-ups take **lower-case** names
 * and ignore the case of what was received. Values are latin1 strings: one character per byte on the wire.
 */
export interface HeaderList {
  /** Number of fields, repeats included. */
  readonly size: number;
  /** Name at `index` as it was sent. */
  nameAt(index: number): string;
  valueAt(index: number): string;
  /** First value of a name, or undefined. */
  get(name: string): string | undefined;
  /** Every value of a name in order; an empty array when absent. */
  getAll(name: string): string[];
  has(name: string): boolean;
  /** Replaces the first occurrence in its place and drops the others; appends when absent. */
  set(name: string, value: string): void;
  append(name: string, value: string): void;
  /** Removes every occurrence; true when there was one. */
  remove(name: string): boolean;
  /** Flat `[name, value, …]`. The array belongs to the list: read it at once, never keep or change it. */
  toPairs(): readonly string[];
  /**
   * The fields as HTTP/1.1 writes them, each with its line end.
   * @throws GatewayError SLUICE_GATEWAY_INTERNAL when a field that was added cannot stand in a head
   */
  toWire(): string;
}

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Names that can stand in a head, as lines begin with them: the gateway and its plugins write the same few for ever. */
const lineStarts = new Map<string, string>();
const MOST_LINE_STARTS = 256;

/** One field as HTTP/1.1 writes it. @throws GatewayError SLUICE_GATEWAY_INTERNAL when it cannot stand in a head */
export function fieldLine(name: string, value: string): string {
  const start = lineStarts.get(name) ?? lineStart(name);
  if (start === '' || !FIELD_VALUE.test(value)) {
    throw new GatewayError('SLUICE_GATEWAY_INTERNAL', `the header ${JSON.stringify(name)} cannot be written`);
  }
  return `${start}${value}\r\n`;
}

/** '' for what is no name. */
function lineStart(name: string): string {
  if (!FIELD_NAME.test(name)) return '';
  const start = `${name}: `;
  if (lineStarts.size < MOST_LINE_STARTS) lineStarts.set(name, start);
  return start;
}

function sameName(received: string, lower: string): boolean {
  return received.length === lower.length && (received === lower || received.toLowerCase() === lower);
}

/** A header list over a flat array of pairs, which it owns. */
export class PairHeaders implements HeaderList {
  #pairs: string[];

  /** @param pairs flat `[name, value, …]`; ownership passes to the list. */
  constructor(pairs: string[] = []) {
    this.#pairs = pairs;
  }

  get size(): number {
    return this.#pairs.length >> 1;
  }

  nameAt(index: number): string {
    return this.#pairs[index * 2]!;
  }

  valueAt(index: number): string {
    return this.#pairs[index * 2 + 1]!;
  }

  get(name: string): string | undefined {
    const at = this.#find(name, 0);
    return at === -1 ? undefined : this.#pairs[at + 1];
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#find(name, 0); at !== -1; at = this.#find(name, at + 2)) values.push(this.#pairs[at + 1]!);
    return values;
  }

  has(name: string): boolean {
    return this.#find(name, 0) !== -1;
  }

  set(name: string, value: string): void {
    const at = this.#find(name, 0);
    if (at === -1) {
      this.#pairs.push(name, value);
      return;
    }
    this.#pairs[at + 1] = value;
    this.#removeFrom(name, at + 2);
  }

  append(name: string, value: string): void {
    this.#pairs.push(name, value);
  }

  remove(name: string): boolean {
    return this.#removeFrom(name, 0);
  }

  toPairs(): readonly string[] {
    return this.#pairs;
  }

  toWire(): string {
    const pairs = this.#pairs;
    let wire = '';
    for (let i = 0; i < pairs.length; i += 2) wire += fieldLine(pairs[i]!, pairs[i + 1]!);
    return wire;
  }

  #find(name: string, from: number): number {
    const pairs = this.#pairs;
    for (let i = from; i < pairs.length; i += 2) if (sameName(pairs[i]!, name)) return i;
    return -1;
  }

  #removeFrom(name: string, from: number): boolean {
    const first = this.#find(name, from);
    if (first === -1) return false;
    const pairs = this.#pairs;
    let write = first;
    for (let read = first + 2; read < pairs.length; read += 2) {
      if (sameName(pairs[read]!, name)) continue;
      pairs[write] = pairs[read]!;
      pairs[write + 1] = pairs[read + 1]!;
      write += 2;
    }
    pairs.length = write;
    return true;
  }
}
