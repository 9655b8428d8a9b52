const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const ONES: u64 = 0x0101010101010101;
const TOPS: u64 = 0x8080808080808080;
const SPACES: u64 = 0x2020202020202020;
const QUOTES: u64 = 0x2222222222222222;
const BACKSLASHES: u64 = 0x5c5c5c5c5c5c5c5c;

/** The first byte of a string that does not stand for itself: a quote, a backslash, a control character; or the end. */
// @ts-ignore: decorator
@inline
export function endOfPlain(at: usize, end: usize): usize {
  while (at + 8 <= end) {
    const bytes = load<u64>(at);
    // The top bit of each byte that is less than a blank, or equal to one of the two; bytes from 0x80 on are neither.
    const found = ((bytes - SPACES) | ((bytes ^ QUOTES) - ONES) | ((bytes ^ BACKSLASHES) - ONES)) & ~bytes & TOPS;
    if (found) return at + <usize>(ctz(found) >> 3);
    at += 8;
  }
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
  while (at + 8 <= end && load<u64>(at) == SPACES) at += 8;
  while (at < end && load<u8>(at) == 0x20) at++;
  return at;
}
