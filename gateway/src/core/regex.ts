import { setFlagsFromString } from 'node:v8';
import { RE2JS } from 're2js';
import { GatewayError } from './errors.ts';
import { LIMITS } from './limits.ts';

/**
 * A tenant's regular expression. Every call ends in time linear in its input; an input longer than `inputLimit` does
 * not match and is not rewritten.
 */
export interface Regex {
  /** As written. */
  readonly source: string;
  /** Number of capturing groups, which a replacement may name as `$1` … */
  readonly groupCount: number;
  /** Longest input that is looked at, in UTF-16 units: shorter for costly patterns. */
  readonly inputLimit: number;
  /** Steps for each character of input, at most; 1 to LIMITS.regexPatternLength. */
  readonly cost: number;
  /** Who runs it: V8 with its fallback to the linear engine, or re2js. */
  readonly engine: 'v8' | 're2';
  /** Whether the whole input matches. */
  test(input: string): boolean;
  /** Replaces every match; `$1`…`$99`, `$&` and `$$` in the replacement as in `String.prototype.replace`. */
  replace(input: string, replacement: string): string;
}

let enabled = false;

/**
 * Makes V8 fall back to its linear engine on excessive backtracking, and proves by a probe that it does. To be called
 * at the start of the process and of every worker, before the first pattern; `compileRegex` calls it if nobody has.
 * @throws GatewayError SLUICE_GATEWAY_INTERNAL when this build of Node has no such engine.
 */
export function enableLinearRegex(): void {
  if (enabled) return;
  setFlagsFromString('--enable-experimental-regexp-engine');
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  const begin = performance.now();
  // Without the fallback this takes seconds; with it, about a millisecond.
  const answer = /^(?:(a+)+)$/.test(`${'a'.repeat(30)}!`);
  if (answer || performance.now() - begin > 1000 || linearRefusal('a') !== null) {
    throw new GatewayError('SLUICE_GATEWAY_INTERNAL', 'this build of Node has no linear regular expression engine');
  }
  enabled = true;
}

/**
 * Compiles a tenant's pattern. What V8's linear engine accepts runs on V8; a pattern that begins with `(?i)`, repeats
 * more than 16 times or uses an escape that JavaScript lacks runs on re2js.
 * @throws GatewayError SLUICE_CONFIG_REGEX; its `detail` says what is wrong.
 */
export function compileRegex(source: string): Regex {
  enableLinearRegex();
  if (source.length > LIMITS.regexPatternLength) {
    throw refuse(`the pattern is longer than ${LIMITS.regexPatternLength} characters`);
  }
  const cost = Math.max(estimateCost(source), 1);
  if (cost > LIMITS.regexPatternLength) {
    throw refuse(
      `the pattern is too costly: its repetitions unfold to ${cost} steps, ${LIMITS.regexPatternLength} are allowed`,
    );
  }
  if (source.startsWith('(?i)') || RE2_ONLY.test(source)) return compileRe2(source, cost, null);
  const refusal = linearRefusal(source);
  if (refusal === null) return compileV8(source, cost);
  if (refusal === NOT_LINEAR || source.startsWith('(?')) return compileRe2(source, cost, refusal);
  throw refuse(refusal);
}

/**
 * What is wrong with a replacement for this pattern, or null: a group that the pattern does not have, or a lone `$`.
 */
export function replacementProblem(regex: Regex, replacement: string): string | null {
  for (const [reference] of replacement.matchAll(/\$(?:\d{1,2}|.)?/gs)) {
    if (reference === '$$' || reference === '$&') continue;
    const digits = /^\$(\d{1,2})$/.exec(reference)?.[1];
    if (digits === undefined) return `"${reference}" is not a group reference`;
    // As in JavaScript, $12 is group 1 and a 2 when there are fewer than twelve groups.
    const known = Number(digits) <= regex.groupCount || Number(digits[0]) <= regex.groupCount;
    if (!known || digits.startsWith('0')) return `the pattern has no group ${Number(digits)}`;
  }
  return null;
}

const NOT_LINEAR = 'look-around, back references and inline groups cannot be matched in linear time';

/** Escapes and classes that RE2 knows and JavaScript would silently read as plain letters or octal numbers. */
const RE2_ONLY = /\\[^dDwWsSbBtnrfvx\W_]|\[:/;

function linearRefusal(source: string): string | null {
  try {
    // oxlint-disable-next-line no-invalid-regexp -- the flag that `enableLinearRegex` switches on
    void new RegExp(source, 'l');
    return null;
  } catch (error) {
    const reason = (error as Error).message.replace(/^.*\/l: /s, '');
    return reason === 'Cannot be executed in linear time' ? NOT_LINEAR : reason;
  }
}

function refuse(reason: string): GatewayError {
  return new GatewayError('SLUICE_CONFIG_REGEX', reason);
}

function inputLimitOf(cost: number): number {
  return Math.min(LIMITS.regexInputLength, Math.floor(LIMITS.regexWork / cost));
}

function compileV8(source: string, cost: number): Regex {
  const inputLimit = inputLimitOf(cost);
  const whole = new RegExp(`^(?:${source})$`);
  const every = new RegExp(source, 'g');
  const groupCount = new RegExp(`${source}|`).exec('')!.length - 1;
  // V8 compiles on the first calls; better now than in a request.
  for (let i = 0; i < 2; i++) whole.test('');
  return {
    source,
    groupCount,
    inputLimit,
    cost,
    engine: 'v8',
    test: (input) => input.length <= inputLimit && whole.test(input),
    replace: (input, replacement) => (input.length <= inputLimit ? input.replace(every, replacement) : input),
  };
}

function compileRe2(source: string, cost: number, refusal: string | null): Regex {
  const inputLimit = inputLimitOf(cost);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    throw refuse(refusal ?? (error as Error).message.replace(/^error parsing regexp: /, ''));
  }
  compiled.testExact('');
  return {
    source,
    groupCount: compiled.groupCount(),
    inputLimit,
    cost,
    engine: 're2',
    test: (input) => input.length <= inputLimit && compiled.testExact(input),
    replace: (input, replacement) =>
      input.length <= inputLimit ? compiled.matcher(input).replaceAll(replacement) : input,
  };
}

/** How many steps a linear engine may take for one character of input: the pattern's length, repetitions unfolded. */
function estimateCost(source: string): number {
  const outer: number[] = [];
  let sum = 0;
  let last = 0;
  const tokens = /\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d+)(,(\d*))?\}|[^]/gs;
  for (const token of source.matchAll(tokens)) {
    const text = token[0];
    if (text === '(') {
      outer.push(sum);
      sum = 0;
    } else if (text === ')' && outer.length > 0) {
      last = sum + 1;
      sum = outer.pop()! + last;
    } else if (token[1] !== undefined) {
      const times = Math.max(Number(token[1]), Number(token[3] ?? '0'), 1);
      sum += last * (times - 1);
      last *= times;
    } else {
      sum += 1;
      if (!'*+?'.includes(text)) last = 1;
    }
  }
  return outer.reduce((total, part) => total + part, sum);
}
