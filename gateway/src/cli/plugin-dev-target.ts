import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { CompiledPlugin } from './plugin-folder.ts';

/** Where new versions of a plugin go. */
export interface DevTarget {
  /**
   * Brings a version into use if it may be, and says so. Answers false when it is in use already.
   * @throws Error with the reason why it is not in use
   */
  use(plugin: CompiledPlugin): Promise<boolean>;
  /** A version is in use, and stays so when a later one is no good. */
  readonly serving: boolean;
  close(): Promise<void>;
}

/** Hexadecimal SHA-256 of a file. */
export async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
