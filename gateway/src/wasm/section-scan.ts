import { ByteReader } from './binary.ts';
import { Section } from './sections.ts';

/** A section as it stands in a module that may be no good. */
export interface FoundSection {
  readonly id: number;
  /** As the specification or the custom section itself has it. */
  readonly name: string;
  readonly custom: boolean;
  /** At the beginning of what is in it. */
  readonly reader: ByteReader;
}

/** How every module begins. */
const HEADER = Buffer.from('\0asm\x01\0\0\0', 'latin1');
const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Section).map(([name, id]) => [id, name]));

/** The sections, in order, up to the first that is not whole; none of what is no module. Never throws. */
export function findSections(bytes: Uint8Array): FoundSection[] {
  const found: FoundSection[] = [];
  if (!Buffer.from(bytes.subarray(0, HEADER.length)).equals(HEADER)) return found;
  const reader = new ByteReader(bytes, HEADER.length);
  try {
    while (reader.at < reader.end) {
      const id = reader.u8();
      const size = reader.u32();
      const payload = new ByteReader(bytes, reader.at, reader.at + size);
      reader.skip(size);
      const custom = id === Section.custom;
      const name = custom ? payload.name() : (NAMES.get(id) ?? `section ${id}`);
      found.push({ id, name, custom, reader: payload });
    }
  } catch {
    // What was found before is told all the same; whether the module as a whole is good is for others to say.
  }
  return found;
}
