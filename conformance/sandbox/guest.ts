// Hostile guests in text format: what they have in common, so that each shows its attack alone.
import { pairsByteLength, writePairs } from '../../gateway/src/wasm/pairs.ts';
import { assemble, HOST_CALL_TYPES, type PluginText, pluginText } from '../../gateway/src/wasm/wat.suite.ts';
import { HOST_CALLS, signatureOf, WASI_CALLS } from './host-calls.ts';

/** Where the common data lie in the memory of a guest; slots for results from `SLOTS` on. */
export const TEXT_AT = 0;
export const TEXT = 'x-any';
export const SERVICE_AT = 16;
/** A service of the tenant. */
export const SERVICE = 'echo';
export const PAIRS_AT = 64;
/** The head of a callout. */
export const PAIRS = [':method', 'GET', ':path', '/', ':authority', 'echo'];
export const PAIRS_LENGTH = pairsByteLength(PAIRS);
export const SLOTS = 1024;
/** Free for attacks. */
export const SPACE = 4096;

/** Bytes as a string of the text format. */
export function quoted(bytes: Uint8Array): string {
  return `"${[...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}"`;
}

/** A data segment. */
export function data(at: number, content: string | Uint8Array): string {
  return `(data (i32.const ${at}) ${quoted(typeof content === 'string' ? Buffer.from(content, 'latin1') : content)})`;
}

/** A serialised map. */
export function mapBytes(pairs: readonly string[]): Buffer {
  const bytes = Buffer.alloc(pairsByteLength(pairs));
  writePairs(pairs, bytes, 0);
  return bytes;
}

const COMMON = `${data(TEXT_AT, TEXT)} ${data(SERVICE_AT, SERVICE)} ${data(PAIRS_AT, mapBytes(PAIRS))}`;

/** Allocates nothing: always the same place. */
export const SAME_PLACE = '(i32.const 40000)';

/**
 * A plugin in text format. `$name` calls a host call without its `proxy_` prefix, `$wasi_name` one of WASI; every one that
 * there is may be used.
 */
export function guestText(text: PluginText): string {
  const all = [...Object.values(text.callbacks ?? {}), text.fields ?? '', text.allocator ?? ''].join(' ');
  const used = (name: string): boolean => new RegExp(`\\$${name}[ )]`).test(all);
  const lines: string[] = [text.imports ?? ''];
  for (const name of Object.keys(HOST_CALLS)) {
    const short = name.replace('proxy_', '');
    if (Object.hasOwn(HOST_CALL_TYPES, name) || !used(short)) continue;
    lines.push(`(import "env" "${name}" (func $${short} ${signatureOf(HOST_CALLS[name]!)}))`);
  }
  for (const name of Object.keys(WASI_CALLS)) {
    if (!used(`wasi_${name}`)) continue;
    const type = signatureOf(WASI_CALLS[name]!);
    lines.push(`(import "wasi_snapshot_preview1" "${name}" (func $wasi_${name} ${type}))`);
  }
  return pluginText({ ...text, imports: lines.join('\n'), fields: `${text.fields ?? ''} ${COMMON}` });
}

export function guest(text: PluginText): Uint8Array {
  return assemble(guestText(text));
}

/** One that does something to each request. */
export function onRequest(body: string, fields = '', more: Partial<PluginText> = {}): () => Uint8Array {
  return () => guest({ callbacks: { proxy_on_request_headers: body }, fields, ...more });
}

export const FOREVER = '(loop (br 0))';
export const CONTINUE = '(i32.const 0)';
export const TRAP = '(unreachable)';

/** Traps unless the expression is true. */
export function must(condition: string): string {
  return `(if (i32.eqz ${condition}) (then (unreachable)))`;
}

/** Does it again until the guest has run out of fuel. */
export function endless(body: string): string {
  return `(loop ${body} (br 0))`;
}

/** Does it so many times. Needs the local `$i` of `counting`. */
export function times(count: number, body: string): string {
  return `(loop ${body} (global.set $i (i32.add (global.get $i) (i32.const 1)))
    (br_if 0 (i32.lt_u (global.get $i) (i32.const ${count})))) (global.set $i (i32.const 0))`;
}

/** The counter of `times`. */
export const COUNTER = '(global $i (mut i32) (i32.const 0))';

/** Looks a header up that is there. */
export const GET = `(call $get_header_map_value (i32.const 0) (i32.const ${TEXT_AT}) (i32.const 5) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4}))`;

/** Sends an HTTP callout to the tenant's service. */
export const HTTP_CALL = `(call $http_call (i32.const ${SERVICE_AT}) (i32.const 4) (i32.const ${PAIRS_AT}) (i32.const ${PAIRS_LENGTH})
  (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5000) (i32.const ${SLOTS}))`;
