import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockOf, blocksOf, commandsOf, installPackages, sluice, tool, wordsOf } from './author.ts';

const TESTING = 'docs/plugins/testing.md';
const BUILDING = 'docs/plugins/building.md';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-tools-pages-'));
  rmSync(folder, { recursive: true });
  expect((await sluice(tmpdir(), 'plugin', 'new', 'quota', folder)).code).toBe(0);
  installPackages(folder);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

it('docs/plugins/testing.md: its tests pass', async () => {
  write('assembly/plugin.ts', blockOf(TESTING, 'ts plugin'));
  write('plugin.test.ts', blockOf(TESTING, 'ts test'));
  write('assembly/words.ts', blockOf(TESTING, 'ts words'));
  write('words.test.ts', blockOf(TESTING, 'ts words-test'));
  write(
    'one.test.ts',
    `${blockOf(TESTING, 'ts test').split('\n\n')[0]!}\nit('runs', async () => {\n${blocksOf(TESTING, 'ts')[0]!}
    expect(exchange).toMatchObject({ request: { body: 'chunk by chunk' }, response: { status: 201, body: 'made' } });\n});`,
  );
  const [, , ...words] = wordsOf(commandsOf(TESTING)[0]!);
  expect(await tool(folder, 'assemblyscript/bin/asc.js', ...words)).toMatchObject({ code: 0 });
  expect(await sluice(folder, 'plugin', 'test')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('3 passed'),
  });
}, 120_000);

it('docs/plugins/building.md: a mistake is shown as it says', async () => {
  const [, source = ''] = /│ (.*)\n/.exec(blockOf(BUILDING, 'text mistake')) ?? [];
  write(
    'assembly/plugin.ts',
    blockOf('docs/plugins/first-plugin.md', 'ts plugin').replace(
      'this.request.set(',
      `${source}\n    this.request.set(`,
    ),
  );
  const { code, stderr } = await sluice(folder, 'plugin', 'build');
  expect([code, stderr.trim()]).toEqual([2, expect.stringContaining(blockOf(BUILDING, 'text mistake').trim())]);
}, 60_000);
