// Modules for fuzzing: each is told by a seed and a number, or kept in a file because it once made a difference.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPlugin, pluginNames } from '../../../plugins/build.ts';
import { Random } from '../../fuzz/random.ts';
import { corpus } from '../corpus.ts';
import { changeInstructions, cutAndPaste, flipBytes, sectionSoup, shuffleSections } from './mutations.ts';
import { randomGuest } from './random-guest.ts';

const KEPT = join(import.meta.dirname, 'corpus');
/** Larger modules teach little more, and take long. */
const LARGEST = 8 * 1024;

/** What mutants are made of. */
export interface Bases {
  readonly plugins: readonly Uint8Array[];
  readonly attacks: readonly Uint8Array[];
}

export async function loadBases(): Promise<Bases> {
  const plugins: Uint8Array[] = [];
  for (const name of pluginNames()) plugins.push(readFileSync((await buildPlugin(name)).path));
  const taken = corpus.filter(({ expect }) => expect.refusal?.code !== 'SLUICE_PLUGIN_INVALID');
  return { plugins, attacks: taken.map(({ module }) => module()).filter(({ length }) => length < LARGEST) };
}

export function moduleOf(seed: number, index: number, { plugins, attacks }: Bases): Uint8Array {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ index);
  const base = random.chance(15) ? random.pick(plugins) : random.pick(attacks);
  const kind = random.below(100);
  if (kind < 30) return randomGuest(random);
  if (kind < 55) return changeInstructions(base, random);
  if (kind < 75) return flipBytes(base, random);
  if (kind < 90) return shuffleSections(base, random.pick(attacks), random);
  if (kind < 95) return cutAndPaste(base, random);
  return sectionSoup(random);
}

/** Keeps a module for `keptModules()`; answers its file. */
export function keep(bytes: Uint8Array): string {
  mkdirSync(KEPT, { recursive: true });
  const file = join(KEPT, `${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.wasm`);
  writeFileSync(file, bytes);
  return file;
}

export function keptModules(): Readonly<Record<string, Uint8Array>> {
  const files = existsSync(KEPT) ? readdirSync(KEPT) : [];
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(KEPT, file))]));
}
