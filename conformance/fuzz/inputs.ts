// What is fed to the parsers: generated, or kept in a file because it once made a difference.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { disagreement, responseDisagreement } from './differential.ts';
import type { Random } from './random.ts';
import { NodeReader } from './request-readers.ts';
import { requestBytes } from './requests.ts';
import { type ResponseInput, responseInput } from './responses.ts';

const CORPUS = join(import.meta.dirname, 'corpus');

/** Requests, or a response to the method that `kind` names. */
export interface Input {
  readonly kind: 'requests' | ResponseInput['asked'];
  /** latin1 */
  readonly bytes: string;
}

export function generate(random: Random): Input {
  if (random.chance(50)) return { kind: 'requests', bytes: requestBytes(random) };
  const { asked, bytes } = responseInput(random);
  return { kind: asked, bytes };
}

/** Judges one input after the other; '' = nothing is wrong. */
export class Judge {
  readonly #node = new NodeReader();

  judge({ kind, bytes }: Input): Promise<string> {
    const found =
      kind === 'requests'
        ? disagreement(Buffer.from(bytes, 'latin1'), this.#node)
        : responseDisagreement({ asked: kind, bytes });
    return found.catch((error: unknown) => `crash: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

/** Keeps an input for `corpus()`; answers its file. */
export function keep({ kind, bytes }: Input): string {
  const directory = join(CORPUS, kind);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.bin`);
  writeFileSync(file, bytes, 'latin1');
  return file;
}

export function corpus(): Input[] {
  return (['requests', 'GET', 'HEAD'] as const).flatMap((kind) => {
    const directory = join(CORPUS, kind);
    const files = existsSync(directory) ? readdirSync(directory) : [];
    return files.map((file): Input => ({ kind, bytes: readFileSync(join(directory, file), 'latin1') }));
  });
}
