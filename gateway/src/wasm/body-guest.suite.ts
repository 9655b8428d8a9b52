import type { PluginText } from './wat.suite.ts';

/** Callbacks of bodies and trailers, by the letter that a guest logs for them. */
const LETTERS = {
  q: 'proxy_on_request_headers',
  b: 'proxy_on_request_body',
  t: 'proxy_on_request_trailers',
  Q: 'proxy_on_response_headers',
  B: 'proxy_on_response_body',
  T: 'proxy_on_response_trailers',
} as const;
type Letter = keyof typeof LETTERS;

/** Logs a letter and a number in five digits, and `!` at the end of a stream. */
const NOTE = `(func $note (param $letter i32) (param $size i32) (param $end i32) (local $at i32)
  (i32.store8 (i32.const 200) (local.get $letter))
  (local.set $at (i32.const 205))
  (loop $next
    (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $size) (i32.const 10))))
    (local.set $size (i32.div_u (local.get $size) (i32.const 10)))
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (br_if $next (i32.gt_u (local.get $at) (i32.const 200))))
  (i32.store8 (i32.const 206) (if (result i32) (local.get $end) (then (i32.const 33)) (else (i32.const 46))))
  (drop (call $log (i32.const 2) (i32.const 200) (i32.const 7))))`;

/**
 * A guest that logs its callbacks, such as `b00005!` for a request body of five bytes at its end, and answers what the
 * bodies given here leave on the stack; local 1 is the size, local 2 the end of the stream.
 */
export function notingGuest(answers: Partial<Record<Letter, string>>, more: PluginText = {}): PluginText {
  const callbacks: Record<string, string> = { ...more.callbacks };
  for (const [letter, answer] of Object.entries(answers)) {
    const end = letter.toLowerCase() === 't' ? '(i32.const 0)' : '(local.get 2)';
    const note = `(call $note (i32.const ${letter.charCodeAt(0)}) (local.get 1) ${end})`;
    callbacks[LETTERS[letter as Letter]] = `${note} ${answer}`;
  }
  return { ...more, callbacks, fields: `${NOTE} ${more.fields ?? ''}` };
}

/** Continues at the end of the stream only. */
export const UNTIL_END = '(i32.eqz (local.get 2))';
export const CONTINUES = '(i32.const 0)';

/** Answers `action` at the end of the stream after doing something, before that 1. */
export function atEnd(act: string, action = 0): string {
  return `(if (result i32) (local.get 2) (then ${act} (i32.const ${action})) (else (i32.const 1)))`;
}

/** Splices the data at `at` into a buffer; fails unless the answer is `expected`. */
export function splice(
  buffer: 0 | 1,
  start: number,
  length: number,
  [at, size]: readonly [number, number],
  expected = 0,
): string {
  const call = `(call $set_buffer_bytes (i32.const ${buffer}) (i32.const ${start}) (i32.const ${length}) (i32.const ${at}) (i32.const ${size}))`;
  return `(if (i32.ne ${call} (i32.const ${expected})) (then (unreachable)))`;
}
