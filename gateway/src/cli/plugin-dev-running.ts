import { AdminError } from './admin-client.ts';
import type { Output } from './output.ts';
import { type DevTarget, digestOf } from './plugin-dev-target.ts';
import type { CompiledPlugin } from './plugin-folder.ts';
import { awaitTakeover, type Takeover } from './plugin-takeover.ts';

export interface RunningOptions extends Output {
  /** Of its admin API. */
  readonly origin: string;
  /** Name in its catalogue. */
  readonly plugin: string | undefined;
}

/** A gateway that somebody else runs: it takes over what is built by itself, and is asked whether it has. */
export class RunningGateway implements DevTarget {
  serving = false;
  readonly #options: RunningOptions;
  readonly #closed = new AbortController();
  #digest = '';

  constructor(options: RunningOptions) {
    this.#options = options;
  }

  async use({ path, size, manifest }: CompiledPlugin): Promise<boolean> {
    const { origin, plugin, print } = this.#options;
    const digest = await digestOf(path);
    if (digest === this.#digest) return false;
    const built = `${manifest.name} ${manifest.version}, ${size} bytes`;
    // Until it is asked again, nobody knows what it uses.
    this.#digest = '';
    const { inUse, reason } = await awaitTakeover(origin, { digest, path, plugin }, this.#closed.signal).catch(
      (error: unknown) => this.#silence(error),
    );
    if (!inUse) throw new Error(`${built}: built, but ${origin} does not use it: ${reason}`);
    this.#digest = digest;
    this.serving = true;
    print(`${built}: in use on ${origin}`);
    return true;
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  #silence(error: unknown): Takeover {
    if (!(error instanceof AdminError)) throw error;
    this.serving = false;
    return { inUse: false, reason: error.message };
  }
}
