import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SMALL_MANIFEST, withManifest } from '../wasm/manifest.suite.ts';
import { assemble, pluginModule } from '../wasm/wat.suite.ts';
import { inspectPlugin } from './plugin-inspect.ts';

const DESCRIBED = {
  name: 'key-auth',
  version: '0.1.0',
  description: 'Asks for a key.',
  sdk: '0.2.0',
  phases: ['log', 'tick'],
  permissions: { services: ['auth'], clock: 'precise' },
  config: {
    type: 'object',
    required: ['keys'],
    properties: {
      header: { type: 'string', default: 'x-api-key', description: 'Where the key is.' },
      keys: { type: 'array', items: { type: 'object', required: ['key'], properties: { key: { type: 'string' } } } },
      limits: { type: 'object', additionalProperties: { type: 'integer' } },
    },
  },
};

const directory = mkdtempSync(join(tmpdir(), 'sluice-inspect-'));
const at = (name: string): string => join(directory, name);
beforeAll(() => {
  writeFileSync(at('good.wasm'), pluginModule({ callbacks: { proxy_on_log: '' } }));
  writeFileSync(at('bad.wasm'), assemble('(module (import "env" "a\\1b[31m" (func)))'));
  writeFileSync(at('described.wasm'), withManifest(pluginModule({ callbacks: { proxy_on_log: '' } }), DESCRIBED));
  writeFileSync(at('odd.wasm'), withManifest(pluginModule({}), { ...SMALL_MANIFEST, '\u001b[31m': 1 }));
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

  it('tells what a module says of itself', async () => {
    const { code, text } = await inspect('described.wasm');
    expect(code).toBe(0);
    expect(text).toContain(`
  manifest   key-auth 0.1.0, built with SDK 0.2.0
             Asks for a key.
  phases     log, tick
  wants      services auth, clock precise
  config     header (text, default "x-api-key"): Where the key is.
             keys (a list; each item is a mapping with key, required)
             keys[].key (text, required)
             limits (a mapping by name; each value is a whole number)
`);
    expect(text).toContain(
      '  warnings   the manifest has the phase tick, and the module no proxy_on_tick; build it again',
    );
    expect(JSON.parse((await inspect('described.wasm', true)).text)).toMatchObject({
      manifest: { name: 'key-auth', config: { required: ['keys'] } },
    });
    expect((await inspect('odd.wasm')).text).toMatch(/the manifest is not valid.*unknown key "\\u001b\[31m"/);
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
