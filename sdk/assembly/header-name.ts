import { utf8 } from './memory';
import { lowerCode } from './scratch';

/** True for `!#$%&'*+-.^_|~`, the backtick, digits and letters: the characters of a header name (RFC 9110 §5.6.2). */
function isTokenCode(code: i32): bool {
  if (code >= 0x61 && code <= 0x7a) return true;
  if (code >= 0x30 && code <= 0x39) return true;
  if (code >= 0x41 && code <= 0x5a) return true;
  if (code >= 0x5e && code <= 0x60) return true;
  if (code >= 0x23 && code <= 0x27) return true;
  return code == 0x21 || code == 0x2a || code == 0x2b || code == 0x2d || code == 0x2e || code == 0x7c || code == 0x7e;
}

/** True when `text` can be the name of a header; pseudo headers such as `:path` are not. */
export function isHeaderName(text: string): bool {
  for (let i = 0; i < text.length; i++) if (!isTokenCode(text.charCodeAt(i))) return false;
  return text.length > 0;
}

/** Lower-case bytes of a header name for the `…Bytes` methods, or null when `text` cannot be one. */
export function encodeHeaderName(text: string): ArrayBuffer | null {
  if (!isHeaderName(text)) return null;
  const bytes = utf8(text);
  const start = changetype<usize>(bytes);
  for (let i: usize = 0; i < <usize>bytes.byteLength; i++) {
    store<u8>(start + i, lowerCode(load<u8>(start + i)));
  }
  return bytes;
}
