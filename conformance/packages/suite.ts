// The published packages: packed from a clean copy, installed in an empty folder, and used from there.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { borrowPackages, copySources } from '../checkout.ts';
import { startReadyGateway } from '../gateway.ts';
import { sh } from '../shell.ts';
import type { CaseOutcome, Suite, SuiteRun } from '../suite.ts';
import { check } from '../until.ts';

const ROOT = join(import.meta.dirname, '..', '..');

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

export const packagesSuite: Suite = { name: 'packages', run };

async function run(suite: SuiteRun): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-packages-'));
  suite.server = 'npm';
  suite.version = (await sh('npm', ['--version'], { cwd: directory })).trim();
  let packed: readonly Packed[] = [];
  await suite.case('gateway and SDK pack', async () => {
    packed = await pack(directory);
    return holdsWhatItPromises(packed);
  });
  if (packed.length === 0) return;
  const user = join(directory, 'user');
  await suite.case('they install in an empty folder, and sluice runs', () => runs(user, directory, packed));
  await suite.case('a gateway starts from there and serves', () => serves(user, join(directory, 'gateway')));
  await suite.case('a plugin is built with the packed SDK and tested on the packed gateway', () => builds(user));
  if (suite.failed === 0) rmSync(directory, { recursive: true, force: true });
}

async function pack(directory: string): Promise<readonly Packed[]> {
  const sources = join(directory, 'sources');
  copySources(sources);
  borrowPackages(sources);
  const args = ['pack', '--json', '--pack-destination', directory, '--workspace', 'gateway', '--workspace', 'sdk'];
  const output = await sh('npm', args, { cwd: sources });
  // Build scripts print before the JSON does.
  const listed: unknown = JSON.parse(output.slice(output.search(/^[[{]$/m)));
  return Object.values(listed as Record<string, Packed>);
}

function holdsWhatItPromises(packed: readonly Packed[]): CaseOutcome {
  const wanted: Record<string, readonly string[]> = {
    '@sluice/gateway': ['bin/sluice.js', 'bin/package.json', 'dist/main.js', 'dist/testing/index.d.ts'],
    '@sluice/plugin-sdk': ['index.ts', 'asconfig.json', 'exports/index.ts'],
  };
  check(packed.length === 2, 'two packages', packed);
  for (const { name, files } of packed) {
    const paths = files.map(({ path }) => path);
    for (const path of ['LICENSE', 'README.md', 'package.json', ...(wanted[name] ?? [])]) {
      check(paths.includes(path), `${path} in ${name}`, paths);
    }
    const strays = paths.filter((path) => /\.test\.|\.suite\.|node_modules/.test(path));
    check(strays.length === 0, `no test in ${name}`, strays);
  }
  const sizes = packed.map(({ name, size }) => `${name} ${Math.round(size / 1024)} KiB`);
  return { detail: sizes.join(', ') };
}

async function runs(user: string, directory: string, packed: readonly Packed[]): Promise<CaseOutcome> {
  mkdirSync(user);
  await sh('npm', ['init', '--yes'], { cwd: user });
  const tarballs = packed.map(({ filename }) => join(directory, filename));
  await sh('npm', ['install', '--no-audit', '--no-fund', ...tarballs, 'assemblyscript@0.28.20'], { cwd: user });
  const manifest = JSON.parse(readFileSync(join(ROOT, 'gateway/package.json'), 'utf8')) as { version: string };
  const version = (await sh('npx', ['sluice', '--version'], { cwd: user })).trim();
  check(version === manifest.version, `version ${manifest.version}`, version);
  const help = await sh('npx', ['sluice', '--help'], { cwd: user });
  check(help.includes('explain'), 'its help', help);
  return { detail: `sluice ${version}` };
}

async function serves(user: string, directory: string): Promise<CaseOutcome> {
  const tenant = {
    tenant: 'home',
    domains: ['home.example.com'],
    routes: [{ id: 'hello', match: { path: { exact: '/hello' } }, respond: { status: 200, body: 'hello' } }],
  };
  const launcher = join(user, 'node_modules/@sluice/gateway/bin/sluice.js');
  const gateway = await startReadyGateway(
    directory,
    { gateway: { workers: 2 }, tenants: { home: tenant } },
    { launcher },
  );
  const { status, body } = await gateway.get('/hello', { host: 'home.example.com' });
  const code = await gateway.stop();
  check(status === 200 && body === 'hello', '200 hello', { status, body });
  check(code === 0, 'exit code 0', code);
  return { detail: 'two workers from dist, 200, drained with code 0' };
}

/** The page for plugin authors, followed by the letter, outside the repository. */
async function builds(user: string): Promise<CaseOutcome> {
  const page = readFileSync(join(ROOT, 'docs/plugins/first-plugin.md'), 'utf8');
  const source = /```ts plugin\n([^]*?)```/.exec(page)?.[1] ?? '';
  mkdirSync(join(user, 'assembly'));
  writeFileSync(join(user, 'assembly/plugin.ts'), source);
  const config = 'node_modules/@sluice/plugin-sdk/asconfig.json';
  await sh('npx', ['asc', 'assembly/plugin.ts', '--config', config, '--outFile', 'build/plugin.wasm'], { cwd: user });
  const script = `
    import { loadPlugin } from '@sluice/gateway/testing';
    const plugin = await loadPlugin('build/plugin.wasm', { config: { header: 'x-team' } });
    const refused = await plugin.exchange({ request: { path: '/' } });
    const passed = await plugin.exchange({ request: { headers: { 'x-team': 'home' } } });
    console.log(JSON.stringify([refused.response.status, passed.response.status]));
    plugin.close();`;
  writeFileSync(join(user, 'try.mjs'), script);
  const output = (await sh('node', ['try.mjs'], { cwd: user })).trim();
  check(output === '[400,200]', '[400,200]', output);
  return { detail: 'without the header 400, with it 200' };
}
