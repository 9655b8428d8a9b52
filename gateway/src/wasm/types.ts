import { type ByteReader, ModuleError } from './binary.ts';

/** Value types of one byte; those of the garbage collection extension have more. */
const VALUE_TYPES: readonly number[] = [0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f];

const EMPTY_TYPE = 0x40;

/** What `readBlockType` answers where there is no index: the block leaves nothing, or one value. */
export const EMPTY_BLOCK = -1;
export const ONE_VALUE = -2;

function refuseType(at: number): never {
  throw new ModuleError(`a type at byte ${at} belongs to the garbage collection extension; build without it`);
}

export function readValueType(reader: ByteReader): void {
  if (!VALUE_TYPES.includes(reader.u8())) refuseType(reader.at - 1);
}

/** Type of a block: the index of a type, or one of the above. */
export function readBlockType(reader: ByteReader): number {
  const at = reader.at;
  const first = reader.u8();
  if (first === EMPTY_TYPE) return EMPTY_BLOCK;
  if (VALUE_TYPES.includes(first)) return ONE_VALUE;
  let index = first & 0x7f;
  let last = first;
  for (let unit = 128; (last & 0x80) !== 0; unit *= 128) {
    last = reader.u8();
    index += (last & 0x7f) * unit;
  }
  // Indices are not negative; what is negative names a type in more bytes than are read here.
  if ((last & 0x40) !== 0) refuseType(at);
  return index;
}
