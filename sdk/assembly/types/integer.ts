/** More digits may not fit into 64 bits. */
const MOST_DIGITS = 18;

/** The decimal number that `text` is, `fallback` when it is none: digits, up to 18, with a minus sign before them or not. */
export function parseInteger(text: string, fallback: i64): i64 {
  const negative = text.length > 0 && text.charCodeAt(0) == 0x2d;
  const first = negative ? 1 : 0;
  const digits = text.length - first;
  if (digits < 1 || digits > MOST_DIGITS) return fallback;
  let value: i64 = 0;
  for (let i = first; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (<u32>digit > 9) return fallback;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Characters of the longest number. */
const LONGEST: usize = 20;

/** The number in decimal. `toString` of the standard library knows 35 bases, and takes up to a kilobyte of the module. */
export function decimal(value: i64): string {
  const text = __new(LONGEST << 1, idof<string>());
  let at = LONGEST;
  let rest: u64 = value < 0 ? -value : value;
  do {
    store<u16>(text + (--at << 1), 0x30 + (rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) store<u16>(text + (--at << 1), 0x2d);
  return changetype<string>(text).substring(<i32>at);
}
