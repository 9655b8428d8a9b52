// Modules put together from sections, which no assembler would write.
import { ByteWriter } from '../../gateway/src/wasm/binary.ts';

/** Section number and payload, in the order they are written. */
export type Sections = [id: number, payload: Uint8Array][];

type Write = (out: ByteWriter) => void;

function bytes(write: Write): Uint8Array {
  const out = new ByteWriter(256);
  write(out);
  return Uint8Array.from(out.view());
}

/** A function's body with its size; `locals` as groups of count and type. */
export function bodyOf(write: Write, locals: readonly (readonly [number, number])[] = []): Uint8Array {
  return bytes((out) => {
    out.u32(locals.length);
    for (const [count, type] of locals) out.u32(count).u8(type);
    write(out);
  });
}

const EMPTY = bodyOf((out) => out.u8(0x0b));

/** A plain plugin with one function, which runs for each request and is the marker, too. */
export function moduleOf(): Sections {
  return [
    [1, Buffer.of(1, 0x60, 0, 0)],
    [3, Buffer.of(1, 0)],
    [5, Buffer.of(1, 0, 1)],
    [7, exportsOf([])],
    [10, codeOf([EMPTY])],
  ];
}

type Export = readonly [name: string, kind: number, index: number];

const EXPORTS: readonly Export[] = [
  ['memory', 2, 0],
  ['proxy_abi_version_0_2_1', 0, 0],
  ['proxy_on_request_headers', 0, 0],
];

function exportsOf(more: readonly Export[]): Uint8Array {
  const all = [...EXPORTS, ...more];
  return bytes((out) => {
    out.u32(all.length);
    for (const [name, kind, index] of all) out.name(name).u8(kind).u32(index);
  });
}

function codeOf(bodies: readonly Uint8Array[]): Uint8Array {
  return bytes((out) => {
    out.u32(bodies.length);
    for (const body of bodies) out.sized(body);
  });
}

/** The same payload over and over, behind its count. */
function repeated(count: number, entry: Uint8Array): Uint8Array {
  return bytes((out) => {
    out.u32(count);
    for (let i = 0; i < count; i++) out.copy(entry);
  });
}

export const section = {
  module(sections: Sections): Uint8Array {
    return bytes((out) => {
      out.copy(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
      for (const [id, payload] of sections) out.u8(id).sized(payload);
    });
  },

  replace(sections: Sections, id: number, payload: Uint8Array): void {
    sections.find((entry) => entry[0] === id)![1] = payload;
  },

  replaceBody(sections: Sections, body: Uint8Array): void {
    section.replace(sections, 10, codeOf([body]));
  },

  addExports(sections: Sections, more: readonly Export[]): void {
    section.replace(sections, 7, exportsOf(more));
  },

  /** So many functions that do nothing. */
  functions(sections: Sections, count: number): void {
    section.replace(sections, 3, repeated(count, Buffer.of(0)));
    section.replace(sections, 10, codeOf(Array.from({ length: count }, () => EMPTY)));
  },

  types(sections: Sections, count: number): void {
    section.replace(sections, 1, repeated(count, Buffer.of(0x60, 0, 0)));
  },

  /** So many mutable numbers. */
  globals(sections: Sections, count: number): void {
    sections.splice(3, 0, [6, repeated(count, Buffer.of(0x7f, 1, 0x41, 0, 0x0b))]);
  },

  /** A function type with so many parameters. */
  type(parameters: number): Uint8Array {
    return bytes((out) => {
      out.u32(1).u8(0x60).u32(parameters);
      for (let i = 0; i < parameters; i++) out.u8(0x7f);
      out.u32(0);
    });
  },
};
