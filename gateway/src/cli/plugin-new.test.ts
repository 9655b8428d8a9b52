import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestOutput } from './plugin-folder.suite.ts';
import { newPlugin } from './plugin-new.ts';
import { packageSpecs } from './plugin-packages.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'sluice-new-'))));
afterAll(() => rmSync(directory, { recursive: true }));

async function make(name: string, flags: { folder?: string; gateway?: string; sdk?: string } = {}) {
  const output = new TestOutput();
  const { print, printError } = output;
  const folder = join(directory, flags.folder ?? name);
  return { code: await newPlugin({ name, print, printError, ...flags, folder }), output, folder };
}

function json(...path: string[]) {
  return JSON.parse(readFileSync(join(...path), 'utf8')) as {
    name: string;
    version: string;
    devDependencies: Record<string, string>;
  };
}

describe('sluice plugin new', () => {
  it('makes a folder whose files have the name', async () => {
    const { code, output, folder } = await make('hello-2');
    expect(code).toBe(0);
    expect(output.text).toMatch(/npm install\n {2}npm run dev/);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
    expect(files).toEqual([
      '.gitignore',
      'README.md',
      'assembly',
      'assembly/plugin.ts',
      'assembly/tsconfig.json',
      'dev',
      'dev/config.json',
      'package.json',
      'plugin.json',
      'plugin.test.ts',
      'tsconfig.json',
    ]);
    expect(json(folder, 'plugin.json').name).toBe('hello-2');
    expect(readFileSync(join(folder, 'plugin.test.ts'), 'utf8')).toContain("'build/hello-2.wasm'");
    for (const file of files.filter((name) => /\./.test(name))) {
      expect(readFileSync(join(folder, file), 'utf8')).not.toContain('my-plugin');
    }
  });

  it.each([
    ['Hello World', /plugin new hello-world/],
    ['9lives', /plugin new lives/],
    ['a'.repeat(64), /63 at most/],
    ['', /cannot be the name/],
    ['../up', /plugin new up/],
  ])('refuses the name %j', async (name, reason) => {
    const { code, output } = await make(name, { folder: 'never-made' });
    expect([code, output.errorText]).toEqual([1, expect.stringMatching(reason)]);
    expect(existsSync(join(directory, 'never-made'))).toBe(false);
  });

  it('takes an empty folder or a fresh repository, and no other', async () => {
    mkdirSync(join(directory, 'fresh/.git'), { recursive: true });
    expect((await make('fresh')).code).toBe(0);
    const { code, output } = await make('again', { folder: 'fresh' });
    expect([code, output.errorText]).toEqual([1, expect.stringMatching(/not empty.*sluice plugin new again FOLDER/)]);
    writeFileSync(join(directory, 'file'), '');
    expect((await make('file')).output.errorText).toMatch(/is a file/);
    expect((await make('below', { folder: 'file/below' })).code).toBe(1);
  });

  it('asks for the versions that belong together', async () => {
    const { folder } = await make('versions');
    const { devDependencies } = json(folder, 'package.json');
    const tools = json(ROOT, 'package.json').devDependencies;
    expect(devDependencies).toEqual({
      '@sluice/gateway': `^${json(ROOT, 'gateway/package.json').version}`,
      '@sluice/plugin-sdk': `^${json(ROOT, 'sdk/package.json').version}`,
      assemblyscript: `^${tools['assemblyscript']}`,
      vitest: `^${tools['vitest']}`,
    });
  });

  it('takes gateway and SDK from where it is told', async () => {
    writeFileSync(join(directory, 'gateway.tgz'), '');
    const { folder, output } = await make('told', { gateway: join(directory, 'gateway.tgz') });
    expect(json(folder, 'package.json').devDependencies).toMatchObject({ '@sluice/gateway': 'file:../gateway.tgz' });
    expect(output.text).toContain('--sdk FILE');
    const both = await make('both', { gateway: `file:${join(directory, 'gateway.tgz')}`, sdk: '0.2.x' });
    expect(json(both.folder, 'package.json').devDependencies).toMatchObject({
      '@sluice/gateway': 'file:../gateway.tgz',
      '@sluice/plugin-sdk': '0.2.x',
    });
    const missing = await make('missing', { sdk: './sdk.tgz' });
    expect([missing.code, missing.output.errorText]).toEqual([
      1,
      expect.stringMatching(/--sdk \.\/sdk\.tgz.*no such file/),
    ]);
    expect(existsSync(missing.folder)).toBe(false);
  });
});

describe('where packages come from', () => {
  const specs = (program: string) =>
    packageSpecs({ folder: join(directory, 'project/hello'), gateway: undefined, sdk: undefined, program });

  it('is the tarballs that this program was installed from', async () => {
    const project = join(directory, 'project');
    mkdirSync(project);
    const dependencies = { '@sluice/gateway': 'file:../g.tgz' };
    const devDependencies = { '@sluice/plugin-sdk': 'file:s.tgz' };
    writeFileSync(join(project, 'package.json'), JSON.stringify({ dependencies, devDependencies }));
    const found = await specs(join(project, 'node_modules/@sluice/gateway'));
    expect(found).toEqual({ gateway: 'file:../../g.tgz', sdk: 'file:../s.tgz' });
  });

  it('is the registry when it came from there, or from nowhere that can be told', async () => {
    const none = { gateway: null, sdk: null };
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ dependencies: { '@sluice/gateway': '^0.1.0' } }));
    expect(await specs(join(directory, 'node_modules/@sluice/gateway'))).toEqual(none);
    writeFileSync(join(directory, 'package.json'), '{');
    expect(await specs(join(directory, 'node_modules/@sluice/gateway'))).toEqual(none);
    expect(await specs(ROOT)).toEqual(none);
  });
});
