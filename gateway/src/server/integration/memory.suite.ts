import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const CHUNK = 256 * 1024;
/** What sockets and streams on the way may hold of a body that nobody takes. */
export const ALLOWED = 4 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of buffers outside the heap, where bodies are, without garbage. */
export function buffered(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

/** Stops reading after the first bytes until everything on the way is full; answers digest and what was held then. */
export async function readSlowly(stream: IncomingMessage, before: number): Promise<{ digest: string; held: number }> {
  const hash = createHash('sha256');
  let held = -1;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (held !== -1) continue;
    // Whatever was garbage a moment ago is freed by another thread, in its own time.
    for (let look = 0; look < 20 && (held === -1 || held >= ALLOWED); look++) {
      await pause(100);
      held = buffered() - before;
    }
  }
  return { digest: hash.digest('hex'), held };
}

/** Writes `size` bytes as fast as the other side takes them, the same for each call; answers their digest. */
export function produce(
  size: number,
  write: (chunk: Buffer) => boolean,
  onDrain: (go: () => void) => void,
  end: () => void,
): string {
  const chunk = Buffer.alloc(CHUNK, 'sluice');
  const hash = createHash('sha256');
  for (let i = 0; i < size / CHUNK; i++) hash.update(chunk);
  let left = size / CHUNK;
  const go = (): void => {
    while (left > 0) {
      left--;
      if (write(chunk)) continue;
      onDrain(go);
      return;
    }
    end();
  };
  go();
  return hash.digest('hex');
}
