/** The known word nearest to `word`, or undefined when none is near enough to be what was meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // Of numbers and versions each neighbour is as near as the other.
  if (/^[\d.]+$/.test(word)) return undefined;
  const limit = word.length <= 4 ? 1 : Math.min(3, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(plain(word), plain(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? longer(word, known);
}

/** The one known word of which `word` is the beginning: `cert` for `certFile`. */
function longer(word: string, known: readonly string[]): string | undefined {
  const candidates = word.length < 3 ? [] : known.filter((candidate) => plain(candidate).startsWith(plain(word)));
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** The remedy for a word that is not known: the nearest one, or all of them. */
export function suggest(word: string, known: readonly string[], empty: string): string {
  const near = nearest(word.slice(0, 64), known);
  if (near !== undefined) return `did you mean ${near}?`;
  if (known.length === 0) return empty;
  const shown = known.slice(0, 20).join(', ');
  return `known here: ${shown}${known.length > 20 ? ' …' : ''}`;
}

/** `per-try`, `per_try` and `perTry` are the same slip. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, '');
}

/** Edits of one character, or of two neighbours that changed places, from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
