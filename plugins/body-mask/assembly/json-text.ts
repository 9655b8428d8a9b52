import { JsonKind, JsonValue } from '@sluice/plugin-sdk';

/** A value as it stands in a document; null for objects and lists. */
export function jsonText(value: JsonValue): string | null {
  if (value.kind == JsonKind.String) return quoted(value.text);
  return value.kind == JsonKind.Object || value.kind == JsonKind.Array ? null : value.text;
}

function quoted(text: string): string {
  let result = '"';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20) result += '\\u00' + (code < 0x10 ? '0' : '1') + '0123456789abcdef'.charAt(code & 15);
    else if (code == 0x22 || code == 0x5c) result += '\\' + String.fromCharCode(code);
    else result += String.fromCharCode(code);
  }
  return result + '"';
}
