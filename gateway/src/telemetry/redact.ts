/** Keys whose values are never written, whatever they hold. */
const SECRET_KEY = /passw(?:or)?d|passphrase|secret|token|authorization|cookie|api[-_]?key|credential|private[-_]?key/i;
const CENSORED = '[redacted]';

const MAX_DEPTH = 4;
const MAX_ITEMS = 50;
const MAX_TEXT = 1500;

/**
 * A copy of a log line's fields that JSON can hold: secret-like keys censored, errors unfolded with code and cause, and
 * depth, items and texts bounded. Getters that throw and cycles do no harm.
 */
export function redact(fields: object): Record<string, unknown> {
  return copyObject(fields, MAX_DEPTH);
}

function copyObject(value: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  let items = 0;
  for (const key of Object.keys(value)) {
    if (++items > MAX_ITEMS) break;
    copy[key] = SECRET_KEY.test(key) ? CENSORED : copyProperty(value, key, depth);
  }
  return copy;
}

function copyProperty(owner: object, key: string, depth: number): unknown {
  try {
    return copyValue((owner as Record<string, unknown>)[key], depth);
  } catch (error) {
    return `[unreadable: ${String(error)}]`;
  }
}

function copyValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return copyError(value, depth);
  if (depth === 0) return Array.isArray(value) ? '[array]' : '[object]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Map) return copyObject(Object.fromEntries(value) as object, depth - 1);
  if (value instanceof Set || Array.isArray(value)) {
    return [...value].slice(0, MAX_ITEMS).map((item) => copyValue(item, depth - 1));
  }
  return copyObject(value, depth - 1);
}

function copyError(error: Error, depth: number): Record<string, unknown> {
  const code = (error as NodeJS.ErrnoException).code;
  return {
    type: error.name,
    message: copyValue(error.message, 0),
    ...(code === undefined ? {} : { code }),
    stack: copyValue(error.stack, 0),
    ...(error.cause === undefined || depth === 0 ? {} : { cause: copyValue(error.cause, depth - 1) }),
  };
}
