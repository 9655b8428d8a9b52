// Programs of the driver guest: which host calls to make in which callback, and which memory to show afterwards.
import { CALL_NAMES, CALLS } from './signatures.ts';
import { type Phase, phaseNumber } from './phases.ts';

/** Where the driver keeps what programs refer to. */
export const MEMORY = {
  /** Id of the context of the exchange, and of the plugin. */
  stream: 0x100,
  root: 0x104,
  /** First argument behind the context id of the running callback, such as the number of a callout. */
  argument: 0x108,
  /** Words for results of host calls. */
  slots: 0x200,
  /** Arguments of the host call that is being made. */
  args: 0x800,
  trace: 0x1_0000,
  nested: 0x4_0000,
  /** Number of programs, their addresses, then the programs. */
  programs: 0x6_0000,
} as const;

/** Where no guest of this size has memory. */
export const NOWHERE = 0xffff_f000;

/** Address of the nth word for results. */
export function slot(index: number): number {
  return MEMORY.slots + index * 4;
}

/** Bytes that stand in the guest's memory; two arguments, address and length. */
export interface Bytes {
  readonly bytes: Buffer;
}
/** The word at an address when the call is made. */
export interface Load {
  readonly load: number;
}
export type Arg = number | Bytes | Load;

export function text(value: string | Uint8Array): Bytes {
  return { bytes: typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.from(value) };
}

export function load(address: number): Load {
  return { load: address };
}

/** A serialised map. */
export function pairs(...entries: readonly (readonly [string, string])[]): Bytes {
  const words = Buffer.alloc(4 + entries.length * 8);
  words.writeUInt32LE(entries.length, 0);
  entries.forEach(([name, value], index) => {
    words.writeUInt32LE(Buffer.byteLength(name, 'latin1'), 4 + index * 8);
    words.writeUInt32LE(Buffer.byteLength(value, 'latin1'), 8 + index * 8);
  });
  const rest = entries.map(([name, value]) => `${name}\0${value}\0`).join('');
  return { bytes: Buffer.concat([words, Buffer.from(rest, 'latin1')]) };
}

export type Op =
  | { readonly op: 'call'; readonly call: string; readonly args: readonly Arg[] }
  /** Shows `length` bytes at `address`. */
  | { readonly op: 'show'; readonly address: Arg; readonly length: Arg }
  | { readonly op: 'store'; readonly address: number; readonly value: number };

export interface Block {
  readonly ops: readonly Op[];
  /** What the callback answers; absent: 0, or true where that means yes. */
  readonly result?: number;
}

export interface Program {
  /** Under which the driver leaves its trace in the shared data. */
  readonly name: string;
  readonly blocks: Readonly<Partial<Record<Phase, Block>>>;
}

export const OP = { end: 0, call: 1, show: 2, store: 3 } as const;
export const ARGUMENTS = 12;
export const NO_RESULT = 0xffff_ffff;
const LAST_BLOCK = 0xffff_ffff;

/** The memory image of programs; they are numbered from 1. */
export function encodePrograms(programs: readonly Program[]): Buffer {
  const image = new Image(MEMORY.programs);
  const table = image.reserve(4 + programs.length * 4);
  image.word(table, programs.length);
  programs.forEach((program, index) => image.word(table + 4 + index * 4, encodeProgram(image, program)));
  return image.bytes();
}

function encodeProgram(image: Image, program: Program): number {
  const name = image.data(Buffer.from(program.name));
  const words: number[] = [name, program.name.length];
  for (const [phase, block] of Object.entries(program.blocks)) {
    const code = block.ops.flatMap((op) => encodeOp(image, op));
    words.push(phaseNumber(phase as Phase), (code.length + 4) * 4, block.result ?? NO_RESULT, ...code, OP.end);
  }
  words.push(LAST_BLOCK);
  return image.words(words);
}

function encodeOp(image: Image, op: Op): number[] {
  if (op.op === 'store') return [OP.store, op.address, op.value >>> 0];
  const args = op.op === 'show' ? [op.address, op.length] : op.args;
  let mask = 0;
  const words: number[] = [];
  for (const arg of args) {
    if (typeof arg === 'number') words.push(arg >>> 0);
    else if ('load' in arg) {
      mask |= 1 << words.length;
      words.push(arg.load);
    } else words.push(image.data(arg.bytes), arg.bytes.length);
  }
  if (op.op === 'show') return [OP.show, mask, ...words];
  const count = CALLS[op.call]?.length;
  if (count !== words.length) throw new Error(`${op.call} takes ${count} arguments, not ${words.length}`);
  while (words.length < ARGUMENTS) words.push(0);
  return [OP.call, CALL_NAMES.indexOf(op.call), mask, ...words];
}

/** Memory that grows from a base address; equal data is kept once. */
class Image {
  readonly #base: number;
  #buffer = Buffer.alloc(1 << 16);
  #length = 0;
  readonly #known = new Map<string, number>();

  constructor(base: number) {
    this.#base = base;
  }

  reserve(size: number): number {
    const at = (this.#length + 3) & ~3;
    this.#length = at + size;
    while (this.#length > this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer, this.#buffer]);
    return this.#base + at;
  }

  word(address: number, value: number): void {
    this.#buffer.writeUInt32LE(value >>> 0, address - this.#base);
  }

  words(values: readonly number[]): number {
    const address = this.reserve(values.length * 4);
    values.forEach((value, index) => this.word(address + index * 4, value));
    return address;
  }

  data(bytes: Buffer): number {
    const key = bytes.toString('latin1');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const address = this.reserve(bytes.length);
    this.#buffer.set(bytes, address - this.#base);
    this.#known.set(key, address);
    return address;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
