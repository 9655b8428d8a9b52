import { type FSWatcher, statSync, watch } from 'node:fs';

/**
 * Tells of changes in a directory, some milliseconds after the first of a burst. Directories may be missing, deleted
 * and made anew, or be swapped behind a symbolic link: `renew` finds that out, and is to be called now and then.
 */
export class DirectoryWatch {
  readonly #directory: string;
  readonly #settleMs: number;
  readonly #changed: () => void;
  #watcher: FSWatcher | null = null;
  /** Identity of the watched directory: device and inode. */
  #identity = '';
  #timer: NodeJS.Timeout | null = null;

  /** @param settleMs how long after the first of several changes `changed` is called */
  constructor(directory: string, settleMs: number, changed: () => void) {
    this.#directory = directory;
    this.#settleMs = settleMs;
    this.#changed = changed;
  }

  /** Watches the directory that stands at the path now. Does nothing when that is the watched one; never throws. */
  renew(): void {
    const identity = identityOf(this.#directory);
    if (identity === this.#identity && this.#watcher !== null) return;
    this.#watcher?.close();
    this.#watcher = null;
    this.#identity = identity;
    if (identity === '') return;
    try {
      const watcher = watch(this.#directory, { persistent: false }, () => this.#noticed());
      watcher.on('error', () => this.#lost(watcher));
      this.#watcher = watcher;
    } catch {
      // Deleted since, or no watches left: the owner's polling goes on.
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #noticed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#changed();
    }, this.#settleMs).unref();
  }

  #lost(watcher: FSWatcher): void {
    watcher.close();
    if (this.#watcher !== watcher) return;
    this.#watcher = null;
    this.#noticed();
  }
}

function identityOf(directory: string): string {
  try {
    const { dev, ino } = statSync(directory);
    return `${dev}:${ino}`;
  } catch {
    return '';
  }
}
