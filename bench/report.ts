import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Result } from './result.ts';
import { asMarkdown, tablesOf } from './tables.ts';

const PAGE = join(import.meta.dirname, '../docs/performance.md');
const BEGIN = '<!-- figures: npm run bench -- --report FILE -->';
const END = '<!-- end of figures -->';

/** Puts the figures of a JSON file into the documentation. @throws Error when file or page is not what it should be */
export async function writeReport(file: string): Promise<void> {
  const result = JSON.parse(await readFile(file, 'utf8')) as Result;
  await writeFile(PAGE, withFigures(await readFile(PAGE, 'utf8'), result));
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
