import { ByteWriter } from './binary.ts';
import { MANIFEST_SECTION } from './manifest.ts';

/** A manifest with as little in it as there can be. */
export const SMALL_MANIFEST = { name: 'small', version: '1.0.0', phases: [] as string[] };

/** The module with one more custom section. @param content an object is written as JSON */
export function withManifest(module: Uint8Array, content: object | string | Uint8Array): Uint8Array {
  const text = typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content);
  const payload = new ByteWriter().name(MANIFEST_SECTION).copy(Buffer.from(text as Uint8Array));
  return Uint8Array.from(new ByteWriter().copy(module).u8(0).sized(payload.view()).view());
}
