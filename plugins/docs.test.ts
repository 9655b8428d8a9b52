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

/** Runs the statements of a test as they stand on a page. */
async function run(body: string, tools: Readonly<Record<string, unknown>>): Promise<void> {
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const statements = new AsyncFunction(...Object.keys(tools), body) as (...tools: unknown[]) => Promise<void>;
  await statements(...Object.values(tools));
}

describe('docs/plugins/first-plugin.md', () => {
  it('has a plugin that does what its test says', async () => {
    const [source = ''] = blocksOf('docs/plugins/first-plugin.md', 'plugin');
    const [test = ''] = blocksOf('docs/plugins/first-plugin.md', 'test');
    const module = await compile('first-plugin', source);
    const [, body = ''] = /async \(\) => \{\n([\s\S]*)\n\}\);/.exec(test) ?? [];
    expect(body).toContain('buildPlugin');
    await run(body, { expect, loadPlugin, buildPlugin: () => ({ path: module }) });
  }, 60_000);
});

describe.each(['bodies', 'callouts'])('docs/plugins/%s.md', (page) => {
  it('has a plugin that does what its test says', async () => {
    const [source = ''] = blocksOf(`docs/plugins/${page}.md`, 'plugin');
    const [test = ''] = blocksOf(`docs/plugins/${page}.md`, 'test');
    expect(test).toContain('expect(');
    await run(test, { expect, loadPlugin, path: await compile(`${page}-page`, source) });
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
    const blocks = [
      ...blocksOf('sdk/README.md', 'filter'),
      ...blocksOf('docs/plugins/bodies.md', 'filter'),
      ...blocksOf('sdk/README.md', 'calling'),
    ];
    expect(blocks.length).toBe(5);
    const filter = blocks.map((code) => `{\n${code}}`);
    const [configure = ''] = blocksOf('sdk/README.md', 'configure');
    const [body = ''] = blocksOf('sdk/README.md', 'body');
    const [call = ''] = blocksOf('sdk/README.md', 'call');
    expect([body, call]).toEqual([expect.stringContaining('body.'), expect.stringContaining('class')]);
    const source = `
import {
  Action, Body, HeaderMap, HttpCall, HttpCallHandler, HttpCallResponse, HttpFilter, LogLevel, Plugin, Settings, Status, log,
  properties, register, sharedData, time, utf8,
} from '@sluice/plugin-sdk';
export * from '@sluice/plugin-sdk/exports';
export * from '@sluice/plugin-sdk/exports/response-body';
${call}
function request_line(headers: HeaderMap): string { return headers.get(':path') || ''; }
class F extends HttpFilter {
  onRequestHeaders(endOfStream: bool): Action {
    ${filter.join('\n')}
    return Action.Continue;
  }
  onResponseBody(body: Body, endOfStream: bool): Action {
    ${body}
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
    const config = { name: 'n', labels: { a: 'b' }, limits: [{ rate: 3 }] };
    const services = { 'auth-service': () => ({ headers: { 'x-user': 'zoe' } }) };
    const plugin = await loadPlugin(module, { config, services });
    const { request, response, logs } = await plugin.exchange({
      request: { path: '/x', headers: { 'user-agent': 'curl', 'x-check': '1' } },
      upstream: { body: ['half ', 'of it'] },
    });
    const headers = { 'x-agent': 'curl', via: 'sluice', 'x-city': Buffer.from('Zürich').toString('latin1') };
    expect(request?.headers).toMatchObject(headers);
    expect(response).toMatchObject({ body: '<in their place!', trailers: { 'x-sum': '7' } });
    expect(logs.map(({ message }) => message)).toEqual(['no line breaks in headers', 'one line', '/x']);
    plugin.close();
  }, 60_000);
});
