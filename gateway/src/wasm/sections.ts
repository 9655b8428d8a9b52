import { LIMITS } from '../core/limits.ts';
import { ByteReader, ModuleError } from './binary.ts';
import type { Arities, Arity } from './compile-work.ts';
import { readValueType } from './types.ts';

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

const NAME_SECTION = Buffer.from('\x04name');

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
  readonly arities: Arities;
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

function readImports(reader: ByteReader | null): { imports: ModuleImport[]; types: number[] } {
  const imports: ModuleImport[] = [];
  const types: number[] = [];
  for (let rest = countOf(reader, LIMITS.pluginImports, 'imports'); rest > 0; rest--) {
    const module = readName(reader!);
    const name = readName(reader!);
    if (reader!.u8() !== External.function) {
      throw new ModuleError(`it imports ${module}.${name}, which is not a function; define memory and tables inside`);
    }
    types.push(reader!.u32());
    imports.push({ module, name });
  }
  return { imports, types };
}

function readName(reader: ByteReader): string {
  const name = reader.name();
  if (name.length <= LIMITS.pluginNameBytes) return name;
  throw new ModuleError(`a name of an import or export is longer than ${LIMITS.pluginNameBytes} bytes; shorten it`);
}

function readExports(reader: ByteReader | null): ModuleExport[] {
  const exports: ModuleExport[] = [];
  for (let rest = countOf(reader, LIMITS.pluginExports, 'exports'); rest > 0; rest--) {
    const name = readName(reader!);
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

/** Function types only: an added one then has the index that follows them. */
function readTypes(reader: ByteReader | null): Arity[] {
  const types: Arity[] = [];
  for (let rest = countOf(reader, LIMITS.pluginTypes, 'types'); rest > 0; rest--) {
    if (reader!.u8() !== 0x60)
      throw new ModuleError('it has types of the garbage collection extension; build without it');
    types.push({ parameters: readValueTypes(reader!), results: readValueTypes(reader!) });
  }
  return types;
}

function readValueTypes(reader: ByteReader): number {
  const count = reader.u32();
  for (let rest = count; rest > 0; rest--) readValueType(reader);
  return count;
}

/** Types of the functions it defines. */
function readFunctions(reader: ByteReader | null): number[] {
  const functions: number[] = [];
  for (let rest = countOf(reader, LIMITS.pluginFunctions, 'functions'); rest > 0; rest--) functions.push(reader!.u32());
  return functions;
}

/** Number of entries of a section. @throws ModuleError: they are too many */
function countOf(reader: ByteReader | null, most: number, what: string): number {
  const count = reader?.u32() ?? 0;
  if (count > most) throw new ModuleError(`it has ${count} ${what}, more than ${most}; split it`);
  return count;
}

/** The `name` section begins with its own name, as every custom section does. */
function isNameSection(bytes: Uint8Array, { start, end }: Range): boolean {
  return end - start >= 5 && Buffer.from(bytes.buffer, bytes.byteOffset + start, 5).equals(NAME_SECTION);
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
    } else if (size <= LIMITS.pluginNameSectionBytes && isNameSection(bytes, range)) {
      names = range;
    }
  }
  return { sections, names };
}

/** Each element takes a byte or more of the section, and eight in every instance. */
function checkElements(section: Range | undefined): void {
  const bytes = section === undefined ? 0 : section.end - section.start;
  if (bytes <= LIMITS.pluginElementBytes) return;
  throw new ModuleError(
    `its element section has ${bytes} bytes, more than ${LIMITS.pluginElementBytes}; call fewer functions through tables`,
  );
}

/** Takes what is wrong with a part of a module, or throws it. */
export type OnFault = (fault: unknown) => void;

function throwIt(fault: unknown): never {
  throw fault;
}

/**
 * Reads the outline of a module that the engine has already found valid.
 * @param onFault hears of every part that a plugin may not have; if it does not throw, the part is left out. Default:
 * it throws
 */
export function readOutline(bytes: Uint8Array, onFault: OnFault = throwIt): ModuleOutline {
  const found = { bytes, ...findSections(bytes) };
  const section = (id: number): ByteReader | null => sectionReader(found, id);
  const part = <T>(read: () => T, without: T): T => {
    try {
      return read();
    } catch (fault) {
      onFault(fault);
      return without;
    }
  };
  const exports = part(() => readExports(section(Section.export)), []);
  const { imports, types: imported } = part(() => readImports(section(Section.import)), { imports: [], types: [] });
  const types = part(() => readTypes(section(Section.type)), []);
  const defined = part(() => readFunctions(section(Section.function)), []);
  part(() => countOf(section(Section.data), LIMITS.pluginDataSegments, 'data segments'), 0);
  part(() => checkElements(found.sections.get(Section.element)), undefined);
  return {
    ...found,
    imports,
    exports,
    arities: { types, functions: [...imported, ...defined] },
    typeCount: types.length,
    functionCount: defined.length,
    globalCount: part(() => countOf(section(Section.global), LIMITS.pluginGlobals, 'globals'), 0),
    memory: part(() => readMemory(section(Section.memory), exports), { initial: 0, maximum: null }),
    startFunction: section(Section.start)?.u32() ?? null,
  };
}
