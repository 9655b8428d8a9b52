import { type ByteReader, ModuleError } from './binary.ts';
import { readBlockType, readValueType } from './types.ts';

/** The opcodes that metering looks at. */
export const Op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  memoryGrow: 0x40,
  bulk: 0xfc,
} as const;

/** What follows an opcode. */
const NONE = 1;
const LEB = 2;
const TWO_LEBS = 3;
const MEMORY_ARGUMENT = 4;
const FOUR_BYTES = 5;
const EIGHT_BYTES = 6;
const TABLE_OF_LEBS = 7;
const TYPE_VECTOR = 8;
const BULK = 9;
const SIMD = 10;
const BLOCK_TYPE = 11;

/** Last of the relaxed instructions, which have no immediates; what lies behind them does not exist yet. */
const LAST_SIMD = 0x113;

/** Kind of immediate for each opcode; 0 = an instruction that plugins may not use. */
const IMMEDIATES = new Uint8Array(256);
function assign(kind: number, first: number, last = first): void {
  IMMEDIATES.fill(kind, first, last + 1);
}
assign(NONE, 0x00, 0x01);
assign(BLOCK_TYPE, 0x02, 0x04);
assign(NONE, 0x05);
assign(NONE, 0x0b);
assign(LEB, 0x0c, 0x0d);
assign(TABLE_OF_LEBS, 0x0e);
assign(NONE, 0x0f);
assign(LEB, 0x10);
assign(TWO_LEBS, 0x11);
assign(LEB, 0x12);
assign(TWO_LEBS, 0x13);
assign(NONE, 0x1a, 0x1b);
assign(TYPE_VECTOR, 0x1c);
assign(LEB, 0x20, 0x26);
assign(MEMORY_ARGUMENT, 0x28, 0x3e);
assign(LEB, 0x3f, 0x42);
assign(FOUR_BYTES, 0x43);
assign(EIGHT_BYTES, 0x44);
assign(NONE, 0x45, 0xc4);
assign(LEB, 0xd0);
assign(NONE, 0xd1);
assign(LEB, 0xd2);
assign(BULK, 0xfc);
assign(SIMD, 0xfd);

function unsupported(opcode: number, at: number): ModuleError {
  const hex = opcode.toString(16).padStart(2, '0');
  return new ModuleError(
    `instruction 0x${hex} at byte ${at} belongs to an extension (threads, exceptions, garbage collection) that plugins may not use; build without it`,
  );
}

function skipMemoryArgument(reader: ByteReader): void {
  const alignment = reader.u32();
  if ((alignment & 0x40) !== 0) reader.skipLeb();
  reader.skipLeb();
}

function skipSimd(reader: ByteReader, opcode: number): void {
  const sub = reader.u32();
  if (sub > LAST_SIMD) throw unsupported(opcode, reader.at);
  if (sub <= 11 || sub === 92 || sub === 93) skipMemoryArgument(reader);
  else if (sub === 12 || sub === 13) reader.skip(16);
  else if (sub >= 21 && sub <= 34) reader.skip(1);
  else if (sub >= 84 && sub <= 91) {
    skipMemoryArgument(reader);
    reader.skip(1);
  }
}

/** Passes over the immediates of an instruction whose opcode was just read; for 0xfc answers the second opcode. */
export function skipImmediates(reader: ByteReader, opcode: number): number {
  switch (IMMEDIATES[opcode]!) {
    case NONE:
      return 0;
    case LEB:
      reader.skipLeb();
      return 0;
    case TWO_LEBS:
      reader.skipLeb();
      reader.skipLeb();
      return 0;
    case MEMORY_ARGUMENT:
      skipMemoryArgument(reader);
      return 0;
    case FOUR_BYTES:
      reader.skip(4);
      return 0;
    case EIGHT_BYTES:
      reader.skip(8);
      return 0;
    case TABLE_OF_LEBS:
      for (let rest = reader.u32() + 1; rest > 0; rest--) reader.skipLeb();
      return 0;
    case TYPE_VECTOR:
      for (let rest = reader.u32(); rest > 0; rest--) readValueType(reader);
      return 0;
    case BLOCK_TYPE:
      readBlockType(reader);
      return 0;
    case BULK: {
      const sub = reader.u32();
      if (sub > 17) throw unsupported(opcode, reader.at);
      if (sub === 8 || sub === 10 || sub === 12 || sub === 14) {
        reader.skipLeb();
        reader.skipLeb();
      } else if (sub > 7) reader.skipLeb();
      return sub;
    }
    case SIMD:
      skipSimd(reader, opcode);
      return 0;
    default:
      throw unsupported(opcode, reader.at - 1);
  }
}
