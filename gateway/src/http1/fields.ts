import { FIELD } from './received-headers.ts';

/** Lines `name: value CRLF` and nothing else: a name is a token, its colon follows at once, no folding, no control byte. */
const FIELD_LINES = /(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*/y;

const SPACE = 0x20;
const TAB = 0x09;

/** Kept from head to head, so that a list is made in its length at once instead of growing. */
const found: number[] = [];

/**
 * Finds the fields between `start` and `end` (RFC 9112 §5), which must all be well-formed.
 *
 * @param text latin1; the lines end exactly at `end`
 * @returns `FIELD` numbers for each, or null when something between is no field line
 */
export function scanFields(text: string, start: number, end: number): number[] | null {
  FIELD_LINES.lastIndex = start;
  FIELD_LINES.test(text);
  if (FIELD_LINES.lastIndex !== end) return null;
  let count = 0;
  for (let line = start; line < end; ) {
    const colon = text.indexOf(':', line);
    const next = text.indexOf('\r\n', colon + 1);
    let from = colon + 1;
    let to = next;
    while (from < to && isBlank(text.charCodeAt(from))) from++;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
    found[count] = line;
    found[count + 1] = colon;
    found[count + 2] = from;
    found[count + 3] = to;
    count += FIELD;
    line = next + 2;
  }
  return found.slice(0, count);
}

/** Number of fields in a list of offsets. */
export function fieldCount(offsets: readonly number[]): number {
  return offsets.length / FIELD;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
