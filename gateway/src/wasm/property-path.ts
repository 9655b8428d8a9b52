/** A path without the NUL that some SDKs end it with: segments separated by NULs. */
export function propertyKey(path: string): string {
  return path.endsWith('\0') ? path.slice(0, -1) : path;
}

/** The key that a dotted one may stand for, such as `request.path`; null: it has several segments, or no dot. */
export function undotted(key: string): string | null {
  return key.includes('\0') || !key.includes('.') ? null : key.replaceAll('.', '\0');
}

/** Protobuf of Envoy's `Node`, as far as it is known: `{ string id = 1; string cluster = 2; }`, in latin1. */
export function nodeMessage(id: string, cluster: string): string {
  return `\x0a${lengthOf(id)}${id}\x12${lengthOf(cluster)}${cluster}`;
}

/** A length as protobuf writes it. */
function lengthOf(text: string): string {
  let rest = text.length;
  let bytes = '';
  for (; rest > 0x7f; rest >>>= 7) bytes += String.fromCharCode((rest & 0x7f) | 0x80);
  return bytes + String.fromCharCode(rest);
}
