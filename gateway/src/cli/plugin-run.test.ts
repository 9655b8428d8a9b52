import { afterAll, beforeAll, expect, it } from 'vitest';
import { askingGuest } from '../wasm/callout.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';
import { answering, TestFolder, TestOutput } from './plugin-folder.suite.ts';
import { runPlugin, type RunPluginOptions } from './plugin-run.ts';

let folder: TestFolder;
beforeAll(() => {
  const log = '(drop (call $log (i32.const 2) (i32.const 0) (i32.const 2)))';
  const set = `(drop (call $replace_header_map_value (i32.const 0) (i32.const 2) (i32.const 3) (i32.const 5) (i32.const 4)))`;
  const fields = '(data (i32.const 0) "hix-aZ\\c3\\bc.")';
  folder = new TestFolder().write({
    'edits.wasm': pluginModule({ callbacks: { proxy_on_request_headers: `${log} ${set} (i32.const 0)` }, fields }),
    'picky.wasm': answering(200, 2),
    'traps.wasm': pluginModule({ callbacks: { proxy_on_request_headers: '(unreachable)' } }),
    'asks.wasm': pluginModule(askingGuest({ service: 'auth', body: 'who\u001b?' })),
    'mesh.wasm': pluginModule(askingGuest({ service: 'outbound|80||$(auth).static' })),
    'starts.wasm': pluginModule(askingGuest({ service: 'keys', at: 'proxy_on_configure' })),
    'curses.wasm': pluginModule({
      callbacks: { proxy_on_configure: '(drop (call $log (i32.const 4) (i32.const 0) (i32.const 4))) (i32.const 0)' },
      fields: '(data (i32.const 0) "\\1b[2J")',
    }),
    'config.json': '{"a":1}',
    'marked.json': '\uFEFF{"a":1}',
    'body.txt': 'from a file',
  });
});
afterAll(() => folder.remove());

async function run(file: string, flags: Partial<RunPluginOptions> = {}) {
  const output = new TestOutput();
  const { print, printError } = output;
  const words = {
    request: '/',
    headers: [],
    body: undefined,
    responseStatus: '200',
    responseHeaders: [],
    responseBody: undefined,
    services: [],
  };
  const code = await runPlugin({ ...words, file: `${folder.path}/${file}`, print, printError, ...flags });
  return { code, output };
}

it('shows what the plugin saw, changed and logged, and what came of it', async () => {
  const { code, output } = await run('edits.wasm', {
    request: 'put https://home.example.com/a?b=1#c',
    headers: ['x-a: old', 'X-Note: gr\u00fcn\u202e'],
    body: 'two\nlines',
    responseStatus: '404',
    responseHeaders: ['x-b: 1'],
    responseBody: `@${folder.path}/body.txt`,
  });
  expect(code).toBe(0);
  expect(output.text).toMatch(
    /requestHeaders: continue, \d[\d ]* instructions, \d+ µs\n[^]* {4}:path: \/a\?b=1\n[^]* {4}x-note: grün\?\n {4}content-length: 9\n {2}- x-a: old\n {2}\+ x-a: Zü\.\n {2}info: hi\n/,
  );
  expect(output.text).toMatch(
    /the upstream got\n {2}PUT \/a\?b=1 for home\.example\.com\n[^]* {2}x-a: Zü\.\n[^]* {2}two\n {2}lines\n\nthe client got 404\n[^]* {2}x-b: 1\n {2}content-length: 11\n {2}from a file\n/,
  );
  expect(output.lines.at(-1)).toMatch(/callbacks, [\d ]+ instructions, \d+ µs/);
});

it('gives one JSON object', async () => {
  const { output } = await run('edits.wasm', { json: true, body: 'x' });
  expect(JSON.parse(output.text)).toMatchObject({
    ok: true,
    request: { method: 'POST', path: '/', body: 'x' },
    response: { status: 200 },
    error: null,
    calls: expect.arrayContaining([expect.objectContaining({ phase: 'requestHeaders', decision: 'continue' })]),
    fuel: expect.any(Number),
  });
});

it.each(['{"a":1}', 'config.json', 'marked.json'])('hands over the configuration %s', async (config) => {
  const path = config.startsWith('{') ? config : `${folder.path}/${config}`;
  expect((await run('picky.wasm', { config: path })).code).toBe(0);
});

