import { join } from 'node:path';
import type { Reading } from '../statistics.ts';
import { generate, type Load, type Target } from './load.ts';

/** A fixed number of requests a second, however slowly the subject answers. */
export class OpenLoop implements Load {
  readonly generator = 'open-loop.ts';
  readonly cutOff = 0;
  readonly #rate: number;

  /** @param rate requests a second */
  constructor(rate: number) {
    this.#rate = rate;
  }

  run({ port, pinning }: Target, seconds: number): Promise<Reading> {
    return generate(pinning, script('open-loop.ts', `${port}`, `${seconds}`, `${this.#rate}`));
  }
}

/** A TLS connection for each request. */
export class Handshakes implements Load {
  readonly generator = 'handshakes.ts';
  readonly cutOff = 0;
  readonly #resumed: boolean;

  /** @param resumed with sessions of former connections, else with full handshakes */
  constructor(resumed: boolean) {
    this.#resumed = resumed;
  }

  run({ port, pinning }: Target, seconds: number): Promise<Reading> {
    return generate(pinning, script('handshakes.ts', `${port}`, `${seconds}`, this.#resumed ? 'resumed' : 'full'));
  }
}

/** The command line of a generator beside this file. */
export function script(name: string, ...args: string[]): string[] {
  return [process.execPath, join(import.meta.dirname, name), ...args];
}
