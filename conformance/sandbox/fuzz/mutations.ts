// What becomes of a module under changes: to its bytes, its sections, its instructions.
import { ByteReader, ByteWriter } from '../../../gateway/src/wasm/binary.ts';
import { skipImmediates } from '../../../gateway/src/wasm/opcodes.ts';
import type { Random } from '../../fuzz/random.ts';
import { section, type Sections } from '../sections.ts';

const BYTES = [0, 1, 2, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0xff, 0x0b, 0x60, 0x70];

/** Instructions that may stand for each other: same operands, same result. */
const ALIKE: readonly (readonly [first: number, last: number])[] = [
  [0x46, 0x4f],
  [0x51, 0x5a],
  [0x6a, 0x78],
  [0x7c, 0x8a],
  [0x28, 0x28],
  [0x2c, 0x2f],
  [0x3a, 0x3b],
  [0x67, 0x69],
  [0x79, 0x7b],
  [0xc0, 0xc1],
];

export function flipBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let left = 1 + random.below(6); left > 0; left--) {
    const at = random.below(changed.length);
    changed[at] = random.chance(50) ? random.pick(BYTES) : changed[at]! ^ (1 << random.below(8));
  }
  return changed;
}

/** Takes a piece out, puts one in, or doubles one. */
export function cutAndPaste(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  const length = 1 + random.below(random.chance(80) ? 16 : bytes.length - at);
  const piece = bytes.subarray(at, at + length);
  const kind = random.below(3);
  if (kind === 0) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
  const to = random.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(kind === 1 ? to : to + length)]);
}

/** Sections of a module as they stand in it. */
export function sectionsOf(bytes: Uint8Array): Sections {
  const reader = new ByteReader(bytes, 8);
  const sections: Sections = [];
  while (reader.at < reader.end) {
    const id = reader.u8();
    const size = reader.u32();
    const start = reader.at;
    reader.skip(size);
    sections.push([id, bytes.subarray(start, start + size)]);
  }
  return sections;
}

/** Leaves sections out, doubles or exchanges them, or takes them from another module; their sizes stay right. */
export function shuffleSections(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const sections = sectionsOf(bytes);
  const foreign = sectionsOf(other);
  for (let left = 1 + random.below(3); left > 0 && sections.length > 0; left--) {
    const at = random.below(sections.length);
    const kind = random.below(5);
    if (kind === 0) sections.splice(at, 1);
    else if (kind === 1) sections.splice(at, 0, sections[at]!);
    else if (kind === 2) sections.push(sections.splice(at, 1)[0]!);
    else if (kind === 3) sections[at] = random.pick(foreign);
    else
      sections[at] = [
        sections[at]![0],
        sections[at]![1].length === 0 ? Buffer.of(0) : flipBytes(sections[at]![1], random),
      ];
  }
  return section.module(sections);
}

/** Exchanges instructions for others of their kind, and numbers for others: nearly always valid again. */
export function changeInstructions(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = Uint8Array.from(bytes);
  const places = instructionsOf(changed);
  if (places.length === 0) return changed;
  for (let left = 1 + random.below(8); left > 0; left--) changeOne(changed, random.pick(places), random);
  return changed;
}

function changeOne(bytes: Uint8Array, at: number, random: Random): void {
  const opcode = bytes[at]!;
  const alike = ALIKE.find(([first, last]) => opcode >= first && opcode <= last);
  if (alike !== undefined) bytes[at] = alike[0] + random.below(alike[1] - alike[0] + 1);
  // The last byte of a number: any other without the mark that more follow.
  else if (opcode === 0x41 || opcode === 0x42) {
    let last = at + 1;
    while (bytes[last]! >= 0x80) bytes[last++] = 0x80 | random.below(128);
    bytes[last] = random.below(128);
  } else if (opcode === 0x0d || opcode === 0x0c) bytes[at + 1] = random.below(4);
}

/** Where the instructions begin, of all functions. */
function instructionsOf(bytes: Uint8Array): number[] {
  const places: number[] = [];
  const reader = codeOf(bytes);
  for (let functions = reader?.u32() ?? 0; functions > 0; functions--) {
    const size = reader!.u32();
    const end = reader!.at + size;
    for (let groups = reader!.u32(); groups > 0; groups--) {
      reader!.skipLeb();
      reader!.u8();
    }
    while (reader!.at < end) {
      places.push(reader!.at);
      skipImmediates(reader!, reader!.u8());
    }
  }
  return places;
}

function codeOf(bytes: Uint8Array): ByteReader | null {
  const found = sectionsOf(bytes).find(([id]) => id === 10);
  if (found === undefined) return null;
  const start = found[1].byteOffset - bytes.byteOffset;
  return new ByteReader(bytes, start, start + found[1].length);
}

/** Sections of any number with anything in them. */
export function sectionSoup(random: Random): Uint8Array {
  const out = new ByteWriter(256);
  out.copy(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  for (let left = random.below(8); left > 0; left--) {
    const payload = Uint8Array.from({ length: random.below(40) }, () =>
      random.chance(70) ? random.below(8) : random.below(256),
    );
    out.u8(random.below(14));
    if (random.chance(85)) out.sized(payload);
    else out.u32(random.below(2 ** 31)).copy(payload);
  }
  return Uint8Array.from(out.view());
}
