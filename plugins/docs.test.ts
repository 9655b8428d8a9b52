import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadPlugin } from '../gateway/src/testing/index.ts';
import { compilePlugin } from '../sdk/compile.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BUILD = join(ROOT, 'plugins', 'build');

/** The code of a page: blocks that begin with ```ts and this word. */
function blocksOf(page: string, word: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(new RegExp(`\`\`\`ts ${word}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code = '']) => code);
}

async function compile(name: string, source: string): Promise<string> {
  const folder = join(BUILD, name, 'assembly');
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, 'plugin.ts');
  writeFileSync(entry, source);
  return (await compilePlugin(entry, join(BUILD, name, `${name}.wasm`))).path;
}

describe('docs/plugins/first-plugin.md', () => {
  it('has a plugin that does what its test says', async () => {
    const [source = ''] = blocksOf('docs/plugins/first-plugin.md', 'plugin');
    const [test = ''] = blocksOf('docs/plugins/first-plugin.md', 'test');
    const module = await compile('first-plugin', source);
    const [, body = ''] = /async \(\) => \{\n([\s\S]*)\n\}\);/.exec(test) ?? [];
    expect(body).toContain('buildPlugin');
    const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
    const run = new AsyncFunction('expect', 'loadPlugin', 'buildPlugin', body) as (
      ...tools: unknown[]
    ) => Promise<void>;
    await run(expect, loadPlugin, () => ({ path: module }));
  }, 60_000);
});

describe('sdk/README.md', () => {
  it('has a first plugin that works', async () => {
    const [source = ''] = blocksOf('sdk/README.md', 'plugin');
    const plugin = await loadPlugin(await compile('readme-first', source));
    expect((await plugin.exchange()).response?.headers).toEqual({ 'x-hello': 'world' });
    plugin.close();
  }, 60_000);

  it('has examples that compile and run', async () => {
    const filter = blocksOf('sdk/README.md', 'filter').map((code) => `{\n${code}}`);
    const [configure = ''] = blocksOf('sdk/README.md', 'configure');
    expect(filter.length).toBe(3);
    const source = `
import {
  Action, HeaderMap, HttpFilter, LogLevel, Plugin, Settings, Status, log, properties, register, sharedData, time, utf8,
} from '@sluice/plugin-sdk';
export * from '@sluice/plugin-sdk/exports';
function request_line(headers: HeaderMap): string { return headers.get(':path') || ''; }
class F extends HttpFilter {
  onRequestHeaders(endOfStream: bool): Action {
    ${filter.join('\n')}
    return Action.Continue;
  }
}
class P extends Plugin {
  onConfigure(configuration: string): bool {
    ${configure}
  }
  createFilter(): HttpFilter { return new F(); }
}
register((): Plugin => new P());
`;
    const module = await compile('readme-examples', source);
    const plugin = await loadPlugin(module, { config: { name: 'n', labels: { a: 'b' }, limits: [{ rate: 3 }] } });
    const { request, logs } = await plugin.exchange({ request: { path: '/x', headers: { 'user-agent': 'curl' } } });
    const headers = { 'x-agent': 'curl', via: 'sluice', 'x-city': Buffer.from('Zürich').toString('latin1') };
    expect(request?.headers).toMatchObject(headers);
    expect(logs.map(({ message }) => message)).toEqual(['no line breaks in headers', 'one line', '/x']);
    plugin.close();
  }, 60_000);
});
