import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const TEMPORARY = '.tmp-';

/**
 * A directory of files that are there whole or not at all, also after a crash. It is made for this user alone (0700),
 * and so are the files (0600).
 */
export class StateDirectory {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Makes the directory if need be and resolves to the names in it, without remains of interrupted writes. */
  async open(): Promise<string[]> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    const names = await readdir(this.#path);
    for (const name of names.filter((entry) => entry.startsWith(TEMPORARY))) await this.remove(name).catch(() => {});
    return names.filter((entry) => !entry.startsWith(TEMPORARY)).sort();
  }

  /** @throws the error of the file system */
  read(name: string): Promise<Buffer> {
    return readFile(join(this.#path, name));
  }

  /** When the file was written, in milliseconds since the epoch; 0 when it is not there. */
  async writtenAt(name: string): Promise<number> {
    return stat(join(this.#path, name)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
  }

  /** Resolves when the file is on the disk, in place of one of that name. @throws the error of the file system */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    // It may have been missing, or its file system away, when this began.
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    const temporary = join(this.#path, `${TEMPORARY}${randomUUID()}`);
    try {
      const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(this.#path, name));
      await this.#syncNames();
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  }

  /** So that the new name is on the disk before whoever wrote it removes an old one. */
  async #syncNames(): Promise<void> {
    const directory = await open(this.#path, constants.O_RDONLY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  /** @throws the error of the file system, but when there is no such file */
  async remove(name: string): Promise<void> {
    await unlink(join(this.#path, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
