// The published packages: packed from a clean copy, installed in an empty folder, and used from there.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blockOf, commandsOf, wordsOf } from '../../plugins/author.ts';
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
  await suite.case('a plugin is made, built, tested and run with nothing but the packages', () =>
    authors(directory, packed),
  );
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
    '@sluice/gateway': [
      'bin/sluice.js',
      'bin/package.json',
      'dist/main.js',
      'dist/testing/index.d.ts',
      'templates/plugin/gitignore',
    ],
    '@sluice/plugin-sdk': ['index.ts', 'asconfig.json', 'lib/transform.js', 'dist/compile.js'],
  };
  check(packed.length === 2, 'two packages', packed);
  for (const { name, files } of packed) {
    const paths = files.map(({ path }) => path);
    for (const path of ['LICENSE', 'README.md', 'package.json', ...(wanted[name] ?? [])]) {
      check(paths.includes(path), `${path} in ${name}`, paths);
    }
    const strays = paths.filter((path) => /^(?!templates\/).*(\.test\.|\.suite\.)|node_modules/.test(path));
    check(strays.length === 0, `no test in ${name}`, strays);
  }
  const sizes = packed.map(({ name, size }) => `${name} ${Math.round(size / 1024)} KiB`);
  return { detail: sizes.join(', ') };
}

async function runs(user: string, directory: string, packed: readonly Packed[]): Promise<CaseOutcome> {
  mkdirSync(user);
  await sh('npm', ['init', '--yes'], { cwd: user });
  const tarballs = packed.map(({ filename }) => join(directory, filename));
  await sh('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: user });
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

/** `docs/plugins/first-plugin.md`, followed outside the repository, with what `npm install` makes of the tarballs. */
async function authors(directory: string, packed: readonly Packed[]): Promise<CaseOutcome> {
  const page = 'docs/plugins/first-plugin.md';
  const place = join(directory, 'author');
  mkdirSync(place);
  for (const { filename } of packed) cpSync(join(directory, filename), join(place, filename));
  const [command = ''] = commandsOf(page).filter((line) => line.startsWith('npx --package'));
  await sh('npx', ['--yes', ...wordsOf(command).slice(1)], { cwd: place });
  const cwd = join(place, 'require-header');
  await sh('npm', ['install', '--no-audit', '--no-fund'], { cwd });
  check((await sh('npm', ['test'], { cwd })).includes('2 passed'), "the template's own tests to pass", 'they do not');

  writeFileSync(join(cwd, 'assembly/plugin.ts'), blockOf(page, 'ts plugin'));
  writeFileSync(join(cwd, 'plugin.test.ts'), blockOf(page, 'ts test'));
  writeFileSync(join(cwd, 'dev/config.json'), blockOf(page, 'json config'));
  const built = JSON.parse(await sh('npx', ['sluice', 'plugin', 'build', '--json'], { cwd })) as Built;
  check(built.ok && built.manifest.config.required.includes('header'), 'a module with its manifest', built);
  check((await sh('npm', ['test'], { cwd })).includes('1 passed'), 'its test to pass', 'it does not');
  const [run = ''] = commandsOf(page).filter((line) => line.startsWith('npx sluice plugin run'));
  const shown = await sh('npx', wordsOf(run).slice(1), { cwd });
  check(shown.includes('+ x-required: x-device-id'), 'the header that it sets', shown);
  await typesResolve(cwd);
  return { detail: `new, build, test, run: ${built.size} bytes`, measured: { module_bytes: built.size } };
}

interface Built {
  readonly ok: boolean;
  readonly size: number;
  readonly manifest: { readonly config: { readonly required: readonly string[] } };
}

/** What an editor would show in the author's files. */
async function typesResolve(cwd: string): Promise<void> {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  for (const [project, files] of [
    ['.', /^plugin/],
    ['assembly', /^assembly/],
  ] as const) {
    // The SDK's own sources are AssemblyScript, in which TypeScript finds mistakes that are none.
    const output = await sh(
      'sh',
      ['-c', `"$1" "$2" --noEmit -p ${project} || true`, 'sh', process.execPath, compiler],
      { cwd },
    );
    const mistakes = output.split('\n').filter((line) => files.test(line));
    check(mistakes.length === 0, `no mistake in ${project}`, mistakes);
  }
}
