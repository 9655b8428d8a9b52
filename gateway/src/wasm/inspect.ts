import { createHash } from 'node:crypto';
import { LIMITS } from '../core/limits.ts';
import { ABI_MARKERS } from './abi.ts';
import { ByteReader } from './binary.ts';
import { hostCallKind } from './imports.ts';
import { guessLanguage, type Producers, readProducers } from './language.ts';
import { manifestWarnings, type PluginManifest, readManifest } from './manifest.ts';
import { checkBytes, findAbi } from './module.ts';
import { PAGE_BYTES, rewriteModule } from './rewrite.ts';
import { type FoundSection, findSections } from './section-scan.ts';
import { readOutline, Section } from './sections.ts';

/** A part of the file. */
export interface SectionReport {
  /** Name of the section, as the specification or the custom section itself has it. */
  readonly name: string;
  readonly custom: boolean;
  readonly bytes: number;
}

/** A memory or a table: pages or elements. */
export interface SizeReport {
  readonly initial: number;
  /** null: as much as it is allowed. */
  readonly maximum: number | null;
}

export interface ImportReport {
  /** `module.name`. */
  readonly name: string;
  /** `real`: the host has it. `none`, `foreign`: it is answered "unimplemented". `other`: it is no function. */
  readonly kind: 'real' | 'none' | 'foreign' | 'other';
}

/** What can be told of a module without running it. */
export interface ModuleReport {
  /** SHA-256, lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
  /** Version of the ABI that it is marked with, or the marker that is not known; '' for none. */
  readonly abi: string;
  /** A guess, or ''. */
  readonly language: string;
  readonly producers: Producers;
  readonly sections: readonly SectionReport[];
  readonly imports: readonly ImportReport[];
  /** Exported functions that the host calls while it serves. */
  readonly callbacks: readonly string[];
  /** All other exports, by name. */
  readonly otherExports: readonly string[];
  /** Functions that it defines. */
  readonly functions: number;
  /** Pages of 64 KiB; null: it defines none. */
  readonly memory: SizeReport | null;
  readonly tables: readonly SizeReport[];
  /** Least `limits.memory` that it starts with, in bytes. */
  readonly leastMemory: number;
  /** What it says of itself; null: nothing, or nothing that can be used. */
  readonly manifest: PluginManifest | null;
  /** Everything that this gateway would refuse it for; empty: it would run. */
  readonly refusals: readonly string[];
  /** What would not keep it from running, and still be missed. */
  readonly warnings: readonly string[];
}

const ALLOCATORS: readonly string[] = ['proxy_on_memory_allocate', 'malloc'];

/** Looks at a module, whatever it is. Nothing of it runs. Never throws. */
export function inspectModule(bytes: Uint8Array): ModuleReport {
  const refusals = findRefusals(bytes);
  const module = compiled(bytes);
  const imports = module === null ? [] : WebAssembly.Module.imports(module);
  const exports = module === null ? [] : WebAssembly.Module.exports(module);
  const parts = findSections(bytes);
  const functions = exports.filter(({ kind }) => kind === 'function').map(({ name }) => name);
  const callbacks = functions.filter((name) => name.startsWith('proxy_on_') && !ALLOCATORS.includes(name));
  const producers = producersOf(parts);
  const memory = readSizes(parts, Section.memory)[0] ?? null;
  const { manifest, problem } = readManifest(bytes);
  const report = {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
    abi: abiOf(functions),
    producers,
    language: guessLanguage({
      producers,
      imports: imports.map(({ module: from, name }) => `${from}.${name}`),
      exports: exports.map(({ name }) => name),
      customSections: parts.filter(({ custom }) => custom).map(({ name }) => name),
      bytes,
    }),
    sections: parts.map(({ name, custom, reader }) => ({ name, custom, bytes: reader.end - reader.at })),
    imports: imports.map(({ module: from, name, kind }): ImportReport => {
      return { name: `${from}.${name}`, kind: kind === 'function' ? hostCallKind(from, name) : 'other' };
    }),
    callbacks,
    otherExports: exports.map(({ name }) => name).filter((name) => !callbacks.includes(name)),
    functions: countOf(parts, Section.function),
    memory,
    tables: readSizes(parts, Section.table),
    leastMemory: (memory?.initial ?? 0) * PAGE_BYTES,
    manifest,
    refusals,
  };
  const warnings = manifestWarnings(manifest, problem, callbacks);
  return { ...report, warnings: refusals.length === 0 ? [...findWarnings(report), ...warnings] : warnings };
}