it('says that the plugin refuses its configuration, or fails', async () => {
  const refused = await run('picky.wasm');
  expect([refused.code, refused.output.errorText]).toEqual([2, expect.stringMatching(/START_FAILED.*configuration/)]);
  const told = await run('picky.wasm', { json: true });
  expect([told.code, JSON.parse(told.output.text)]).toMatchObject([
    2,
    { ok: false, error: { code: expect.any(String) } },
  ]);
  const { code, output } = await run('traps.wasm');
  expect([code, output.text]).toEqual([
    2,
    expect.stringMatching(/the client got 503, of the gateway itself: SLUICE_PLUGIN/),
  ]);
  expect(output.text).toContain('the upstream got nothing');
});

it('keeps a plugin that does not start from steering the terminal', async () => {
  const { output } = await run('curses.wasm');
  expect(output.errorText).toMatch(/START_FAILED.*\(\?\[2J\)/);
});

it('takes a path with two slashes as one', async () => {
  const { output } = await run('edits.wasm', { request: 'GET //a:b/c' });
  expect(output.text).toContain('GET /a:b/c for test.example.com');
});

const CALLOUT = 'callout to auth: GET /check ->';

it.each([
  [[], 552, `${CALLOUT} refused: there is no such service here; --service auth=200 makes one`],
  [['other=200', 'auth=200'], 200, `${CALLOUT} 200\n  who??\n`],
  [['auth=403:not=you: at all'], 403, `${CALLOUT} 403\n`],
  [['auth=reset'], 599, `${CALLOUT} reset\n`],
])('answers callouts of the plugin by %j', async (services, status, callout) => {
  const { code, output } = await run('asks.wasm', { services });
  expect(code).toBe(0);
  expect(output.text).toContain(callout);
  expect(output.text).toContain(`the client got ${status}\n`);
});

it('offers the name of a service as one word of a shell', async () => {
  const { output } = await run('mesh.wasm');
  expect(output.text).toContain("--service 'outbound|80||$(auth).static=200' makes one");
});

it('takes the body of a callout from a file, and tells of it in JSON', async () => {
  const { output } = await run('asks.wasm', { services: [`auth=401:@${folder.path}/body.txt`], json: true });
  expect(JSON.parse(output.text)).toMatchObject({
    response: { status: 403, body: 'from a file' },
    callouts: [{ service: 'auth', path: '/check', status: 401, result: 'success' }],
  });
});

it('answers what the plugin asks for when it starts before it meets the request', async () => {
  const { output } = await run('starts.wasm', { services: ['keys=200'] });
  expect(output.text).toContain('callout to keys: GET /check -> 200\n');
  const told = await run('starts.wasm', { services: ['keys=200'], json: true });
  expect(JSON.parse(told.output.text)).toMatchObject({ ok: true, callouts: [{ service: 'keys', result: 'success' }] });
});

it.each<[Partial<RunPluginOptions>, RegExp]>([
  [{ request: 'GET / twice' }, /too many words/],
  [{ request: 'G(T /' }, /G\(T is no method/],
  [{ request: 'ftp://x/' }, /neither a path nor a URL/],
  [{ request: '' }, /neither a path nor a URL/],
  [{ headers: ['nothing'] }, /is no header/],
  [{ responseStatus: '99' }, /--response-status 99/],
  [{ responseStatus: '204', responseBody: 'x' }, /status 204 has no body/],
  [{ request: 'HEAD /', responseBody: 'x' }, /an answer to HEAD has no body/],
  [{ services: ['auth=304:x'] }, /status 304 has no body/],
  [{ body: '@missing' }, /--body: missing cannot be read \(ENOENT\)/],
  [{ services: ['auth'] }, /--service auth names no service and its answer; write NAME=STATUS/],
  [{ services: ['=200'] }, /names no service/],
  [{ services: ['auth=127.0.0.1:3000'] }, /127\.0\.0\.1 is no status from 200 to 599/],
  [{ services: ['auth='] }, /nothing is no status/],
  [{ services: ['auth=reset:body'] }, /reset is no status/],
  [{ services: ['auth=200:@missing'] }, /--service: missing cannot be read/],
  [{ services: ['auth=200', 'auth=403'] }, /auth has an answer already/],
  [{ config: '{"a":' }, /--config is no JSON/],
  [{ config: 'missing.json' }, /--config: missing\.json cannot be read/],
])('refuses %j', async (flags, reason) => {
  const { code, output } = await run('edits.wasm', flags);
  expect([code, output.text, output.errorText]).toEqual([1, '', expect.stringMatching(reason)]);
});

it('says that there is no such file', async () => {
  expect((await run('missing.wasm')).output.errorText).toMatch(/missing\.wasm: the file cannot be read \(ENOENT\)/);
});
