const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Each of these bytes eight times. */
const X01: u64 = 0x0101010101010101;
const X02: u64 = 0x0202020202020202;
const X20: u64 = 0x2020202020202020;
const X21: u64 = 0x2121212121212121;
const X5C: u64 = 0x5c5c5c5c5c5c5c5c;
const X80: u64 = 0x8080808080808080;

/** The first byte of a string that does not stand for itself: a quote, a backslash, a control character; or the end. */
// @ts-ignore: decorator
@inline
export function endOfPlain(at: usize, end: usize): usize {
  let found: u64 = 0;
  for (; at + 8 <= end; at += 8) {
    const bytes = load<u64>(at);
    // The top bit of each byte that is a backslash, or that with its second bit turned is at most 0x20: those below 0x20,
    // and the quote. What lies beyond the first one found may be wrong; bytes from 0x80 on are none of them.
    found = (((bytes ^ X02) - X21) | ((bytes ^ X5C) - X01)) & ~bytes & X80;
    if (found) break;
  }
  if (found) return at + <usize>(ctz(found) >> 3);
  for (; at < end; at++) {
    const byte: u32 = load<u8>(at);
    if (byte < 0x20 || byte == QUOTE || byte == BACKSLASH) break;
  }
  return at;
}

/** The first byte that is no space; or the end. */
// @ts-ignore: decorator
@inline
export function endOfSpaces(at: usize, end: usize): usize {
  while (at + 8 <= end && load<u64>(at) == X20) at += 8;
  while (at < end && load<u8>(at) == 0x20) at++;
  return at;
}
