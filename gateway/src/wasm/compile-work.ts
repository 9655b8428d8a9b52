import type { ByteReader } from './binary.ts';
import { Op } from './opcodes.ts';
import { EMPTY_BLOCK, readBlockType } from './types.ts';

/** Parameters and results of a function type. */
export interface Arity {
  readonly parameters: number;
  readonly results: number;
}

/** Arities of a module: of its types, and of its functions, imported ones first, as indices of types. */
export interface Arities {
  readonly types: readonly Arity[];
  readonly functions: readonly number[];
}

/** What each opcode leaves on the operand stack more than it takes; control, calls and prefixes apart. */
const EFFECTS = new Int8Array(256);
function assign(effect: number, first: number, last = first): void {
  EFFECTS.fill(effect, first, last + 1);
}
assign(-1, 0x1a);
assign(-2, 0x1b, 0x1c);
assign(1, 0x20);
assign(-1, 0x21);
assign(1, 0x23);
assign(-1, 0x24);
assign(-2, 0x26);
assign(-2, 0x36, 0x3e);
assign(1, 0x3f);
assign(1, 0x41, 0x44);
assign(-1, 0x46, 0x4f);
assign(-1, 0x51, 0x66);
assign(-1, 0x6a, 0x78);
assign(-1, 0x7c, 0x8a);
assign(-1, 0x92, 0x98);
assign(-1, 0xa0, 0xa6);
assign(1, 0xd0);
assign(1, 0xd2);

/** The same for vector instructions; those that are not told apart count as 0, which is too much rather than too little. */
function vectorEffect(sub: number): number {
  if (sub === 12) return 1;
  if (sub === 11 || sub === 82 || (sub >= 88 && sub <= 91)) return -2;
  if (sub === 13 || sub === 14 || (sub >= 35 && sub <= 76) || (sub >= 78 && sub <= 81)) return -1;
  return 0;
}

/** The same for bulk instructions and saturating conversions. */
function bulkEffect(sub: number): number {
  if (sub === 8 || sub === 10 || sub === 11 || sub === 12 || sub === 14 || sub === 17) return -3;
  if (sub === 15) return -1;
  return sub === 16 ? 1 : 0;
}

const NOTHING: Arity = { parameters: 0, results: 0 };
const ONE_RESULT: Arity = { parameters: 0, results: 1 };

const Call = { direct: 0x10, indirect: 0x11 } as const;

/**
 * What the engine's compiler has to do for a function beyond reading it. Where control branches or joins, it copies what
 * it knows of every local and operand; a function of 50 KB with 50 000 locals and 10 000 branches takes it half a minute
 * and gigabytes. Counts locals and operands at each such point.
 */
export class CompileWork {
  /** Of all functions so far. */
  total = 0;
  readonly #arities: Arities;
  readonly #imported: number;
  /** Open blocks: the height below each, and what it takes and leaves. */
  readonly #bases: number[] = [];
  readonly #blocks: Arity[] = [];
  #locals = 0;
  #height = 0;

  /** @param imported functions */
  constructor(arities: Arities, imported: number) {
    this.#arities = arities;
    this.#imported = imported;
  }

  /**
   * The next function.
   * @param index among those that the module defines
   * @param locals that it declares
   */
  enter(index: number, locals: number): void {
    const { types, functions } = this.#arities;
    this.#locals = types[functions[this.#imported + index]!]!.parameters + locals;
    this.#height = 0;
    this.#bases.length = 0;
    this.#blocks.length = 0;
  }

  /** One instruction. @param immediates reads what follows its opcode */
  note(opcode: number, sub: number, immediates: ByteReader): void {
    switch (opcode) {
      case Op.if:
        this.#height--;
        this.#open(immediates);
        return;
      case Op.block:
      case Op.loop:
        this.#open(immediates);
        return;
      case Op.else:
        this.#branch(1);
        this.#height = (this.#bases.at(-1) ?? 0) + (this.#blocks.at(-1)?.parameters ?? 0);
        return;
      case Op.end:
        this.#height = (this.#bases.pop() ?? 0) + (this.#blocks.pop()?.results ?? 0);
        return;
      case Op.brIf:
        this.#height--;
        this.#branch(1);
        return;
      case Op.br:
      case Op.return:
        this.#branch(1);
        return;
      case Op.brTable:
        this.#branch(immediates.u32() + 1);
        return;
      case Call.direct:
        this.#call(this.#arities.functions[immediates.u32()]!);
        return;
      case Call.indirect:
        this.#height--;
        this.#call(immediates.u32());
        return;
      default:
        this.#height += opcode === 0xfd ? vectorEffect(sub) : opcode === Op.bulk ? bulkEffect(sub) : EFFECTS[opcode]!;
        if (this.#height < 0) this.#height = 0;
    }
  }

  #open(immediates: ByteReader): void {
    this.#branch(1);
    const index = readBlockType(immediates);
    const block = index >= 0 ? this.#arities.types[index]! : index === EMPTY_BLOCK ? NOTHING : ONE_RESULT;
    this.#bases.push(Math.max(this.#height - block.parameters, 0));
    this.#blocks.push(block);
  }

  #branch(times: number): void {
    if (this.#height < 0) this.#height = 0;
    this.total += times * (this.#locals + this.#height);
  }

  #call(type: number): void {
    const { parameters, results } = this.#arities.types[type]!;
    this.#height = Math.max(this.#height - parameters, 0) + results;
  }
}
