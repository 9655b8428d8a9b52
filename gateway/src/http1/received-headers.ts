import { fieldLine, type HeaderList } from '../exchange/headers.ts';

/** Numbers per field in a list of offsets: start of the name, the colon, start and end of the value. */
export const FIELD = 4;

const CR_LF = 2;

/**
 * A header list over a received head: one string and the places of its fields. Nothing is cut out until somebody asks
 * for it, and runs of untouched fields leave as they came.
 */
export class ReceivedHeaders implements HeaderList {
  readonly #text: string;
  readonly #offsets: readonly number[];
  /** By field: undefined as received, null removed, text the new value. Made by the first edit. */
  #edits: (string | null | undefined)[] | null = null;
  #removed = 0;
  #appended: string[] | null = null;
  /** Bit n: there is a received name of n characters, bit 31: of more. Most look-ups are for names that are not there. */
  readonly #lengths: number;

  /**
   * @param text holds the head in latin1; each field's line ends two characters after its value or the spaces behind it
   * @param offsets `FIELD` numbers for each field in order; ownership passes to the list
   */
  constructor(text: string, offsets: readonly number[]) {
    this.#text = text;
    this.#offsets = offsets;
    let lengths = 0;
    for (let at = 0; at < offsets.length; at += FIELD) lengths |= lengthBit(offsets[at + 1]! - offsets[at]!);
    this.#lengths = lengths;
  }

  get size(): number {
    const appended = this.#appended === null ? 0 : this.#appended.length >> 1;
    return this.#offsets.length / FIELD - this.#removed + appended;
  }

  nameAt(index: number): string {
    const field = this.#fieldAt(index);
    if (field === -1) return this.#appended![(index - this.#kept) * 2]!;
    return this.#name(field);
  }

  valueAt(index: number): string {
    const field = this.#fieldAt(index);
    if (field === -1) return this.#appended![(index - this.#kept) * 2 + 1]!;
    return this.#value(field);
  }

