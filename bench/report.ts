import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Result } from './result.ts';
import { asMarkdown, tablesOf } from './tables.ts';

const ROOT = join(import.meta.dirname, '..');
const BEGIN = '<!-- figures: npm run bench -- --report FILE -->';
const END = '<!-- end of figures -->';

/** Where figures go: those of the SDK stand with it. */
const PAGES: readonly { readonly page: string; readonly holds: (scenario: string) => boolean }[] = [
  { page: join(ROOT, 'docs/performance.md'), holds: (scenario) => scenario !== 'sdk' },
  { page: join(ROOT, 'sdk/README.md'), holds: (scenario) => scenario === 'sdk' },
];

/** Puts the figures of a JSON file into the documentation. @throws Error when file or page is not what it should be */
export async function writeReport(file: string): Promise<void> {
  const result = JSON.parse(await readFile(file, 'utf8')) as Result;
  for (const { page, holds } of PAGES) {
    const part = partOf(result, holds);
    if (part !== null) await writeFile(page, withFigures(await readFile(page, 'utf8'), part));
  }
}

/** What a result has of some scenarios; null: nothing. */
export function partOf(result: Result, holds: (scenario: string) => boolean): Result | null {
  const own = <T extends { readonly scenario: string }>(all: readonly T[]): T[] =>
    all.filter((it) => holds(it.scenario));
  const { runs, ratios, figures, goals, skipped } = result;
  const part = {
    runs: own(runs),
    ratios: own(ratios),
    figures: own(figures),
    goals: own(goals),
    skipped: own(skipped),
  };
  return part.runs.length + part.figures.length === 0 ? null : { ...result, ...part };
}

/** A page with what stands between its two marks made anew. @throws Error when it has no such marks */
export function withFigures(page: string, result: Result): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`the page has no place for figures: ${BEGIN} … ${END}`);
  const figures = [heading(result), ...tablesOf(result).map(asMarkdown)].join('\n\n');
  return `${page.slice(0, begin + BEGIN.length)}\n\n${figures}\n\n${page.slice(end)}`;
}

function heading({ command, measuredAt, machine, versions }: Result): string {
  const { cpu, cores, memoryGiB, system, loadAverage, pinning } = machine;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const place =
    pinning === null ? 'nothing pinned' : `subject on core ${pinning.subject}, all else on ${pinning.others}`;
  return [
    `- Command: \`${command}\`, ${measuredAt.slice(0, 10)}`,
    `- Machine: ${cpu}, ${cores} cores (${place}), ${memoryGiB} GiB, ${system}, load average before ${loadAverage.join(', ')}`,
    `- Versions: ${programs.join(', ')}`,
  ].join('\n');
}
