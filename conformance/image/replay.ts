// Carries out a Dockerfile's steps without a container engine: each stage gets a folder as its root.
import { cpSync, mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { environment, sh } from '../shell.ts';
import { execForm, type Instruction, type Stage } from './dockerfile.ts';

/** What the last stage says of how to run it. */
export interface Image {
  /** Folder that stands for `/`. */
  readonly root: string;
  readonly base: string;
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly health: readonly string[];
}

class Builder {
  readonly root: string;
  readonly env: Record<string, string> = {};
  readonly said = new Map<string, string>();
  #directory = '/';
  readonly #context: string;
  readonly #roots: ReadonlyMap<string, string>;

  constructor(root: string, context: string, roots: ReadonlyMap<string, string>) {
    this.root = root;
    this.#context = context;
    this.#roots = roots;
    mkdirSync(root, { recursive: true });
  }

  async apply({ name, text }: Instruction): Promise<void> {
    switch (name) {
      case 'WORKDIR':
        this.#directory = text;
        mkdirSync(this.#inside('.'), { recursive: true });
        break;
      case 'COPY':
        this.#copy(text.split(/\s+/));
        break;
      case 'RUN':
        await sh('sh', ['-c', text], { cwd: this.#inside('.'), env: { ...environment(), ...this.env } });
        break;
      case 'ENV':
        this.env[text.slice(0, text.indexOf('='))] = text.slice(text.indexOf('=') + 1);
        break;
      default:
        this.said.set(name, text);
    }
  }

  #copy(words: string[]): void {
    const stage = /^--from=(.+)$/.exec(words[0] ?? '')?.[1];
    const origin = stage === undefined ? this.#context : this.#roots.get(stage);
    if (origin === undefined) throw new Error(`COPY from a stage that is not there: ${stage}`);
    const sources = stage === undefined ? words : words.slice(1);
    const target = sources.pop() ?? '';
    for (const source of sources) {
      const from = join(origin, source);
      const into = target.endsWith('/') ? join(this.#inside(target), basename(source)) : this.#inside(target);
      // A folder's contents go into the target, a file keeps its name.
      const to = statSync(from).isDirectory() ? this.#inside(target) : into;
      cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    }
  }

  #inside(path: string): string {
    return path.startsWith('/') ? join(this.root, path) : join(this.root, this.#directory, path);
  }
}

/** Builds all stages under `directory` from the files in `context`. */
export async function replay(stages: readonly Stage[], context: string, directory: string): Promise<Image> {
  const roots = new Map<string, string>();
  let last: Builder | null = null;
  for (const { name, instructions } of stages) {
    const root = join(directory, name === '' ? 'image' : name);
    last = new Builder(root, context, roots);
    for (const instruction of instructions) await last.apply(instruction);
    roots.set(name, root);
  }
  if (last === null) throw new Error('a Dockerfile without a stage');
  const said = (name: string): string => last.said.get(name) ?? '';
  return {
    root: last.root,
    base: stages.at(-1)!.base,
    user: said('USER'),
    environment: last.env,
    entrypoint: execForm(said('ENTRYPOINT')),
    command: execForm(said('CMD')),
    health: execForm(said('HEALTHCHECK')),
  };
}
