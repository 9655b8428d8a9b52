import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const PROJECT = join(import.meta.dirname, 'build', 'editor');

/** What an editor marks in a project with AssemblyScript's own options: `file(line,column): error …`. */
async function marks(sources: readonly string[]): Promise<readonly string[]> {
  mkdirSync(PROJECT, { recursive: true });
  const include = sources.map((each) => `../../../../${each}`);
  const options = { extends: 'assemblyscript/std/assembly.json', compilerOptions: { noEmit: true }, include };
  writeFileSync(join(PROJECT, 'tsconfig.json'), JSON.stringify(options));
  const compiler = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace('package.json', 'bin/tsc');
  const args = [compiler, '--project', PROJECT, '--pretty', 'false'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT }).catch(
    (error: { stdout: string }) => error,
  );
  return stdout.split('\n').filter((line) => /^\S.*\(\d+,\d+\): error/.test(line));
}

it('editors find nothing wrong in plugins: decorators and the SDK resolve', async () => {
  const found = await marks(['plugins/*/assembly/**/*.ts', 'sdk/test/assembly/hello*.ts', 'sdk/index.ts']);
  // AssemblyScript's own declarations are not free of errors; that they are seen shows that the program was checked.
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((line) => /^(plugins|sdk\/test|sdk\/index|sdk\/decorators)/.test(line))).toEqual([]);
}, 60_000);
