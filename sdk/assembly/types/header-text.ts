import { utf8 } from './text';

/** An ASCII capital as its small letter; every other code as it is. */
// @ts-ignore: decorator
@inline
export function lowerCode(code: u32): u32 {
  return code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
}

/** True for the bytes that no header value may hold. */
// @ts-ignore: decorator
@inline
export function endsLine(code: u32): bool {
  return code <= 0x0d && (code == 0x0d || code == 0x0a || code == 0);
}

/** True for `!#$%&'*+-.^_|~`, the backtick, digits and letters: the characters of a header name (RFC 9110 §5.6.2). */
function isTokenCode(code: i32): bool {
  if (code >= 0x61 && code <= 0x7a) return true;
  if (code >= 0x30 && code <= 0x39) return true;
  if (code >= 0x41 && code <= 0x5a) return true;
  if (code >= 0x5e && code <= 0x60) return true;
  if (code >= 0x23 && code <= 0x27) return true;
  return code == 0x21 || code == 0x2a || code == 0x2b || code == 0x2d || code == 0x2e || code == 0x7c || code == 0x7e;
}

/**
 * True when `text` can be the name of a header; pseudo headers such as `:path` are not.
 * @example in a plugin
 * if (!isHeaderName(configuration)) return this.refuse('the configuration must be the name of a header');
 */
export function isHeaderName(text: string): bool {
  for (let i = 0; i < text.length; i++) if (!isTokenCode(text.charCodeAt(i))) return false;
  return text.length > 0;
}

/**
 * True when the bytes can be the value of a header: none of them is CR, LF or NUL, which would end its line.
 * @example in a plugin
 * if (!isHeaderValue(utf8(configuration))) return this.refuse('the configuration must fit into one line');
 */
export function isHeaderValue(bytes: ArrayBuffer): bool {
  const from = changetype<usize>(bytes);
  for (let i: usize = 0; i < <usize>bytes.byteLength; i++) if (endsLine(load<u8>(from + i))) return false;
  return true;
}

/**
 * Lower-case bytes of a header name for the `…Bytes` methods, or null when `text` cannot be one.
 * @example in a plugin
 * const name = encodeHeaderName(configuration);
 * if (!name) return this.refuse('the configuration must be the name of a header');
 */
export function encodeHeaderName(text: string): ArrayBuffer | null {
  if (!isHeaderName(text)) return null;
  const bytes = utf8(text);
  const start = changetype<usize>(bytes);
  for (let i: usize = 0; i < <usize>bytes.byteLength; i++) {
    store<u8>(start + i, lowerCode(load<u8>(start + i)));
  }
  return bytes;
}

/** True when two header names are the same but for the case of ASCII letters. */
export function sameName(a: string, b: string): bool {
  if (a.length != b.length) return false;
  for (let i = 0; i < a.length; i++) if (lowerCode(a.charCodeAt(i)) != lowerCode(b.charCodeAt(i))) return false;
  return true;
}
