import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Cancel, Clock } from './clock.ts';

/** Writers touch a file several times in a row; what comes within this time is one change. */
const SETTLE_MS = 20;
/** For file systems without notification (NFS), targets of links, and directories that were replaced. */
const POLL_MS = 5_000;

/**
 * Calls `changed` soon after the file may have changed, and every 5 s in case a notification is lost; the caller compares.
 * Watches the directory, because editors and Kubernetes replace files instead of writing into them. The directory need
 * not exist yet.
 */
export function watchFile(path: string, clock: Clock, changed: () => void): Cancel {
  let cancelSettle: Cancel = () => {};
  let cancelPoll: Cancel = () => {};
  let stopWatching = (): void => {};
  const settle = (_event: string, name: string | null): void => {
    // Kubernetes renames `..data`, to which the file is a link.
    if (name !== null && name !== basename(path) && !name.startsWith('..')) return;
    cancelSettle();
    cancelSettle = clock.after(SETTLE_MS, changed);
  };
  const observe = (): void => {
    stopWatching();
    try {
      const watcher = watch(dirname(path), { persistent: false }, settle);
      // A directory that goes away; the next poll observes its successor.
      watcher.on('error', () => watcher.close());
      stopWatching = () => watcher.close();
    } catch {
      stopWatching = () => {};
    }
  };
  const poll = (): void => {
    cancelPoll = clock.after(POLL_MS, () => {
      observe();
      changed();
      poll();
    });
  };
  observe();
  poll();
  return () => {
    cancelSettle();
    cancelPoll();
    stopWatching();
  };
}
