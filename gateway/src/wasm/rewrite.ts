import { LIMITS } from '../core/limits.ts';
import { type ByteReader, ByteWriter, ModuleError } from './binary.ts';
import { CompileWork } from './compile-work.ts';
import { meterBodies, PREPAID_INSTRUCTIONS, writeChargeFunctions } from './meter.ts';
import { External, type ModuleOutline, readLimits, Section, SECTION_ORDER, sectionReader } from './sections.ts';

export const PAGE_BYTES = 65_536;

/** Bounds that are written into a module. */
export interface RewriteLimits {
  /** Most pages its memory may have. */
  readonly pages: number;
  /** Fuel it is born with: what start-up code may use before the host can set a budget. */
  readonly startFuel: number;
  /** Default `PREPAID_INSTRUCTIONS`; with 0 every path pays for its own instructions alone. */
  readonly prepaid?: number;
}

/** Export names of what the rewriting adds. */
export interface AddedExports {
  readonly fuel: string;
  /** The former start section, as a function to call; null when there was none. */
  readonly start: string | null;
}

/** Copies what remains of a section after its count. */
function copyRest(out: ByteWriter, reader: ByteReader | null): ByteWriter {
  return reader === null ? out : out.copy(reader.bytes, reader.at, reader.end);
}

/** A section's reader past its count of entries. */
function entriesOf(outline: ModuleOutline, id: number): ByteReader | null {
  const reader = sectionReader(outline, id);
  reader?.u32();
  return reader;
}

function unusedName(outline: ModuleOutline, wanted: string): string {
  let name = wanted;
  while (outline.exports.some((entry) => entry.name === name)) name += '_';
  return name;
}

function writeMemory(outline: ModuleOutline, pages: number, out: ByteWriter): void {
  const { initial, maximum } = outline.memory;
  if (initial > pages) {
    const has = Math.ceil((initial * PAGE_BYTES) / 1024);
    throw new ModuleError(`it starts with ${has} KiB of memory, more than limits.memory allows; raise the limit`);
  }
  out.u32(1).u8(1).u32(initial);
  out.u32(Math.min(maximum ?? pages, pages));
}

function writeTables(reader: ByteReader, out: ByteWriter): void {
  const count = reader.u32();
  if (count > LIMITS.pluginTables) {
    throw new ModuleError(`it has ${count} tables, more than ${LIMITS.pluginTables}; split the module`);
  }
  // Each may have its share of all elements.
  const most = Math.floor(LIMITS.pluginTableElements / count);
  out.u32(count);
  for (let rest = count; rest > 0; rest--) {
    const type = reader.u8();
    if (type !== 0x70 && type !== 0x6f) throw new ModuleError('a table has a type that plugins may not use');
    const { initial, maximum } = readLimits(reader, 'table');
    if (initial > most) throw new ModuleError(`a table has ${initial} elements, more than ${most}; split the module`);
    out.u8(type).u8(1).u32(initial);
    out.u32(Math.min(maximum ?? most, most));
  }
}

/** Writes a module anew, section by section. */
class Rewriter {
  readonly #outline: ModuleOutline;
  readonly #limits: RewriteLimits;
  readonly #payload = new ByteWriter(64 * 1024);
  readonly #body = new ByteWriter(16 * 1024);
  readonly added: AddedExports;

  constructor(outline: ModuleOutline, limits: RewriteLimits) {
    this.#outline = outline;
    this.#limits = limits;
    this.added = {
      fuel: unusedName(outline, 'sluice_fuel'),
      start: outline.startFunction === null ? null : unusedName(outline, 'sluice_start'),
    };
  }

  run(): Uint8Array {
    const { bytes, names } = this.#outline;
    const out = new ByteWriter(bytes.length + (bytes.length >> 2) + 1024);
    out.copy(bytes, 0, 8);
    for (const id of SECTION_ORDER) {
      this.#payload.clear();
      if (this.#write(id)) out.u8(id).sized(this.#payload.view());
    }
    if (names !== null) out.u8(Section.custom).sized(bytes.subarray(names.start, names.end));
    return out.view();
  }

  /** Writes the payload of one section; false when the module needs none. */
  #write(id: number): boolean {
    const out = this.#payload;
    const outline = this.#outline;
    switch (id) {
      case Section.type:
        // The type of the charging functions: (i32) → i32.
        copyRest(out.u32(outline.typeCount + 1), entriesOf(outline, id));
        out.u8(0x60).u8(1).u8(0x7f).u8(1).u8(0x7f);
        return true;
      case Section.function:
        copyRest(out.u32(outline.functionCount + 3), entriesOf(outline, id));
        for (let i = 0; i < 3; i++) out.u32(outline.typeCount);
        return true;
      case Section.table: {
        const reader = sectionReader(outline, id);
        if (reader !== null) writeTables(reader, out);
        return reader !== null;
      }
      case Section.memory:
        writeMemory(outline, this.#limits.pages, out);
        return true;
      case Section.global:
        copyRest(out.u32(outline.globalCount + 1), entriesOf(outline, id));
        out.u8(0x7f).u8(1).u8(0x41).s32(this.#limits.startFuel).u8(0x0b);
        return true;
      case Section.export:
        this.#writeExports(out);
        return true;
      case Section.start:
        return false;
      case Section.code:
        this.#writeCode(out);
        return true;
      default:
        copyRest(out, sectionReader(outline, id));
        return outline.sections.has(id);
    }
  }

  #writeExports(out: ByteWriter): void {
    const { exports, globalCount, startFunction } = this.#outline;
    const { fuel, start } = this.added;
    copyRest(out.u32(exports.length + (start === null ? 1 : 2)), entriesOf(this.#outline, Section.export));
    out.name(fuel).u8(External.global).u32(globalCount);
    if (start !== null) out.name(start).u8(External.function).u32(startFunction!);
  }

  #writeCode(out: ByteWriter): void {
    const { functionCount, globalCount, imports, arities } = this.#outline;
    const first = imports.length + functionCount;
    const targets = {
      fuelGlobal: globalCount,
      chargeBytes: first,
      chargeElements: first + 1,
      chargePages: first + 2,
      prepaid: this.#limits.prepaid ?? PREPAID_INSTRUCTIONS,
    };
    const reader = entriesOf(this.#outline, Section.code);
    out.u32(functionCount + 3);
    const work = new CompileWork(arities, imports.length);
    if (reader !== null) meterBodies(reader, functionCount, targets, work, out, this.#body);
    const maximum = { pages: this.#limits.pages, elements: LIMITS.pluginTableElements };
    writeChargeFunctions(globalCount, maximum, out, this.#body);
  }
}

/**
 * The module with a fuel counter, bounded memory and tables, and its start section turned into an export. Whatever it
 * could do before, it can do now, except to run without end or grow without bound. Custom sections other than `name`
 * are dropped: they speak of byte offsets that have moved.
 */
export function rewriteModule(
  outline: ModuleOutline,
  limits: RewriteLimits,
): { readonly bytes: Uint8Array; readonly added: AddedExports } {
  const rewriter = new Rewriter(outline, limits);
  return { bytes: rewriter.run(), added: rewriter.added };
}
