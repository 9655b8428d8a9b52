import { LogLevel } from './types/log-level';

// @ts-ignore: decorator
@external('env', 'proxy_log')
declare function proxy_log(level: i32, message: usize, size: usize): i32;

const CAPACITY = 1024;
/** Static, because the heap may be what has just failed. */
const LINE: usize = memory.data(CAPACITY);

/** What `throw`, a failed check of the standard library and a failed allocation end in: one log line, then a trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  let at = LINE;
  if (file) at = putText(at, file);
  store<u8>(at++, 0x3a);
  at = putNumber(at, line);
  store<u8>(at++, 0x3a);
  at = putNumber(at, column);
  store<u16>(at, 0x203a);
  at += 2;
  if (message) at = putText(at, message);
  proxy_log(LogLevel.Critical, LINE, at - LINE);
  unreachable();
}

/** Writes the text as UTF-8, at most 400 characters of it. */
function putText(at: usize, text: string): usize {
  const length = min(text.length, 400);
  const room = CAPACITY - 32 - <i32>(at - LINE);
  const fits = length * 3 > room ? room / 3 : length;
  return at + String.UTF8.encodeUnsafe(changetype<usize>(text), fits, at, false, String.UTF8.ErrorMode.REPLACE);
}

function putNumber(at: usize, value: u32): usize {
  if (value >= 10) at = putNumber(at, value / 10);
  store<u8>(at, 0x30 + (value % 10));
  return at + 1;
}
