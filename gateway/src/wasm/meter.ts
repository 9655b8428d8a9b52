import { LIMITS } from '../core/limits.ts';
import { ByteReader, type ByteWriter, ModuleError } from './binary.ts';
import type { CompileWork } from './compile-work.ts';
import { Op, skipImmediates } from './opcodes.ts';
import { readValueType } from './types.ts';

/** Indices, in the rewritten module, of what metering adds to it. */
export interface MeterTargets {
  /** Mutable i32 global: fuel left. Below zero the guest has trapped. */
  readonly fuelGlobal: number;
  /** Functions `(i32) → i32` that charge for the length they are given and hand it back. */
  readonly chargeBytes: number;
  readonly chargeElements: number;
  readonly chargePages: number;
  /** What a head pays in advance for others; see `PREPAID_INSTRUCTIONS`. */
  readonly prepaid: number;
}

/**
 * Instructions of conditional code that a function entry or loop head pays for in advance. A branch of a few
 * instructions is then free of a charge of its own; a large function whose loop runs one of many branches (an
 * interpreter, Go's compiled code) is overcharged by no more than this per turn.
 */
export const PREPAID_INSTRUCTIONS = 32;

/** Base prices, in instructions: these run as calls into the engine, whatever length they are given. Paid where the
 * length is, and not in advance, so that no sum of prices outgrows the counter. */
const BULK_BYTES_PRICE = 16;
const BULK_ELEMENTS_PRICE = 64;
const GROW_PRICE = 1000;

/** What stands at a point of a function body: a segment's number, or one of these. */
const CHARGE_BYTES = -1;
const CHARGE_ELEMENTS = -2;
const CHARGE_PAGES = -3;

/**
 * One function body cut into segments: runs of instructions that are entered at their start only. A segment is a
 * *head* (function entry, loop head) or belongs to the innermost head around it, which runs at least as often.
 */
class BodyPlan {
  /** Places where something is put in, ascending, and what. */
  readonly places: number[] = [];
  readonly inserts: number[] = [];
  /** For each segment: its instructions, its head's number, and whether it is a head. */
  readonly counts: number[] = [];
  readonly heads: number[] = [];
  /** Instructions that a head pays for other segments. */
  readonly merged: number[] = [];

  reset(): void {
    this.places.length = 0;
    this.inserts.length = 0;
    this.counts.length = 0;
    this.heads.length = 0;
    this.merged.length = 0;
  }

  /** @param head number of the head around the new segment, or -1 when it is one itself. */
  open(place: number, head: number): number {
    const segment = this.counts.length;
    this.places.push(place);
    this.inserts.push(segment);
    this.counts.push(0);
    this.heads.push(head === -1 ? segment : head);
    this.merged.push(0);
    return segment;
  }

  charge(place: number, kind: number): void {
    this.places.push(place);
    this.inserts.push(kind);
  }

  /** Moves small segments into their heads, up to so many instructions for each. */
  settle(prepaid: number): void {
    for (let segment = 0; segment < this.counts.length; segment++) {
      const head = this.heads[segment]!;
      const count = this.counts[segment]!;
      if (head === segment || this.merged[head]! + count > prepaid) continue;
      this.merged[head]! += count;
      this.counts[head]! += count;
      this.counts[segment] = 0;
    }
  }
}

/** Notes where the length must be charged that an instruction is given. */
function noteLength(plan: BodyPlan, place: number, opcode: number, sub: number): void {
  if (opcode === Op.memoryGrow) plan.charge(place, CHARGE_PAGES);
  else if (opcode !== Op.bulk) return;
  else if (sub === 8 || sub === 10 || sub === 11) plan.charge(place, CHARGE_BYTES);
  else if (sub === 12 || sub === 14 || sub === 15 || sub === 17) plan.charge(place, CHARGE_ELEMENTS);
}

function endsSegment(opcode: number): boolean {
  return (
    opcode === Op.if ||
    opcode === Op.else ||
    opcode === Op.br ||
    opcode === Op.brIf ||
    opcode === Op.brTable ||
    opcode === Op.return
  );
}

/** Reads one body (after its local declarations) into `plan`. */
function planBody(reader: ByteReader, end: number, plan: BodyPlan, prepaid: number, work: CompileWork): void {
  plan.reset();
  let segment = plan.open(reader.at, -1);
  let head = segment;
  /** For each open block: the head to return to when it ends. */
  const outer: number[] = [head];
  const immediates = new ByteReader(reader.bytes);
  while (reader.at < end) {
    const place = reader.at;
    const opcode = reader.u8();
    const sub = skipImmediates(reader, opcode);
    work.note(opcode, sub, immediates.from(place + 1));
    if (outer.length > LIMITS.pluginNesting) {
      throw new ModuleError(`at byte ${place} more than ${LIMITS.pluginNesting} blocks are open; split the function`);
    }
    noteLength(plan, place, opcode, sub);
    plan.counts[segment]! += 1;
    if (opcode === Op.loop) {
      outer.push(head);
      head = segment = plan.open(reader.at, -1);
    } else if (opcode === Op.block) {
      outer.push(head);
    } else if (opcode === Op.end) {
      head = outer.pop()!;
      if (outer.length > 0) segment = plan.open(reader.at, head);
    } else if (endsSegment(opcode)) {
      if (opcode === Op.if) outer.push(head);
      segment = plan.open(reader.at, head);
    }
  }
  plan.settle(prepaid);
}

