import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { extract } from 'tar';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CompiledPlugin } from '../compile.ts';

const SDK = join(import.meta.dirname, '..');
const ROOT = dirname(SDK);
const run = promisify(execFile);

let folder: string;
let user: string;

/** The package as it is published, in an empty folder beside the compiler. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-sdk-'));
  const copy = join(folder, 'sources', 'sdk');
  cpSync(SDK, copy, { recursive: true, filter: (path) => !/[\\/](node_modules|test|dist|build)$/.test(path) });
  cpSync(join(ROOT, 'tsconfig.json'), join(folder, 'sources/tsconfig.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'sources/node_modules'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: copy });
  const [{ filename }] = JSON.parse(stdout.slice(stdout.search(/^\[$/m))) as [{ filename: string }];
  user = join(folder, 'user');
  const installed = join(user, 'node_modules/@sluice/plugin-sdk');
  mkdirSync(installed, { recursive: true });
  await extract({ file: join(folder, filename), cwd: installed, strip: 1 });
  for (const name of ['assemblyscript', 'binaryen', 'long']) {
    cpSync(join(ROOT, 'node_modules', name), join(user, 'node_modules', name), { recursive: true });
  }
  mkdirSync(join(user, 'assembly'));
  cpSync(join(SDK, 'test/assembly/hello-config.ts'), join(user, 'assembly/plugin.ts'));
  writeFileSync(join(user, 'plugin.json'), '{ "name": "hello", "version": "0.1.0" }');
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the packed SDK compiles a plugin of another folder, by its API and by asc alone', async () => {
  const script = `
    import { compilePlugin } from '@sluice/plugin-sdk/compile';
    console.log(JSON.stringify([await compilePlugin({ folder: '.' }), await compilePlugin({ folder: '.' })]));`;
  writeFileSync(join(user, 'build.mjs'), script);
  const { stdout } = await run(process.execPath, ['build.mjs'], { cwd: user });
  const [made, again] = JSON.parse(stdout) as [CompiledPlugin, CompiledPlugin];
  expect([made.compiled, again.compiled, made.warnings]).toEqual([true, false, '']);
  expect(made.manifest).toMatchObject({ name: 'hello', phases: ['requestHeaders'] });
  const config = 'node_modules/@sluice/plugin-sdk/asconfig.json';
  const args = ['node_modules/assemblyscript/bin/asc.js', 'assembly/plugin.ts', '--config', config];
  await run(process.execPath, [...args, '--outFile', 'build/by-asc.wasm'], { cwd: user });
  expect(readFileSync(join(user, 'build/by-asc.wasm')).equals(readFileSync(made.path))).toBe(true);
}, 120_000);
