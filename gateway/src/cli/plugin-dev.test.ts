import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { devPlugin } from './plugin-dev.ts';
import { answering, TestFolder, TestOutput } from './plugin-folder.suite.ts';
import { PluginGateway } from './plugin-gateway.ts';

const LIMIT = { timeout: 60_000, interval: 50 };

let folder: TestFolder;
let output: TestOutput;
let signals: EventEmitter;
let ended: Promise<number> | null;
const { TMPDIR } = process.env;

beforeEach(() => {
  folder = new TestFolder();
  folder.write({ 'b.wasm': answering(202), 'picky.wasm': answering(203, '{"a":1}'.length) });
  output = new TestOutput();
  signals = new EventEmitter();
  ended = null;
});

afterEach(async () => {
  signals.emit('SIGINT');
  await ended;
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
  folder.remove();
});

function dev(flags: Partial<Parameters<typeof devPlugin>[0]> = {}): Promise<number> {
  const { print, printError } = output;
  ended = devPlugin({ folder: folder.path, services: [], print, printError, ...flags }, signals);
  return ended;
}

const origin = (): string => /http:\/\/127\.0\.0\.1:\d+/.exec(output.text)?.[0] ?? '';
const statusOf = async (path = '/'): Promise<number> => (await fetch(origin() + path)).status;

it('brings what works into a gateway of its own, and keeps that when something does not', async () => {
  process.env['TMPDIR'] = folder.path;
  folder.write({ 'assembly/plugin.ts': 'not yet' });
  void dev({ port: '0' });
  await vi.waitFor(
    () => expect(output.errors).toEqual(['ERROR not yet', expect.stringContaining('Nothing is in use')]),
    LIMIT,
  );

  folder.write({ 'assembly/plugin.ts': 'a.wasm' });
  await vi.waitFor(() => expect(output.text).toContain('curl'), LIMIT);
  const first = origin();
  expect(await statusOf('/one')).toBe(201);
  await vi.waitFor(() => expect(output.text).toMatch(/^GET \/one -> 201, plugin \d+ µs/m), LIMIT);

  folder.write({ 'assembly/plugin.ts': 'b.wasm' });
  await vi.waitFor(() => expect(output.text).toContain('without a restart'), LIMIT);
  await vi.waitFor(async () => expect(await statusOf()).toBe(202), LIMIT);

  folder.write({ 'assembly/plugin.ts': 'broken' });
  await vi.waitFor(() => expect(output.errorText).toMatch(/ERROR broken\n.*last good version/), LIMIT);
  expect(await statusOf()).toBe(202);

  const permissions = { services: ['auth'], properties: [] };
  const bad = { name: 'test-plugin', permissions: { ...permissions, environment: ['A B'] } };
  folder.write({ 'assembly/plugin.ts': 'b.wasm', 'plugin.json': JSON.stringify(bad) });
  await vi.waitFor(
    () => expect(output.errorText).toMatch(/plugin\.json: permissions\.environment\["A B"\]: .*\n.*last good version/),
    LIMIT,
  );
  expect(await statusOf()).toBe(202);

  folder.write({ 'plugin.json': JSON.stringify({ ...bad, permissions }), 'dev/config.json': 'null' });
  await vi.waitFor(() => expect(output.errorText).toMatch(/dev\/config\.json: config: nothing is not/), LIMIT);
  expect(await statusOf()).toBe(202);

  folder.write({ 'dev/config.json': '\uFEFF{"a":1}' });
  await vi.waitFor(() => expect(output.text).toContain('with the new configuration'), LIMIT);
  folder.write({ 'dev/config.json': '{' });
  await vi.waitFor(() => expect(output.errorText).toContain('dev/config.json is no JSON'), LIMIT);
  folder.write({ 'dev/config.json': '{"a":1}', 'assembly/plugin.ts': 'picky.wasm' });
  await vi.waitFor(() => expect(output.errorText).toContain('does not start with dev/config.json'), LIMIT);
  expect(await statusOf()).toBe(202);

  folder.write({ 'dev/config.json': '{}' });
  await vi.waitFor(() => expect(output.text).toContain('started anew'), LIMIT);
  expect(origin()).toBe(first);
  expect(await statusOf()).toBe(203);

  signals.emit('SIGTERM');
  expect(await ended).toBe(0);
  await expect(fetch(first)).rejects.toThrow();
  expect(readdirSync(folder.path).filter((name) => name.startsWith('sluice-dev-'))).toEqual([]);
}, 240_000);

