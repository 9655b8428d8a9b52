import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadPlugin } from '../gateway/src/testing/index.ts';
import { readManifest } from '../gateway/src/wasm/manifest.ts';
import { compilePlugin } from '../sdk/compile.ts';
import { blocksOf as pageBlocks, ROOT } from './author.ts';
import { buildPlugin, pluginNames } from './build.ts';

const BUILD = join(ROOT, 'plugins', 'build');

/** The code of a page: blocks that begin with ```ts and this word. */
function blocksOf(page: string, word: string): string[] {
  return pageBlocks(page, `ts ${word}`);
}

async function compile(name: string, source: string): Promise<string> {
  const folder = join(BUILD, name, 'assembly');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'plugin.ts'), source);
  return (await compilePlugin({ folder: join(BUILD, name), entry: 'assembly/plugin.ts', output: `${name}.wasm` })).path;
}

/** Runs the statements of a test as they stand on a page. */
async function run(body: string, tools: Readonly<Record<string, unknown>>): Promise<void> {
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const statements = new AsyncFunction(...Object.keys(tools), body) as (...tools: unknown[]) => Promise<void>;
  await statements(...Object.values(tools));
}

describe.each(['bodies', 'callouts'])('docs/plugins/%s.md', (page) => {
  it('has a plugin that does what its test says', async () => {
    const [source = ''] = blocksOf(`docs/plugins/${page}.md`, 'plugin');
    const [test = ''] = blocksOf(`docs/plugins/${page}.md`, 'test');
    expect(test).toContain('expect(');
    await run(test, { expect, loadPlugin, path: await compile(`${page}-page`, source) });
  }, 60_000);
});

describe('docs/plugins/manifest.md', () => {
  it('has a manifest, and a program that adds it to a module', async () => {
    const text = readFileSync(join(ROOT, 'docs/plugins/manifest.md'), 'utf8');
    const [, manifest = ''] = /```json\n([\s\S]*?)```/.exec(text) ?? [];
    const [, program = ''] = /```js\n([\s\S]*?)```/.exec(text) ?? [];
    const folder = join(BUILD, 'manifest-page');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'manifest.json'), manifest);
    writeFileSync(join(folder, 'plugin.wasm'), Buffer.from('\0asm\x01\0\0\0', 'latin1'));
    writeFileSync(join(folder, 'add.mjs'), program);
    await promisify(execFile)(process.execPath, ['add.mjs'], { cwd: folder });
    const reading = readManifest(readFileSync(join(folder, 'plugin.wasm')));
    expect(reading).toMatchObject({ problem: '', manifest: { name: 'throttle', phases: ['requestHeaders', 'log'] } });
  });
});

/** A line of a table for each setting, those of objects behind their own: key, default, meaning. */
function settingRows(schema: Setting): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, setting]) => {
    const inner = setting.properties ? settingRows(setting) : [];
    const initial = schema.required?.includes(key) ? 'required' : shown(setting.properties ? {} : setting.default);
    return [`| \`${key}\` | ${initial} | ${setting.description} |`, ...inner];
  });
}

interface Setting {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Setting>>;
  readonly required?: readonly string[];
}

function shown(value: unknown): string {
  if (value === undefined) return '';
  const text = Array.isArray(value)
    ? `[${value.join(', ')}]`
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
  return `\`${text === '' ? '""' : text}\``;
}

describe.each(pluginNames())('plugins/%s/README.md', (name) => {
  it('has the settings that the plugin has', async () => {
    const { manifest } = await buildPlugin(name);
    expect(manifest?.name).toBe(name);
    const rows = settingRows(manifest?.config as Setting);
    expect(rows.length).toBeGreaterThan(3);
    const page = readFileSync(join(ROOT, 'plugins', name, 'README.md'), 'utf8').split('\n');
    expect(page).toEqual(expect.arrayContaining([...new Set(rows)]));
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
    const [declared = ''] = blocksOf('sdk/README.md', 'config');
    expect([body, call, declared].map((code) => code !== '')).toEqual([true, true, true]);
    const source = `
import {
  Action, Body, ConfiguredPlugin, HeaderMap, HttpCall, HttpCallHandler, HttpCallResponse, HttpFilter, LogLevel, Plugin, Settings, Status, log,
  properties, register, registerAs, sharedData, time, utf8,
} from '@sluice/plugin-sdk';
${call}
${declared}
class ThrottleFilter extends HttpFilter {
  constructor(private config: ThrottleConfig) { super(); }
}
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
registerAs('throttle', (): Plugin => new Throttle());
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
