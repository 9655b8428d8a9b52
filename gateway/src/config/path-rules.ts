import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';

/** Reports a path that no request can have, because requests with it are refused or normalised before. */
export function checkRequestPath(text: string | undefined, path: Path, report: Report): void {
  if (text === undefined) return;
  const problem = pathProblem(text);
  if (problem === null) return;
  const message = `no request can have the path ${show(text)}: ${problem.reason}`;
  report.add(path, 'SLUICE_CONFIG_VALUE', message, problem.remedy);
}

function pathProblem(text: string): { reason: string; remedy: string } | null {
  const decoded = text.replace(/%2e/gi, '.').replace(/%2f|%5c/gi, '/');
  if (text.includes('//')) return { reason: 'runs of "/" become one', remedy: 'write a single "/"' };
  if (/\/\.{1,2}(\/|;|%3b|$)/i.test(decoded))
    return { reason: 'dot segments are refused', remedy: 'write the path out' };
  if (text.includes(';')) return { reason: 'path parameters do not count', remedy: 'remove ";" and what follows it' };
  if (/[\\\p{Cc}]|%00|\p{Cs}/u.test(text)) {
    return { reason: 'it has a backslash or control character', remedy: 'remove the character' };
  }
  return null;
}
