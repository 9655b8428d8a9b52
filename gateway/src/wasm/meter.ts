import type { ByteReader, ByteWriter } from './binary.ts';
import { Op, skipImmediates } from './opcodes.ts';
import { readValueType } from './sections.ts';

/** Indices, in the rewritten module, of what metering adds to it. */
export interface MeterTargets {
  /** Mutable i32 global: fuel left. Below zero the guest has trapped. */
  readonly fuelGlobal: number;
  /** Functions `(i32) → i32` that charge for the length they are given and hand it back. */
  readonly chargeBytes: number;
  readonly chargeElements: number;
  readonly chargePages: number;
}

/**
 * Instructions of conditional code that a function entry or loop head pays for in advance. A branch of a few
 * instructions is then free of a charge of its own; a large function whose loop runs one of many branches (an
 * interpreter, Go's compiled code) is overcharged by no more than this per turn.
 */
const MERGED_INSTRUCTIONS = 32;

/** Base prices, in instructions: these run as calls into the engine, whatever length they are given. */
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

  /** Moves small segments into their heads. */
  settle(): void {
    for (let segment = 0; segment < this.counts.length; segment++) {
      const head = this.heads[segment]!;
      const count = this.counts[segment]!;
      if (head === segment || this.merged[head]! + count > MERGED_INSTRUCTIONS) continue;
      this.merged[head]! += count;
      this.counts[head]! += count;
      this.counts[segment] = 0;
    }
  }
}

/** Notes what an instruction costs beyond 1 and where its length must be charged. */
function priceOf(plan: BodyPlan, place: number, opcode: number, sub: number): number {
  if (opcode === Op.memoryGrow) {
    plan.charge(place, CHARGE_PAGES);
    return GROW_PRICE;
  }
  if (opcode !== Op.bulk) return 1;
  if (sub === 8 || sub === 10 || sub === 11) {
    plan.charge(place, CHARGE_BYTES);
    return BULK_BYTES_PRICE;
  }
  if (sub === 12 || sub === 14 || sub === 15 || sub === 17) {
    plan.charge(place, CHARGE_ELEMENTS);
    return BULK_ELEMENTS_PRICE;
  }
  return 1;
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
function planBody(reader: ByteReader, end: number, plan: BodyPlan): void {
  plan.reset();
  let segment = plan.open(reader.at, -1);
  let head = segment;
  /** For each open block: the head to return to when it ends. */
  const outer: number[] = [head];
  while (reader.at < end) {
    const place = reader.at;
    const opcode = reader.u8();
    const sub = skipImmediates(reader, opcode);
    plan.counts[segment]! += priceOf(plan, place, opcode, sub);
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
  plan.settle();
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

function skipLocals(reader: ByteReader): void {
  for (let groups = reader.u32(); groups > 0; groups--) {
    reader.skipLeb();
    readValueType(reader);
  }
}

/** Rewrites every body of a code section into `out`, without the section's count of bodies. */
export function meterBodies(
  reader: ByteReader,
  count: number,
  targets: MeterTargets,
  out: ByteWriter,
  body: ByteWriter,
): void {
  const plan = new BodyPlan();
  for (let index = 0; index < count; index++) {
    const size = reader.u32();
    const start = reader.at;
    const end = start + size;
    skipLocals(reader);
    planBody(reader, end, plan);
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

/** `n << shift`, or 0 where `n` is beyond `maximum`: the instruction then fails at once and moves nothing. */
function writeClamped(out: ByteWriter, maximum: number, shift: number): void {
  out.u8(0x20).u32(0).u8(0x41).s32(shift).u8(0x74).u8(0x41).s32(0);
  out.u8(0x20).u32(0).u8(0x41).s32(maximum).u8(0x4d).u8(0x1b);
}

/**
 * The three charging functions, in the order bytes (1 for 64), elements (1 each), pages (1024 each). No price reaches
 * 2²⁷, so fuel never wraps.
 */
export function writeChargeFunctions(
  global: number,
  maximum: { readonly pages: number; readonly elements: number },
  out: ByteWriter,
  body: ByteWriter,
): void {
  out.sized(chargeBody(global, (b) => b.u8(0x20).u32(0).u8(0x41).s32(6).u8(0x76), body));
  out.sized(chargeBody(global, (b) => writeClamped(b, maximum.elements, 0), body));
  out.sized(chargeBody(global, (b) => writeClamped(b, maximum.pages, 10), body));
}
