import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble, pluginModule } from '../wasm/wat.suite.ts';
import { inspectPlugin } from './plugin-inspect.ts';

const directory = mkdtempSync(join(tmpdir(), 'sluice-inspect-'));
const at = (name: string): string => join(directory, name);
beforeAll(() => {
  writeFileSync(at('good.wasm'), pluginModule({ callbacks: { proxy_on_log: '' } }));
  writeFileSync(at('bad.wasm'), assemble('(module (import "env" "a\\1b[31m" (func)))'));
  writeFileSync(at('large.wasm'), '');
  truncateSync(at('large.wasm'), 100 * 1024 * 1024);
});
afterAll(() => rmSync(directory, { recursive: true }));

async function inspect(name: string, json = false) {
  const out: string[] = [];
  const errors: string[] = [];
  const [print, printError] = [(line: string) => void out.push(line), (line: string) => void errors.push(line)];
  const code = await inspectPlugin({ file: at(name), json, print, printError });
  return { code, text: out.join('\n'), errors };
}

describe('sluice plugin inspect', () => {
  it('tells of a module that would run', async () => {
    const { code, text } = await inspect('good.wasm');
    expect(code).toBe(0);
    expect(text.split('\n')).toEqual([
      at('good.wasm'),
      expect.stringMatching(/^ {2}sha256 {5}[0-9a-f]{64}$/),
      expect.stringMatching(/^ {2}size {7}\d+ B$/),
      '  abi        0.2.1',
      '  language   unknown',
      '  functions  3, and 0 imported',
      '  memory     64KiB, growing; limits.memory of 64KiB or more',
      '  callbacks  proxy_on_log',
      '  exports    memory, proxy_abi_version_0_2_1, proxy_on_memory_allocate',
      expect.stringMatching(/^ {2}sections {3}type \d+ B, function 4 B, memory 3 B, /),
      'It would run.',
    ]);
  });

  it('tells what a module would be refused for, and lets it steer no terminal', async () => {
    const { code, text } = await inspect('bad.wasm');
    expect(code).toBe(2);
    expect(text).toMatch(/refused {4}it does not export exactly one memory.*\n {13}it has no Proxy-Wasm marker/);
    expect(text.endsWith('It would be refused.')).toBe(true);
    expect(text).not.toContain('\u001b');
  });

  it('gives one JSON object', async () => {
    const good = await inspect('good.wasm', true);
    expect(JSON.parse(good.text)).toMatchObject({ file: at('good.wasm'), ok: true, abi: '0.2.1', refusals: [] });
    const bad = await inspect('bad.wasm', true);
    expect([bad.code, JSON.parse(bad.text).ok]).toEqual([2, false]);
  });

  it.each([
    ['missing.wasm', /cannot be read \(ENOENT\)/],
    ['.', /not a regular file/],
    ['large.wasm', /104857600 bytes/],
  ])('cannot tell of %s', async (name, reason) => {
    const { code, text, errors } = await inspect(name);
    expect([code, text, errors]).toEqual([1, '', [expect.stringMatching(reason)]]);
  });
});
