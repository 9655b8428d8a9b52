// Ways to put odd modules together.
import { ByteWriter } from '../../gateway/src/wasm/binary.ts';
import { moduleOf, section, type Sections } from './sections.ts';

/** With another thing in place of, or beside, what a plain plugin has. */
export function plain(change: (sections: Sections) => void): () => Uint8Array {
  return () => {
    const sections = moduleOf();
    change(sections);
    return section.module(sections);
  };
}

export function customOf(size: number): Buffer {
  const out = new ByteWriter(size + 16);
  out.u8(0).sized(Buffer.concat([Buffer.of(1, 0x78), Buffer.alloc(size)]));
  return Buffer.from(out.view());
}

export function manyExports(count: number): (readonly [string, number, number])[] {
  return Array.from({ length: count }, (_, index) => [`e${index}`, 0, 0] as const);
}

export function manyImports(count: number): string {
  return Array.from({ length: count }, (_, index) => `(import "env" "f${index}" (func))`).join('');
}

/** 30 000 branches, at each of which a thousand locals are live. */
export function branchy(out: ByteWriter): void {
  out.u8(0x02).u8(0x40);
  for (let i = 0; i < 30_000; i++) out.u8(0x41).s32(0).u8(0x0d).u32(0);
  out.u8(0x0b).u8(0x0b);
}

export function nested(out: ByteWriter, opcode: number, depth: number): void {
  for (let i = 0; i < depth; i++) {
    if (opcode === 0x04) out.u8(0x41).s32(1);
    out.u8(opcode).u8(0x40);
  }
  for (let i = 0; i <= depth; i++) out.u8(0x0b);
}

/** 60 000 targets, all the same. */
export function giantBranch(out: ByteWriter): void {
  out.u8(0x02).u8(0x40).u8(0x41).s32(59_999).u8(0x0e).u32(60_000);
  for (let i = 0; i <= 60_000; i++) out.u32(0);
  out.u8(0x0b).u8(0x0b);
}

export function repeat(out: ByteWriter, count: number, opcode: number): void {
  for (let i = 0; i < count; i++) out.u8(opcode);
  out.u8(0x0b);
}