  get(name: string): string | undefined {
    const field = this.#find(name, 0);
    if (field !== -1) return this.#value(field);
    const at = this.#findAppended(name, 0);
    return at === -1 ? undefined : this.#appended![at + 1];
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    for (let field = this.#find(name, 0); field !== -1; field = this.#find(name, field + 1)) {
      values.push(this.#value(field));
    }
    for (let at = this.#findAppended(name, 0); at !== -1; at = this.#findAppended(name, at + 2)) {
      values.push(this.#appended![at + 1]!);
    }
    return values;
  }

  has(name: string): boolean {
    return this.#find(name, 0) !== -1 || this.#findAppended(name, 0) !== -1;
  }

  set(name: string, value: string): void {
    const field = this.#find(name, 0);
    if (field !== -1) {
      // What says the same leaves as it came, with the fields around it.
      if (this.#value(field) !== value) this.#edit(field, value);
      this.#removeFrom(name, field + 1);
      this.#removeAppended(name, 0);
      return;
    }
    const at = this.#findAppended(name, 0);
    if (at === -1) {
      this.append(name, value);
      return;
    }
    this.#appended![at + 1] = value;
    this.#removeAppended(name, at + 2);
  }

  append(name: string, value: string): void {
    if (this.#appended === null) this.#appended = [name, value];
    else this.#appended.push(name, value);
  }

  remove(name: string): boolean {
    const before = this.#removeFrom(name, 0);
    return this.#removeAppended(name, 0) || before;
  }

  toPairs(): readonly string[] {
    const pairs: string[] = [];
    const count = this.#offsets.length / FIELD;
    for (let field = 0; field < count; field++) {
      if (this.#isRemoved(field)) continue;
      pairs.push(this.#name(field), this.#value(field));
    }
    if (this.#appended !== null) for (const part of this.#appended) pairs.push(part);
    return pairs;
  }

  toWire(): string {
    let wire = this.#edits === null ? this.#untouched() : this.#edited(this.#edits);
    const appended = this.#appended;
    if (appended !== null) {
      for (let at = 0; at < appended.length; at += 2) wire += fieldLine(appended[at]!, appended[at + 1]!);
    }
    return wire;
  }

  /** Number of received fields that are left. */
  get #kept(): number {
    return this.#offsets.length / FIELD - this.#removed;
  }

  #untouched(): string {
    const offsets = this.#offsets;
    if (offsets.length === 0) return '';
    return this.#text.slice(offsets[0], this.#lineEnd(offsets.length / FIELD - 1));
  }

  #edited(edits: readonly (string | null | undefined)[]): string {
    const count = this.#offsets.length / FIELD;
    let wire = '';
    let run = -1;
    for (let field = 0; field < count; field++) {
      const edit = edits[field];
      const start = this.#offsets[field * FIELD]!;
      if (edit === undefined) {
        if (run === -1) run = start;
        continue;
      }
      if (run !== -1) wire += this.#text.slice(run, start);
      run = -1;
      if (edit !== null) wire += fieldLine(this.#name(field), edit);
    }
    return run === -1 ? wire : wire + this.#text.slice(run, this.#lineEnd(count - 1));
  }

  /** Where the line of a field ends, line end included: lines follow each other without a gap. */
  #lineEnd(field: number): number {
    const next = this.#offsets[(field + 1) * FIELD];
    return next ?? this.#text.indexOf('\r\n', this.#offsets[field * FIELD + 3]) + CR_LF;
  }

  #name(field: number): string {
    return this.#text.slice(this.#offsets[field * FIELD], this.#offsets[field * FIELD + 1]);
  }

  #value(field: number): string {
    const edit = this.#edits === null ? undefined : this.#edits[field];
    if (typeof edit === 'string') return edit;
    return this.#text.slice(this.#offsets[field * FIELD + 2], this.#offsets[field * FIELD + 3]);
  }

  #isRemoved(field: number): boolean {
    return this.#edits !== null && this.#edits[field] === null;
  }

  /** The received field at a position of the list, -1 when an appended one stands there. */
  #fieldAt(index: number): number {
    if (index >= this.#kept) return -1;
    if (this.#removed === 0) return index;
    let left = index;
    for (let field = 0; ; field++) if (!this.#isRemoved(field) && left-- === 0) return field;
  }

  #find(name: string, from: number): number {
    const offsets = this.#offsets;
    const length = name.length;
    if ((this.#lengths & lengthBit(length)) === 0) return -1;
    for (let at = from * FIELD; at < offsets.length; at += FIELD) {
      const start = offsets[at]!;
      if (offsets[at + 1]! - start !== length || !sameName(this.#text, start, name)) continue;
      const field = at / FIELD;
      if (!this.#isRemoved(field)) return field;
    }
    return -1;
  }

  #findAppended(name: string, from: number): number {
    const appended = this.#appended;
    if (appended === null) return -1;
    for (let at = from; at < appended.length; at += 2) {
      const own = appended[at]!;
      if (own === name || (own.length === name.length && sameName(own, 0, name))) return at;
    }
    return -1;
  }

  #edit(field: number, value: string | null): void {
    this.#edits ??= unedited(this.#offsets.length / FIELD);
    if (value === null && this.#edits[field] !== null) this.#removed++;
    this.#edits[field] = value;
  }

  #removeFrom(name: string, from: number): boolean {
    let field = this.#find(name, from);
    const found = field !== -1;
    for (; field !== -1; field = this.#find(name, field + 1)) this.#edit(field, null);
    return found;
  }

  #removeAppended(name: string, from: number): boolean {
    let at = this.#findAppended(name, from);
    const found = at !== -1;
    for (; at !== -1; at = this.#findAppended(name, at)) this.#appended!.splice(at, 2);
    return found;
  }
}

function lengthBit(length: number): number {
  return 1 << (length < 31 ? length : 31);
}

function unedited(count: number): (string | null | undefined)[] {
  const edits: (string | null | undefined)[] = [];
  for (let field = 0; field < count; field++) edits.push(undefined);
  return edits;
}

/** Compares without regard to case. @param lower in lower case, as long as the received name */
export function sameName(text: string, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const received = text.charCodeAt(start + i);
    const wanted = lower.charCodeAt(i);
    if (received !== wanted && !(received >= 0x41 && received <= 0x5a && received + 0x20 === wanted)) return false;
  }
  return true;
}
