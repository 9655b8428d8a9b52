/** Everything but printable ASCII, the quote and the backslash. */
const UNSAFE = /[^ !#-[\]-~]/;

const ESCAPES: readonly string[] = Array.from({ length: 256 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (!UNSAFE.test(char)) return char;
  if (char === '"') return '\\"';
  if (char === '\\') return '\\\\';
  return unicodeEscape(code);
});

function unicodeEscape(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * The inside of a JSON string, in printable ASCII alone: header values are bytes of unknown encoding, and neither they
 * nor lone surrogates may break a line or a reader of it. Parses back to exactly `text`, or to its first `limit`
 * UTF-16 units.
 */
export function jsonText(text: string, limit: number): string {
  const value = text.length > limit ? text.slice(0, limit) : text;
  return UNSAFE.test(value) ? escapeAll(value) : value;
}

function escapeAll(value: string): string {
  let out = '';
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    out += code < 256 ? ESCAPES[code]! : unicodeEscape(code);
  }
  return out;
}
