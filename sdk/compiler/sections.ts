/** A part of a module and its size. */
export interface ModuleSection {
  /** `code`, `data`; a custom section by its own name. */
  readonly name: string;
  /** Bytes, head included; all together are the module less its first 8. */
  readonly bytes: number;
}

const NAMES = 'custom type import function table memory global export start element code data data-count tag'.split(
  ' ',
);

interface Found {
  readonly name: string;
  readonly start: number;
  /** Where what it holds begins; of a custom section behind its name. */
  readonly contents: number;
  readonly end: number;
}

/** The sections of a module that the compiler has written, in their order. */
export function sectionsOf(module: Uint8Array): readonly ModuleSection[] {
  return [...walk(module)].map(({ name, start, end }) => ({ name, bytes: end - start }));
}

/** What a custom section holds; null when there is none of that name. */
export function customSection(module: Uint8Array, wanted: string): Uint8Array | null {
  for (const { name, contents, end } of walk(module)) if (name === wanted) return module.subarray(contents, end);
  return null;
}

function* walk(module: Uint8Array): Generator<Found> {
  for (let start = 8; start < module.length; ) {
    const id = module[start] ?? 0;
    const [size, from] = unsigned(module, start + 1);
    const [length, text] = id === 0 ? unsigned(module, from) : [0, from];
    const name = id === 0 ? new TextDecoder().decode(module.subarray(text, text + length)) : NAMES[id];
    yield { name: name ?? `section ${id}`, start, contents: text + length, end: from + size };
    start = from + size;
  }
}

/** A number in LEB128, and what follows it. */
function unsigned(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}
