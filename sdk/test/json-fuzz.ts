import type { Random } from '../../conformance/fuzz/random.ts';
import type { Parsed } from './json-guest.ts';

/**
 * Reads a text as `JSON.parse` does. @returns whether it is a document
 * @throws Error when the two differ in what they take or in what they read
 */
export function compare(read: (text: string) => Parsed, text: string): boolean {
  let expected: { value: unknown } | null;
  try {
    expected = { value: JSON.parse(text) };
  } catch {
    expected = null;
  }
  const parsed = read(text);
  if ('value' in parsed !== (expected !== null)) {
    throw new Error(`${expected ? 'refused' : 'took'} ${text}${'error' in parsed ? `: ${parsed.error}` : ''}`);
  }
  if (expected && 'value' in parsed && !isSame(parsed.value, expected.value))
    throw new Error(`read otherwise: ${text}`);
  return expected !== null;
}

/** Powers of ten up to which AssemblyScript's conversion of text to numbers is precise. */
const EXACT_DIGITS = 22;

/** Equality that tells -0 from 0; numbers count to the precision of AssemblyScript's conversion. */
function isSame(actual: unknown, expected: unknown): boolean {
  if (typeof expected === 'number' && Number.isFinite(expected) && expected !== 0) {
    const far = Math.abs(Math.log10(Math.abs(expected))) > EXACT_DIGITS;
    return far ? typeof actual === 'number' : Math.abs((actual as number) - expected) / Math.abs(expected) <= 1e-12;
  }
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected);
  const keys = Object.keys(expected);
  if (typeof actual !== 'object' || actual === null || Object.keys(actual).join() !== keys.join()) return false;
  return keys.every((key) =>
    isSame((actual as Record<string, unknown>)[key], (expected as Record<string, unknown>)[key]),
  );
}

/** A document. */
export function generated(random: Random): string {
  return JSON.stringify(documentOf(random, 0), null, random.below(3));
}

/** A document with up to three damages, which it may survive. */
export function damaged(random: Random): string {
  let text = JSON.stringify(documentOf(random, 2));
  for (let i = random.below(3); i >= 0; i--) {
    const at = random.below(text.length + 1);
    text = text.slice(0, at) + random.pick(INSERTED) + text.slice(at + random.below(3));
  }
  return text;
}

const INSERTED = [
  '',
  ...'{}[]",:\\0123456789.eE+-tfn u\n'.split(''),
  '\\u00e9',
  '\\ud83d',
  'null',
  '1e5',
  '""',
  '{"a":1}',
  '\u2028',
  '\0',
];

function documentOf(random: Random, depth: number): unknown {
  switch (random.below(depth > 4 ? 5 : 7)) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
      return random.below(2 ** 31) - 2 ** 30;
    case 2:
      return (random.below(2 ** 31) - 2 ** 30) / 2 ** random.below(60);
    case 3:
      return random.below(2 ** 31) * 10 ** (random.below(40) - 20);
    case 4:
      return textOf(random);
    case 5:
      return Array.from({ length: random.below(4) }, () => documentOf(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, (_, i) => [`${textOf(random)}-${i}`, documentOf(random, depth + 1)]),
      );
  }
}

function textOf(random: Random): string {
  const unit = (): number => random.below(random.chance(50) ? 0x80 : 0x10000);
  return String.fromCharCode(...Array.from({ length: random.below(6) }, unit));
}
