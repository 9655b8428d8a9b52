// Waiting and checking, so that whatever fails says what was expected and what was seen.
import { setTimeout as sleep } from 'node:timers/promises';

/** A promise of the suite does not hold. */
export class Unmet extends Error {
  constructor(expected: string, seen: unknown) {
    super(`expected ${expected}; seen: ${inWords(seen)}`);
    this.name = 'Unmet';
  }
}

/** @throws Unmet unless `holds`. */
export function check(holds: boolean, expected: string, seen: unknown): void {
  if (!holds) throw new Unmet(expected, seen);
}

/**
 * Looks every 20 ms until what is seen passes the test, and resolves to it. A failed look counts as not yet.
 * @throws Unmet after `withinMs` (default 10 000), with what was seen last.
 */
export async function until<T>(
  expected: string,
  look: () => T | Promise<T>,
  test: (seen: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let seen: T | Error;
    try {
      seen = await look();
      if (test(seen)) return seen;
    } catch (error) {
      seen = error as Error;
    }
    if (performance.now() > deadline) throw new Unmet(`${expected} within ${withinMs} ms`, seen);
    await sleep(20);
  }
}

/** `work`, or a failure when it takes longer. */
export async function within<T>(withinMs: number, expected: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Unmet(`${expected} within ${withinMs} ms`, 'nothing yet')), withinMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function inWords(seen: unknown): string {
  if (seen instanceof Error) return String(seen);
  return typeof seen === 'string' ? seen : (JSON.stringify(seen)?.slice(0, 2_000) ?? String(seen));
}
