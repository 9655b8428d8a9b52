import { ByteReader, ModuleError } from './binary.ts';

export const Section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

/** Order in which sections stand in a module. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Kind byte of imports and exports. */
export const External = { function: 0, table: 1, memory: 2, global: 3 } as const;

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
}

/** Limits of a table or memory as written. */
export interface SizeLimits {
  readonly initial: number;
  /** null: none given. */
  readonly maximum: number | null;
}

/** What the host needs to know of a module; all sections stay where they are in `bytes`. */
export interface ModuleOutline {
  readonly bytes: Uint8Array;
  /** Payloads by section id, custom sections left out. */
  readonly sections: ReadonlyMap<number, Range>;
  /** The `name` section, which makes stack traces readable. */
  readonly names: Range | null;
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  readonly typeCount: number;
  readonly functionCount: number;
  readonly globalCount: number;
  readonly memory: SizeLimits;
  readonly startFunction: number | null;
}

export function sectionReader(outline: Pick<ModuleOutline, 'bytes' | 'sections'>, id: number): ByteReader | null {
  const range = outline.sections.get(id);
  return range === undefined ? null : new ByteReader(outline.bytes, range.start, range.end);
}

/** Reads limits; shared, 64-bit and odd-paged ones belong to extensions that the host does not offer. */
export function readLimits(reader: ByteReader, what: string): SizeLimits {
  const flags = reader.u8();
  if (flags > 1) throw new ModuleError(`its ${what} is shared or 64-bit, which plugins may not use; build without it`);
  const initial = reader.u32();
  return { initial, maximum: flags === 1 ? reader.u32() : null };
}

function readImports(reader: ByteReader | null): ModuleImport[] {
  const imports: ModuleImport[] = [];
  for (let rest = reader?.u32() ?? 0; rest > 0; rest--) {
    const module = reader!.name();
    const name = reader!.name();
    if (reader!.u8() !== External.function) {
      throw new ModuleError(`it imports ${module}.${name}, which is not a function; define memory and tables inside`);
    }
    reader!.skipLeb();
    imports.push({ module, name });
  }
  return imports;
}

function readExports(reader: ByteReader | null): ModuleExport[] {
  const exports: ModuleExport[] = [];
  for (let rest = reader?.u32() ?? 0; rest > 0; rest--) {
    const name = reader!.name();
    const kind = reader!.u8();
    exports.push({ name, kind, index: reader!.u32() });
  }
  return exports;
}

function readMemory(reader: ByteReader | null, exports: readonly ModuleExport[]): SizeLimits {
  if (
    reader === null ||
    reader.u32() !== 1 ||
    !exports.some((e) => e.kind === External.memory && e.name === 'memory')
  ) {
    throw new ModuleError('it does not export exactly one memory named "memory"; build it as a Proxy-Wasm plugin');
  }
  return readLimits(reader, 'memory');
}

/** Value types of one byte; those of the garbage collection extension have more. */
const VALUE_TYPES: readonly number[] = [0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f];

export function readValueType(reader: ByteReader): void {
  if (VALUE_TYPES.includes(reader.u8())) return;
  throw new ModuleError(`a type at byte ${reader.at} belongs to the garbage collection extension; build without it`);
}

/** Function types only: an added one then has the index that follows them. */
function readTypes(reader: ByteReader | null): number {
  const count = reader?.u32() ?? 0;
  for (let rest = count; rest > 0; rest--) {
    if (reader!.u8() !== 0x60)
      throw new ModuleError('it has types of the garbage collection extension; build without it');
    for (let values = reader!.u32(); values > 0; values--) readValueType(reader!);
    for (let values = reader!.u32(); values > 0; values--) readValueType(reader!);
  }
  return count;
}

function findSections(bytes: Uint8Array): Pick<ModuleOutline, 'sections' | 'names'> {
  const sections = new Map<number, Range>();
  let names: Range | null = null;
  const reader = new ByteReader(bytes, 8);
  while (reader.at < reader.end) {
    const id = reader.u8();
    const size = reader.u32();
    const start = reader.at;
    reader.skip(size);
    const range = { start, end: start + size };
    if (id !== Section.custom) {
      if (!SECTION_ORDER.includes(id)) {
        throw new ModuleError(`section ${id} belongs to an extension that plugins may not use; build without it`);
      }
      sections.set(id, range);
    } else if (new ByteReader(bytes, range.start, range.end).name() === 'name') {
      names = range;
    }
  }
  return { sections, names };
}

/** Reads the outline of a module that the engine has already found valid. */
export function readOutline(bytes: Uint8Array): ModuleOutline {
  const found = { bytes, ...findSections(bytes) };
  const count = (id: number): number => sectionReader(found, id)?.u32() ?? 0;
  const exports = readExports(sectionReader(found, Section.export));
  return {
    ...found,
    imports: readImports(sectionReader(found, Section.import)),
    exports,
    typeCount: readTypes(sectionReader(found, Section.type)),
    functionCount: count(Section.function),
    globalCount: count(Section.global),
    memory: readMemory(sectionReader(found, Section.memory), exports),
    startFunction: sectionReader(found, Section.start)?.u32() ?? null,
  };
}
