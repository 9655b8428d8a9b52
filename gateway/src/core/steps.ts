/**
 * Work in steps: each `yield` is a place where it may rest while the event loop does something else. What it has done
 * so far must not show until it has returned.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Takes all steps at once. */
export function runThrough<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Items that are sorted or merged in one step: some tenths of a millisecond. */
const RUN = 256;

/** Sorts a list in place, equal items as they were, in steps that are short however long the list is. */
export function* sortSteps<T>(list: T[], compare: (a: T, b: T) => number): Steps<void> {
  for (let start = 0; start < list.length; start += RUN) {
    const run = list.slice(start, start + RUN).sort(compare);
    for (const [index, item] of run.entries()) list[start + index] = item;
    yield;
  }
  for (let width = RUN; width < list.length; width *= 2) yield* mergeRuns(list, width, compare);
}

/** Makes runs of twice the width of sorted ones. */
function* mergeRuns<T>(list: T[], width: number, compare: (a: T, b: T) => number): Steps<void> {
  const from = list.slice();
  let to = 0;
  for (let start = 0; start < list.length; start += 2 * width) {
    const middle = Math.min(start + width, list.length);
    const end = Math.min(middle + width, list.length);
    for (let a = start, b = middle; a < middle || b < end; ) {
      const takeA = b === end || (a < middle && compare(from[a]!, from[b]!) <= 0);
      list[to++] = from[takeA ? a++ : b++]!;
      if (to % RUN === 0) yield;
    }
  }
}