it('asks a gateway that runs already', async () => {
  const gateway = new PluginGateway(() => {});
  const permissions = {};
  const plugin = { name: 'test-plugin', version: '1.0.0', phases: [], permissions, config: {} };
  try {
    const setup = { plugin, config: {}, port: 0, upstream: '127.0.0.1:1', services: new Map() };
    await gateway.start(`${folder.path}/a.wasm`, setup);
    void dev({ admin: gateway.admin, plugin: 'test-plugin' });
    await vi.waitFor(() => expect(output.text).toContain(`in use on ${gateway.admin}`), LIMIT);
    signals.emit('SIGINT');
    expect(await ended).toBe(0);

    output = new TestOutput();
    void dev({ admin: gateway.admin });
    await vi.waitFor(
      () => expect(output.errorText).toMatch(/none of its plugins comes from this file.*test-plugin \(/),
      LIMIT,
    );
    signals.emit('SIGINT');
    await ended;

    output = new TestOutput();
    void dev({ admin: gateway.admin, plugin: 'test-plugin' });
    await vi.waitFor(() => expect(output.text).toContain('in use on'), LIMIT);
    await gateway.close();
    folder.write({ 'assembly/plugin.ts': 'b.wasm' });
    const gone = /is the gateway running\?\nNothing is in use/g;
    await vi.waitFor(() => expect(output.errorText.match(gone)).toHaveLength(1), LIMIT);
    folder.write({ 'assembly/plugin.ts': 'a.wasm' });
    await vi.waitFor(() => expect(output.errorText.match(gone)).toHaveLength(2), LIMIT);
  } finally {
    await gateway.close();
  }
}, 120_000);

it.each([
  [{ admin: 'http://10.0.0.1:9901' }, /loopback/],
  [{ plugin: 'a' }, /add --admin/],
  [{ admin: 'http://127.0.0.1:9901', port: '1' }, /--port and --service are for/],
  [{ port: '70000' }, /--port 70000/],
  [{ services: ['auth'] }, /--service auth.*name=host:port/],
  [{ services: ['auth=h:99999'] }, /--service auth=h:99999 is none/],
  [{ services: ['auth=http://h:80'] }, /is none/],
  [{ folder: '/' }, /no plugin's folder/],
])('refuses options that cannot be used: %j', async (flags, reason) => {
  expect(await dev(flags)).toBe(1);
  expect(output.errorText).toMatch(reason);
});

it('leaves neither gateway nor files when it is killed', async () => {
  const launcher = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));
  const env = { ...process.env, TMPDIR: folder.path };
  const child = spawn(process.execPath, [launcher, 'plugin', 'dev', folder.path, '--port', '0'], { env });
  child.stdout.setEncoding('utf8').on('data', output.print);
  try {
    await vi.waitFor(() => expect(output.text).toContain('curl'), LIMIT);
  } finally {
    child.kill('SIGKILL');
  }
  await vi.waitFor(() => expect(fetch(origin())).rejects.toThrow(), LIMIT);
  const left = () => readdirSync(folder.path).filter((name) => name.startsWith('sluice-dev-'));
  await vi.waitFor(() => expect(left()).toEqual([]), LIMIT);
}, 120_000);

it('says that its port is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await vi.waitFor(() => expect(server.listening).toBe(true));
  const { port } = server.address() as { port: number };
  void dev({ port: String(port) });
  await vi.waitFor(() => expect(output.errorText).toMatch(/SLUICE_LISTENER_PORT_TAKEN/), LIMIT);
  server.close();
}, 60_000);