/** With the checks that a module of the catalogue passes, every one that can be made. */
function findRefusals(bytes: Uint8Array): string[] {
  const refusals: string[] = [];
  const note = (fault: unknown): void => void refusals.push(fault instanceof Error ? fault.message : String(fault));
  try {
    checkBytes(bytes);
    const outline = readOutline(bytes, note);
    const whole = refusals.length === 0;
    try {
      findAbi(WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name }) => name));
    } catch (fault) {
      note(fault);
    }
    // How much memory it may have is for the catalogue to say.
    if (whole) rewriteModule(outline, { pages: PAGE_BYTES, startFuel: 1 });
  } catch (fault) {
    note(fault);
  }
  return refusals;
}

function findWarnings(report: Omit<ModuleReport, 'warnings'>): string[] {
  const warnings: string[] = [];
  const missing = report.imports.filter(({ kind }) => kind !== 'real').map(({ name }) => name);
  if (missing.length > 0) warnings.push(`answered "unimplemented": ${missing.join(', ')}`);
  if (!report.otherExports.some((name) => ALLOCATORS.includes(name))) {
    warnings.push(`it exports neither ${ALLOCATORS.join(' nor ')}: nothing can be handed to it`);
  }
  if (!report.callbacks.some((name) => /_(headers|body|trailers|log)$/.test(name))) {
    warnings.push('it has no callback for requests and responses');
  }
  return warnings;
}

/** Compiled as it is, for the engine to say what is in it; null when the engine does not take it. */
function compiled(bytes: Uint8Array): WebAssembly.Module | null {
  if (bytes.length > LIMITS.pluginModuleBytes) return null;
  try {
    return new WebAssembly.Module(bytes);
  } catch {
    return null;
  }
}

function abiOf(functions: readonly string[]): string {
  const marker = functions.find((name) => Object.hasOwn(ABI_MARKERS, name));
  if (marker !== undefined) return ABI_MARKERS[marker]!;
  return functions.find((name) => name.startsWith('proxy_abi_')) ?? '';
}

function producersOf(parts: readonly FoundSection[]): Producers {
  const reader = parts.find(({ custom, name }) => custom && name === 'producers')?.reader;
  return reader === undefined ? {} : readProducers(reader.bytes.subarray(reader.at, reader.end));
}

function readerOf(parts: readonly FoundSection[], id: number): ByteReader | null {
  const found = parts.find((part) => part.id === id)?.reader;
  return found === undefined ? null : new ByteReader(found.bytes, found.at, found.end);
}

function countOf(parts: readonly FoundSection[], id: number): number {
  try {
    return readerOf(parts, id)?.u32() ?? 0;
  } catch {
    return 0;
  }
}

/** Sizes of memories or tables, of the kinds that most modules have. */
function readSizes(parts: readonly FoundSection[], id: number): SizeReport[] {
  const sizes: SizeReport[] = [];
  const reader = readerOf(parts, id);
  try {
    for (let rest = reader?.u32() ?? 0; rest > 0; rest--) {
      if (id === Section.table) reader!.u8();
      const flags = reader!.u8();
      const initial = reader!.u32();
      sizes.push({ initial, maximum: (flags & 1) === 1 ? reader!.u32() : null });
    }
  } catch {
    // Tables of extensions begin in another way.
  }
  return sizes;
}
