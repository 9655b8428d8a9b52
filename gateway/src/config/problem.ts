import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';

/** One mistake in a configuration file: where, what is wrong, and what would be right. Never holds a secret's value. */
export interface Problem {
  readonly file: string;
  /** 1-based; 0 when the file as a whole is meant. */
  readonly line: number;
  /** 1-based, in UTF-16 units; 0 when the file as a whole is meant. */
  readonly column: number;
  /** Path of the key, such as `routes[0].timeouts.perTry`; '' for the whole file. */
  readonly key: string;
  readonly code: ErrorCode;
  /** What is wrong. */
  readonly message: string;
  /** What would be right. */
  readonly remedy: string;
}

/** Keys of mappings and positions in lists, from the root. */
export type Path = readonly (string | number)[];

/** `routes[0].services["a.b"].weight`; '' for the root. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!/^[A-Za-z0-9_$-]+$/.test(part)) text += `[${quote(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** Text in quotes. What cannot be seen, or would be obeyed by a terminal, is escaped. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(/[\p{C}\p{Z}]/gu, (character) => {
    return character === ' ' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A message or key that repeats what a file says, cut where it says too much. */
export function shorten(text: string): string {
  return text.length <= LIMITS.configMessageLength ? text : `${text.slice(0, LIMITS.configMessageLength)}…`;
}

/** One line: `file:line:column key: message — remedy`. */
export function formatProblem(problem: Problem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const key = problem.key === '' ? '' : ` ${problem.key}:`;
  return `${place}${problem.line === 0 ? ':' : ''}${key} ${problem.message} — ${problem.remedy}`;
}

/** By file, then by place. */
export function compareProblems(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}

/** A problem of a file as a whole: it is missing, unreadable or too large. */
export function fileProblem(file: string, code: ErrorCode, message: string, remedy: string): Problem {
  return { file, line: 0, column: 0, key: '', code, message, remedy };
}