function writeSubtraction(out: ByteWriter, global: number, count: number): void {
  out.u8(0x23).u32(global).u8(0x41).s32(count).u8(0x6b).u8(0x24).u32(global);
}

/** `if (fuel < 0) unreachable` */
function writeCheck(out: ByteWriter, global: number): void {
  out.u8(0x23).u32(global).u8(0x41).s32(0).u8(0x48);
  out.u8(0x04).u8(0x40).u8(0x00).u8(0x0b);
}

function writeInsert(out: ByteWriter, plan: BodyPlan, insert: number, targets: MeterTargets): void {
  if (insert < 0) {
    const { chargeBytes, chargeElements, chargePages } = targets;
    out.u8(0x10).u32(insert === CHARGE_BYTES ? chargeBytes : insert === CHARGE_PAGES ? chargePages : chargeElements);
    return;
  }
  const count = plan.counts[insert]!;
  if (count === 0) return;
  writeSubtraction(out, targets.fuelGlobal, count);
  if (plan.heads[insert] === insert) writeCheck(out, targets.fuelGlobal);
}

/** Passes over the local declarations; answers how many locals there are. */
function skipLocals(reader: ByteReader): number {
  let locals = 0;
  for (let groups = reader.u32(); groups > 0; groups--) {
    locals += reader.u32();
    readValueType(reader);
  }
  return locals;
}

function refuseFunction(index: number, problem: string): never {
  throw new ModuleError(`function ${index} ${problem}; split it`);
}

/** Rewrites every body of a code section into `out`, without the section's count of bodies. */
export function meterBodies(
  reader: ByteReader,
  count: number,
  targets: MeterTargets,
  work: CompileWork,
  out: ByteWriter,
  body: ByteWriter,
): void {
  const plan = new BodyPlan();
  for (let index = 0; index < count; index++) {
    const size = reader.u32();
    const start = reader.at;
    const end = start + size;
    if (size > LIMITS.pluginFunctionBytes) {
      refuseFunction(index, `has ${size} bytes, more than ${LIMITS.pluginFunctionBytes}`);
    }
    work.enter(index, skipLocals(reader));
    planBody(reader, end, plan, targets.prepaid, work);
    if (work.total > LIMITS.pluginCompileWork) {
      refuseFunction(index, 'and those before it have too many branches for their number of locals and operands');
    }
    body.clear();
    let copied = start;
    for (let i = 0; i < plan.places.length; i++) {
      const place = plan.places[i]!;
      body.copy(reader.bytes, copied, place);
      copied = place;
      writeInsert(body, plan, plan.inserts[i]!, targets);
    }
    body.copy(reader.bytes, copied, end);
    out.sized(body.view());
  }
}

/** Body of a function `(n) → n` that takes `price(n)` from the fuel; `writePrice` puts the price of local 0 on the stack. */
function chargeBody(global: number, writePrice: (out: ByteWriter) => void, body: ByteWriter): Uint8Array {
  body.clear();
  body.u8(0x00);
  body.u8(0x23).u32(global);
  writePrice(body);
  body.u8(0x6b).u8(0x24).u32(global);
  writeCheck(body, global);
  body.u8(0x20).u32(0).u8(0x0b);
  return body.view();
}

/** Adds a number to what is on the stack. */
function writePlus(out: ByteWriter, price: number): void {
  out.u8(0x41).s32(price).u8(0x6a);
}

/** `n << shift`, or 0 where `n` is beyond `maximum`: the instruction then fails at once and moves nothing. */
function writeClamped(out: ByteWriter, maximum: number, shift: number): void {
  out.u8(0x20).u32(0).u8(0x41).s32(shift).u8(0x74).u8(0x41).s32(0);
  out.u8(0x20).u32(0).u8(0x41).s32(maximum).u8(0x4d).u8(0x1b);
}

/**
 * The three charging functions, in the order bytes (1 for 16), elements (4 each), pages (1024 each): what is copied
 * beyond the processor's caches takes 4 ns for 16 bytes, and an element 6 ns. No price reaches 2²⁹, so fuel never wraps.
 */
export function writeChargeFunctions(
  global: number,
  maximum: { readonly pages: number; readonly elements: number },
  out: ByteWriter,
  body: ByteWriter,
): void {
  const charge = (base: number, writeLength: (b: ByteWriter) => void): void => {
    const write = (b: ByteWriter): void => {
      writeLength(b);
      writePlus(b, base);
    };
    out.sized(chargeBody(global, write, body));
  };
  charge(BULK_BYTES_PRICE, (b) => b.u8(0x20).u32(0).u8(0x41).s32(4).u8(0x76));
  charge(BULK_ELEMENTS_PRICE, (b) => writeClamped(b, maximum.elements, 2));
  charge(GROW_PRICE, (b) => writeClamped(b, maximum.pages, 10));
}
