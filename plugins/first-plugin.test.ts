import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { blockOf, blocksOf, commandsOf, installPackages, sluice, startSluice, tool, wordsOf } from './author.ts';

// docs/plugins/first-plugin.md, followed from its first line to the last, in an empty folder.

const PAGE = 'docs/plugins/first-plugin.md';
const BUILDING = 'docs/plugins/building.md';
const LIMIT = { timeout: 60_000, interval: 50 };
const commands = commandsOf(PAGE);

let place: string;
let folder: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'sluice-first-plugin-'));
  folder = join(place, 'require-header');
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Takes the command that begins so from the page. */
function next(beginning: string): string[] {
  const at = commands.findIndex((command) => command.startsWith(beginning));
  expect(at, `a command that begins with ${beginning}`).not.toBe(-1);
  return wordsOf(commands.splice(at, 1)[0]!);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

/** Does what a line with curl says, at another origin. */
async function curl(origin: string, [, ...words]: readonly string[]): Promise<{ status: number; body: string }> {
  const url = words.find((word) => word.startsWith('http')) ?? '';
  const header = words.find((word) => word.includes(': '))?.split(': ');
  const response = await fetch(
    origin + new URL(url).pathname,
    header === undefined ? {} : { headers: [[header[0]!, header[1]!]] },
  );
  return { status: response.status, body: await response.text() };
}

/** Numbers that depend on compiler, machine and chance. */
function roughly(text: string): string {
  return text.replaceAll(/\b\d{2,}( bytes)?\b/g, 'N$1').trimEnd();
}

it('makes a plugin whose types an editor finds', async () => {
  const [, , ...words] = next('npx @sluice/gateway');
  expect(await sluice(place, ...words)).toMatchObject({ code: 0, stderr: '' });
  expect(next('cd ')).toEqual(['cd', 'require-header']);
  expect(next('npm install')).toEqual(['npm', 'install']);
  installPackages(folder);
  write('plugin.json', blockOf(BUILDING, 'json plugin'));
  const { stdout } = await tool(folder, 'typescript/bin/tsc', '--noEmit', '-p', 'assembly');
  expect(stdout.split('\n').filter((line) => line.startsWith('assembly/'))).toEqual([]);
  expect(await sluice(folder, 'plugin', 'test')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('2 passed'),
  });
}, 120_000);

it('is tried in a gateway while it is written', async () => {
  expect(next('npm run')).toEqual(['npm', 'run', 'dev']);
  const dev = startSluice(folder, 'plugin', 'dev', '--port', '0');
  try {
    await vi.waitFor(() => expect(dev.output().stdout).toContain('Ctrl-C'), LIMIT);
    const { stdout } = dev.output();
    expect(roughly(stdout)).toBe(roughly(blockOf(PAGE, 'text dev')));
    const [origin = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(stdout) ?? [];
    expect(JSON.parse((await curl(origin, next('curl -i'))).body)).toMatchObject({
      headers: { 'x-greeting': expect.any(String) },
    });

    write('assembly/plugin.ts', blockOf(PAGE, 'ts plugin'));
    await vi.waitFor(() => expect(dev.output().stderr).toContain(blockOf(PAGE, 'text refused').trim()), LIMIT);
    expect((await curl(origin, ['curl', `${origin}/`])).status).toBe(200);

    write('dev/config.json', blockOf(PAGE, 'json config'));
    await vi.waitFor(() => expect(dev.output().stdout).toContain('in a gateway started anew'), LIMIT);
    expect((await curl(origin, next('curl -i'))).status).toBe(400);
    const passed = await curl(origin, next('curl -i'));
    expect([passed.status, JSON.parse(passed.body)]).toMatchObject([200, { headers: { 'x-required': 'x-device-id' } }]);
  } finally {
    dev.kill('SIGINT');
    await vi.waitFor(() => expect(dev.exitCode).toBe(0), LIMIT);
  }
}, 240_000);

it('is tested, and looked at', async () => {
  write('plugin.test.ts', blockOf(PAGE, 'ts test'));
  expect(next('npm test')).toEqual(['npm', 'test']);
  expect(await sluice(folder, 'plugin', 'test')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 passed'),
  });
  const [, , ...words] = next('npx sluice plugin run');
  const { code, stdout } = await sluice(folder, ...words);
  expect([code, stdout]).toEqual([0, expect.stringContaining('+ x-required: x-device-id')]);
}, 120_000);

it('is built as the page about that shows', async () => {
  const { code, stdout } = await sluice(folder, 'plugin', 'build');
  expect([code, roughly(stdout.replace(', up to date', ''))]).toEqual([0, roughly(blockOf(BUILDING, 'text build'))]);
  expect(commandsOf(BUILDING)).toEqual(['npx sluice plugin build']);
  write('compile.ts', blockOf(BUILDING, 'ts compile'));
  expect(await tool(folder, join(folder, 'compile.ts'))).toMatchObject({ code: 0 });
}, 120_000);

it('is used in a gateway', async () => {
  const [gateway = '', tenant = '', ...others] = blocksOf(PAGE, 'yaml');
  expect(others).toEqual([]);
  write('gateway.yaml', gateway.replace('port: 8081', 'port: 0'));
  write('tenants/home.yaml', tenant);
  const [, , ...words] = next('npx sluice check');
  expect(await sluice(folder, ...words)).toMatchObject({ code: 0, stderr: '' });
  const [, , ...runWords] = next('npx sluice run');
  const gatewayProcess = startSluice(folder, ...runWords);
  try {
    const port = await vi.waitFor(() => {
      const [, found] = /"listener":"http".*?"port":(\d+)/.exec(gatewayProcess.output().stderr) ?? [];
      expect(found).toBeDefined();
      return found;
    }, LIMIT);
    const origin = `http://localhost:${port}`;
    await vi.waitFor(async () => expect(await curl(origin, ['curl', origin])).toMatchObject({ status: 400 }), LIMIT);
    expect((await curl(origin, next('curl http'))).body).toBe('A header is missing.');
    expect((await curl(origin, next('curl http'))).body).toBe('hello\n');
  } finally {
    gatewayProcess.kill('SIGKILL');
  }
}, 120_000);

it('has no command that was not tried here', () => {
  // conformance/packages makes a plugin from files.
  expect(commands).toEqual([expect.stringMatching(/^npx --package \.\/sluice-gateway-[\d.]+tgz sluice plugin new /)]);
});
