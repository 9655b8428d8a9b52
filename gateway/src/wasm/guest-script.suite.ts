import { pairsByteLength, writePairs } from './pairs.ts';

/** Texts of a guest in text format: `of` answers address and length, and `fields` holds the data. */
export class GuestTexts {
  fields = '';
  #at = 1024;

  of(text: string): string {
    const bytes = [...Buffer.from(text, 'latin1')].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
    this.fields += `(data (i32.const ${this.#at}) "${bytes}")\n`;
    const span = `(i32.const ${this.#at}) (i32.const ${text.length})`;
    this.#at += text.length;
    return span;
  }

  /** A map as guests hand it over. */
  pairs(...texts: string[]): string {
    const bytes = Buffer.alloc(pairsByteLength(texts));
    writePairs(texts, bytes, 0);
    return this.of(bytes.toString('latin1'));
  }
}

/** Out slots, and what they hold. */
export const OUT = '(i32.const 64) (i32.const 68)';
export const RESULT = '(i32.load (i32.const 64)) (i32.load (i32.const 68))';
export const NO_BYTES = '(i32.const 0) (i32.const 0)';

/** Makes a call that must answer `status`; anything else traps. */
export function must(call: string, status = 0): string {
  return `(if (i32.ne ${call} (i32.const ${status})) (then (unreachable)))`;
}

/** Sets a field of a map. */
export function setField(texts: GuestTexts, map: number, name: string, value: string): string {
  return must(`(call $replace_header_map_value (i32.const ${map}) ${texts.of(name)} ${texts.of(value)})`);
}

/** Does something if the request has a field. */
export function ifField(texts: GuestTexts, name: string, act: string): string {
  return `(if (i32.eqz (call $get_header_map_value (i32.const 0) ${texts.of(name)} ${OUT})) (then ${act}))`;
}

/** Copies a property into a field of a map; an absent one leaves it out. */
export function showProperty(texts: GuestTexts, property: string, map: number, name: string): string {
  return `(if (i32.eqz (call $get_property ${texts.of(property)} ${OUT}))
    (then ${must(`(call $replace_header_map_value (i32.const ${map}) ${texts.of(name)} ${RESULT})`)}))`;
}
