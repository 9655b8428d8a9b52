import { ByteReader } from './binary.ts';

/** What a module tells of the tools that made it: the `producers` section, by field, as `name version`. */
export type Producers = Readonly<Record<string, readonly string[]>>;

/** Names that give a toolchain away. */
export interface ModuleNames {
  readonly producers: Producers;
  /** `module.name`. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly customSections: readonly string[];
  /** The whole module. */
  readonly bytes: Uint8Array;
}

/** Reads a `producers` section as far as it is well formed. */
export function readProducers(section: Uint8Array): Producers {
  const producers: Record<string, string[]> = {};
  try {
    const reader = new ByteReader(section);
    for (let fields = reader.u32(); fields > 0; fields--) {
      const values: string[] = (producers[reader.name()] = []);
      for (let rest = reader.u32(); rest > 0; rest--) values.push(`${reader.name()} ${reader.name()}`.trim());
    }
  } catch {
    // What was read before is as good as ever.
  }
  return producers;
}

type Sign = (names: ModuleNames) => boolean;

const produced =
  (pattern: RegExp): Sign =>
  ({ producers }) =>
    Object.values(producers)
      .flat()
      .some((value) => pattern.test(value));
const imports =
  (pattern: RegExp): Sign =>
  ({ imports }) =>
    imports.some((name) => pattern.test(name));
const exports =
  (pattern: RegExp): Sign =>
  ({ exports }) =>
    exports.some((name) => pattern.test(name));
const section =
  (pattern: RegExp): Sign =>
  ({ customSections }) =>
    customSections.some((name) => pattern.test(name));

const text =
  (text: string, encoding: 'latin1' | 'utf16le'): Sign =>
  ({ bytes }) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(text, 0, encoding);

/** Surer signs first: what a tool says of itself, then what only its modules have. */
const SIGNS: readonly (readonly [language: string, sign: Sign])[] = [
  ['TinyGo', produced(/tinygo/i)],
  ['Rust', produced(/\b(Rust|rustc)\b/)],
  ['Zig', produced(/\bzig\b/i)],
  ['C++', produced(/emscripten|C_plus_plus/i)],
  ['AssemblyScript', produced(/assemblyscript|\basc\b/i)],
  ['Go', section(/^go[:.]/)],
  ['Go', produced(/^Go\b/)],
  ['TinyGo', exports(/^(tinygo_|asyncify_start_unwind$)/)],
  ['AssemblyScript', imports(/^env\.(abort|seed)$/)],
  ['AssemblyScript', exports(/^__(new|pin|collect|rtti_base)$/)],
  // Files of the library, in messages of the runtime.
  ['AssemblyScript', text('~lib/', 'utf16le')],
  ['Rust', text('/rustc/', 'latin1')],
  ['Rust', text('library/std/src/', 'latin1')],
  ['C++', imports(/^env\.(emscripten_|pthread_equal$)/)],
  ['C++', exports(/^(emscripten_|_emscripten_)/)],
  ['C', produced(/\bclang\b/i)],
];

/** What a module was probably written in; '' when nothing gives it away. */
export function guessLanguage(names: ModuleNames): string {
  return SIGNS.find(([, sign]) => sign(names))?.[0] ?? '';
}
