import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LIMITS } from '../../core/limits.ts';
import type { ModuleSource } from './source.ts';

/** Stands for a file that is not there. */
const MISSING = 'missing';

/** A module that is a file of this machine. */
export class FileSource implements ModuleSource {
  readonly place: string;
  readonly directory: string;
  readonly pin = null;
  readonly dueMs = null;
  /** Identity of the file that was examined last, and of one that may still be being written. */
  #examined = '';
  #candidate = '';

  /** @param path absolute */
  constructor(path: string) {
    this.place = path;
    this.directory = dirname(path);
  }

  async look(force: boolean): Promise<Uint8Array | 'same' | 'unsettled'> {
    const { identity, size } = await identityOf(this.place);
    if (!force && identity === this.#examined) return 'same';
    if (!force && identity !== this.#candidate) {
      this.#candidate = identity;
      return 'unsettled';
    }
    this.#examined = identity;
    this.#candidate = identity;
    if (size > LIMITS.pluginModuleBytes) {
      throw new Error(`it has ${size} bytes, more than ${LIMITS.pluginModuleBytes}; strip debug information`);
    }
    try {
      return await readFile(this.place);
    } catch (error) {
      // What keeps it from being read, such as its mode, may go without a trace in its identity.
      if (identity !== MISSING) this.#examined = '';
      throw error;
    }
  }

  /** At the start nobody is writing. */
  atHand(): Promise<Uint8Array | 'same' | 'unsettled'> {
    return this.look(true);
  }

  /** A file names nothing. */
  adopt(): void {}

  close(): void {}
}

/** What tells one content of a file from another without reading it. */
async function identityOf(path: string): Promise<{ readonly identity: string; readonly size: number }> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return { identity: `${ino}:${size}:${mtimeMs}`, size };
  } catch {
    return { identity: MISSING, size: 0 };
  }
}
