// A plugin's author outside of this repository: a folder with the packages that `npm install` would put there, and `sluice`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

export const ROOT = join(import.meta.dirname, '..');
const LAUNCHER = join(ROOT, 'gateway/bin/sluice.js');

/** What a command printed, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `sluice` in a folder. Whoever starts one that does not end by itself ends it. */
export function startSluice(cwd: string, ...args: readonly string[]): ChildProcess & { output: () => Ended } {
  return start(cwd, [LAUNCHER, ...args]);
}

/** Runs `sluice` in a folder to its end. */
export async function sluice(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return endOf(startSluice(cwd, ...args));
}

/** Runs a program: one of a package of this repository, or a file by its absolute path. */
export async function tool(cwd: string, script: string, ...args: readonly string[]): Promise<Ended> {
  return endOf(start(cwd, [resolve(ROOT, 'node_modules', script), ...args]));
}

function start(cwd: string, args: readonly string[]): ChildProcess & { output: () => Ended } {
  // Vitest tells its children that they are its workers; an author's own vitest must not think so.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV$)/.test(name)),
  );
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  const output = (): Ended => ({ code: child.exitCode, stdout: stdout.join(''), stderr: stderr.join('') });
  return Object.assign(child, { output });
}

async function endOf(child: ChildProcess & { output: () => Ended }): Promise<Ended> {
  await once(child, 'close');
  return child.output();
}

/** What `npm install` would put into a plugin's folder: the packages of this repository, without the network. */
export function installPackages(folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@sluice/gateway'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@sluice' && !name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  symlinkSync(join(ROOT, 'sdk'), join(modules, '@sluice/plugin-sdk'));
  // Sources run as they are, but not below node_modules.
  const testing = pathToFileURL(join(ROOT, 'gateway/src/testing/index.ts')).href;
  writeFileSync(
    join(modules, '@sluice/gateway/package.json'),
    '{"type":"module","exports":{"./testing":"./testing.js"}}',
  );
  writeFileSync(join(modules, '@sluice/gateway/testing.js'), `export * from '${testing}';\n`);
}

/** The blocks of a page that begin with these words, such as `ts plugin`. */
export function blocksOf(page: string, words: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${words}\\n([^]*?)^\`\`\``, 'gm'))].map(([, code = '']) => code);
}

/** The one block of a page that begins with these words. @throws Error when there is none, or another one */
export function blockOf(page: string, words: string): string {
  const [code, ...others] = blocksOf(page, words);
  if (code === undefined || others.length > 0) throw new Error(`${page} must have one block "${words}"`);
  return code;
}

/** The commands of a page's shell blocks, without comments. */
export function commandsOf(page: string): string[] {
  const lines = blocksOf(page, 'sh').flatMap((block) => block.split('\n'));
  return lines.map((line) => line.replace(/\s+#.*/, '').trim()).filter((line) => line !== '');
}

/** The words of a command, as a shell would part them. */
export function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
