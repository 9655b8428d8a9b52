import { writeSync } from 'node:fs';

const STDERR = 2;
/** How long a thread may be held by a full pipe: a reader that is alive takes far less. */
const PATIENCE_MS = 20;
const PAUSE_MS = 1;

/**
 * Writes whole lines to standard error, at once and from any thread. Node puts a pipe there into non-blocking mode as
 * soon as there are workers, so that it can be full: then the thread waits a little; lines that still do not fit are
 * dropped and counted, and a reader that stays away costs no further waiting.
 */
export function createStderrWriter(write: (line: string) => void = writeLine): (line: string) => void {
  let dropped = 0;
  return (line) => {
    if (dropped > 0 && attempt(write, droppedNote(dropped), 0)) dropped = 0;
    if (!attempt(write, line, dropped === 0 ? PATIENCE_MS : 0)) dropped++;
  };
}

function writeLine(line: string): void {
  writeSync(STDERR, line);
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** False when the line could not be written within `patience` milliseconds, or at all: there is no third place to complain in. */
function attempt(write: (line: string) => void, line: string, patience: number): boolean {
  for (let waited = 0; ; waited += PAUSE_MS) {
    try {
      write(line);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= patience) return false;
    }
    Atomics.wait(sleeper, 0, 0, PAUSE_MS);
  }
}

function droppedNote(dropped: number): string {
  return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), dropped, msg: 'process log lines were dropped' })}\n`;
}
