import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How often files are looked at: soon enough for a person, and no load. */
const LOOK_MS = 250;
/** What a build reads besides `assembly/`, and what the gateway of `sluice plugin dev` does. */
const FILES = ['plugin.json', 'dev/config.json'];

/**
 * Tells of changes in the sources of a plugin. It looks at them now and then instead of being told by the system:
 * a few files, and it works for every editor, file system and container.
 */
export class SourceWatch {
  readonly #folder: string;
  readonly #changed: () => Promise<void>;
  #seen = '';
  #timer: NodeJS.Timeout | null = null;
  #look: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param changed called at once, and after each change; never again before it has settled; must not reject */
  constructor(folder: string, changed: () => Promise<void>) {
    this.#folder = folder;
    this.#changed = changed;
    this.#start(0);
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#look;
  }

  #start(delay: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#look = this.#lookOnce();
    }, delay);
  }

  async #lookOnce(): Promise<void> {
    const seen = await identityOf(this.#folder);
    if (seen !== this.#seen) {
      this.#seen = seen;
      await this.#changed();
    }
    this.#start(LOOK_MS);
  }
}

/** What tells one state of the sources from another. */
async function identityOf(folder: string): Promise<string> {
  const assembly = join(folder, 'assembly');
  const names = await readdir(assembly, { recursive: true }).catch(() => []);
  const paths = [...names.map((name) => join(assembly, name)), ...FILES.map((file) => join(folder, file))];
  const parts = await Promise.all(paths.map(async (path) => `${path} ${await fileIdentity(path)}`));
  return parts.sort((a, b) => (a < b ? -1 : 1)).join('\n');
}

async function fileIdentity(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch {
    return 'missing';
  }
}
