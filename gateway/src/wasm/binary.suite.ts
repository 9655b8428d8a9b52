import { ByteWriter } from './binary.ts';

/** A module byte by byte, for what no text format lets one write. Sections come in the order they are added. */
export class RawModule {
  readonly #out = new ByteWriter().copy(Buffer.from('\0asm\x01\0\0\0', 'latin1'));

  section(id: number, write: (out: ByteWriter) => void): this {
    const payload = new ByteWriter();
    write(payload);
    this.#out.u8(id).sized(payload.view());
    return this;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#out.view());
  }
}

export interface RawFunction {
  /** Groups of locals: how many of which type. */
  readonly locals?: readonly (readonly [count: number, type: number])[];
  /** Instructions without the last `end`. */
  readonly code: Uint8Array | readonly number[];
}

/**
 * A plugin with one function `run` of no parameters and results, and whatever else is given.
 * @param more adds entries to a section of its own making, by its id
 */
export function rawPlugin(
  { locals = [], code }: RawFunction,
  more: Readonly<Record<number, (out: ByteWriter) => void>> = {},
): Uint8Array {
  const module = new RawModule();
  const standard: Readonly<Record<number, (out: ByteWriter) => void>> = {
    1: (out) => out.u32(1).u8(0x60).u32(0).u32(0),
    3: (out) => out.u32(1).u32(0),
    5: (out) => out.u32(1).u8(0).u32(1),
    7: (out) => {
      out.u32(3).name('memory').u8(2).u32(0);
      out.name('proxy_abi_version_0_2_1').u8(0).u32(0).name('run').u8(0).u32(0);
    },
    10: (out) => {
      const body = new ByteWriter().u32(locals.length);
      for (const [count, type] of locals) body.u32(count).u8(type);
      body.copy(Uint8Array.from(code)).u8(0x0b);
      out.u32(1).sized(body.view());
    },
  };
  for (const id of [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11, 0]) {
    const write = more[id] ?? standard[id];
    if (write !== undefined) module.section(id, write);
  }
  return module.bytes();
}
