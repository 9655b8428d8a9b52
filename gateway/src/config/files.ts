import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { fileProblem, type Problem } from './problem.ts';

/** A file's text, or why there is none. */
export type FileText =
  | { readonly text: string; readonly problem: null }
  | { readonly text: null; readonly problem: Problem };

/** Reads a configuration file. Whatever is not a readable regular file of UTF-8 text within the limits is a problem. */
export async function readConfigFile(path: string): Promise<FileText> {
  const file = displayPath(path);
  const refuse = (code: ErrorCode, message: string, remedy: string): FileText => ({
    text: null,
    problem: fileProblem(file, code, message, remedy),
  });
  try {
    const status = await stat(path);
    // Opening a pipe or a device would wait for ever.
    if (!status.isFile()) return refuse('SLUICE_CONFIG_UNREADABLE', 'this is not a regular file', 'put a file here');
    if (status.size > LIMITS.configFileBytes) {
      const limit = `${LIMITS.configFileBytes / 1024 / 1024} MiB`;
      return refuse('SLUICE_CONFIG_TOO_LARGE', `the file is larger than ${limit}`, 'split or shorten it');
    }
    const bytes = await readFile(path);
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), problem: null };
  } catch (error) {
    if (error instanceof TypeError) {
      return refuse('SLUICE_CONFIG_SYNTAX', 'the file is not UTF-8 text', 'save it as UTF-8');
    }
    const reason = reasonOf(error);
    return refuse('SLUICE_CONFIG_UNREADABLE', `the file cannot be read (${reason})`, 'check path and permissions');
  }
}

/** Absolute paths of the tenant files of a directory, by name. @throws the error of the file system. */
export async function listTenantFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  const files = names.filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name)).sort();
  return files.map((name) => join(directory, name));
}

/** The system's code of a failure, such as ENOENT. */
export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

/** A path as messages show it: relative when it lies below the working directory. */
export function displayPath(path: string): string {
  const shorter = relative(process.cwd(), path);
  return shorter === '' || shorter.startsWith('..') ? path : shorter;
}
