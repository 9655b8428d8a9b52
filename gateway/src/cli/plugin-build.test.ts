import { afterEach, beforeEach, expect, it } from 'vitest';
import { buildPlugin } from './plugin-build.ts';
import { TestFolder, TestOutput } from './plugin-folder.suite.ts';

let folder: TestFolder;
beforeEach(() => void (folder = new TestFolder()));
afterEach(() => folder.remove());

async function build(flags: { debug?: boolean; json?: boolean } = {}) {
  const output = new TestOutput();
  const { print, printError } = output;
  const code = await buildPlugin({ folder: folder.path, print, printError, ...flags });
  return { code, output };
}

it('tells what it has built', async () => {
  const { code, output } = await build({ debug: true });
  expect(code).toBe(0);
  expect(output.errors).toEqual(['WARNING']);
  expect(output.lines).toEqual([
    expect.stringMatching(/^test-plugin 1\.2\.3: .*build\/test-plugin\.wasm$/),
    expect.stringMatching(/^ {2}size {4}\d+ bytes: code 70, type 5$/),
    '  phases  requestHeaders',
    '  config  header, keys (required)',
    '  wants   services ["auth"]',
  ]);
});

it('gives one JSON object', async () => {
  const { code, output } = await build({ json: true });
  expect(code).toBe(0);
  expect(JSON.parse(output.text)).toMatchObject({ ok: true, compiled: true, manifest: { name: 'test-plugin' } });
});

it('says what does not compile', async () => {
  folder.write({ 'assembly/plugin.ts': 'in assembly/plugin.ts(3,4)' });
  const { code, output } = await build();
  expect([code, output.errors]).toEqual([2, ['ERROR in assembly/plugin.ts(3,4)']]);
  const told = await build({ json: true });
  expect([told.code, JSON.parse(told.output.text)]).toEqual([
    2,
    { ok: false, error: 'ERROR in assembly/plugin.ts(3,4)' },
  ]);
});

it('says what is missing', async () => {
  folder.write({ 'node_modules/@sluice/plugin-sdk/package.json': '{"exports":{"./package.json":"./package.json"}}' });
  expect((await build()).output.errorText).toMatch(/cannot build plugins; install the version of this gateway/);
  folder.remove();
  folder.write({ 'plugin.json': '{}' });
  const { code, output } = await build();
  expect([code, output.errorText]).toEqual([1, expect.stringMatching(/has no assembly\/plugin\.ts.*plugin new NAME/)]);
  folder.write({ 'assembly/plugin.ts': '' });
  const told = await build({ json: true });
  expect([told.code, JSON.parse(told.output.text).error]).toEqual([
    1,
    expect.stringMatching(/not installed.*npm install/),
  ]);
});
