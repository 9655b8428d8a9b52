import type { HeaderList } from '../exchange/headers.ts';
import type { PropertyValue } from '../wasm/host.ts';
import { pairsByteLength, writePairs } from '../wasm/pairs.ts';

export const NS_PER_MS = 1_000_000;

/** Integers and durations (nanoseconds): 8 bytes, little-endian. */
export function int(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(Math.round(value)));
  return bytes;
}

/** A time of whole milliseconds as nanoseconds: beyond what a number holds exactly. */
export function timestamp(milliseconds: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(Math.round(milliseconds)) * BigInt(NS_PER_MS));
  return bytes;
}

export function bool(value: boolean): Uint8Array {
  return Buffer.of(value ? 1 : 0);
}

/** A map, as serialised pairs. @param pairs flat `[name, value, …]` in latin1 */
export function map(pairs: readonly string[]): Uint8Array {
  const bytes = Buffer.alloc(pairsByteLength(pairs));
  writePairs(pairs, bytes, 0);
  return bytes;
}

/** Text of the configuration as bytes of UTF-8, one character each. */
export function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** '' counts as nothing. */
export function textOrNull(text: string): PropertyValue | null {
  return text === '' ? null : text;
}

/** One field, its values joined by commas, or all of them with the pseudo headers that go before. */
export function fields(list: HeaderList | null, pseudo: readonly string[], name?: string): PropertyValue | null {
  if (list === null) return null;
  if (name !== undefined) return field(list, pseudo, name.toLowerCase());
  const pairs = [...pseudo];
  for (let i = 0; i < list.size; i++) pairs.push(list.nameAt(i).toLowerCase(), list.valueAt(i));
  return map(pairs);
}

function field(list: HeaderList, pseudo: readonly string[], name: string): PropertyValue | null {
  for (let i = 0; i < pseudo.length; i += 2) if (pseudo[i] === name) return pseudo[i + 1]!;
  const values = list.getAll(name);
  return values.length === 0 ? null : values.join(',');
}

/** Bytes of names and values. */
export function fieldBytes(list: HeaderList | null): number {
  let bytes = 0;
  if (list !== null) for (const text of list.toPairs()) bytes += text.length;
  return bytes;
}
