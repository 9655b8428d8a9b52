import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from './problem.ts';

/** One broken configuration of a collection. */
export interface BrokenCase {
  readonly title: string;
  /** The whole file: what all cases of the collection begin with, and the case's own lines. */
  readonly text: string;
  /** Its own lines. */
  readonly lines: string;
}

/**
 * A file of `broken/`: a comment, the lines that all its cases begin with, then the cases. A case is a line with `---`
 * and its title, the configuration, and a line with `=>` for each problem.
 */
export interface Collection {
  readonly name: string;
  readonly path: string;
  readonly comment: string;
  readonly base: string;
  readonly cases: readonly BrokenCase[];
}

const FOLDER = join(import.meta.dirname, 'broken');

/** All collections, by name. */
export function readCollections(): Collection[] {
  const names = readdirSync(FOLDER).sort();
  return names.map((name) => {
    const path = join(FOLDER, name);
    const [head = '', ...rest] = readFileSync(path, 'utf8').split(/^--- (?=.)/m);
    const [comment = ''] = head.split('\n', 1);
    const base = head.slice(comment.length + 1);
    return { name, path, comment, base, cases: rest.map((text) => readCase(text, base)) };
  });
}

function readCase(text: string, base: string): BrokenCase {
  const [title = ''] = text.split('\n', 1);
  const lines = text.slice(title.length + 1).replaceAll(/^=> .*\n/gm, '');
  return { title, lines, text: base + lines };
}

/** The collection's file with the problems that its cases have. */
export function renderCollection(
  { comment, base, cases }: Collection,
  problemsOf: (broken: BrokenCase) => readonly Problem[],
): string {
  const blocks = cases.map((broken) => {
    const told = problemsOf(broken).map((problem) => `=> ${render(problem)}\n`);
    return `--- ${broken.title}\n${broken.lines}${told.join('')}`;
  });
  return `${comment}\n${base}${blocks.join('')}`;
}

function render({ line, column, key, code, message, remedy }: Problem): string {
  return `${line}:${column} ${key === '' ? '' : `${key} `}${code}: ${message} — ${remedy}`;
}
