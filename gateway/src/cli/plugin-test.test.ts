import { afterEach, beforeEach, expect, it } from 'vitest';
import { TestFolder, TestOutput } from './plugin-folder.suite.ts';
import { testPlugin } from './plugin-test.ts';

let folder: TestFolder;
beforeEach(() => void (folder = new TestFolder()));
afterEach(() => folder.remove());

const VITEST = {
  'node_modules/vitest/package.json': '{"bin":{"vitest":"./vitest.mjs"}}',
  // The exit code tells what it was started with.
  'node_modules/vitest/vitest.mjs': `
    import { existsSync } from 'node:fs';
    const built = existsSync('build/test-plugin.wasm') ? 10 : 0;
    process.exit(built + (process.argv.slice(2).join(' ') === process.env.SLUICE_TEST_EXPECTED ? 1 : 0));`,
};

async function test(...args: string[]) {
  const output = new TestOutput();
  const { print, printError } = output;
  return { code: await testPlugin({ folder: folder.path, args, print, printError }), output };
}

it.each([
  ['run -t a name', ['-t', 'a name']],
  ['--watch -t x', ['--watch', '-t', 'x']],
])('builds, and runs vitest %s', async (expected, args) => {
  folder.write(VITEST);
  process.env['SLUICE_TEST_EXPECTED'] = expected;
  expect((await test(...args)).code).toBe(11);
  process.env['SLUICE_TEST_EXPECTED'] = 'else';
  expect((await test(...args)).code).toBe(10);
});

it('says that vitest is missing', async () => {
  const { code, output } = await test();
  expect([code, output.errorText]).toEqual([1, expect.stringMatching(/vitest.*not installed.*npm install --save-dev/)]);
});

it('does not test what does not compile', async () => {
  folder.write({ ...VITEST, 'assembly/plugin.ts': 'here' });
  const { code, output } = await test();
  expect([code, output.errors]).toEqual([2, ['ERROR here']]);
});
