// The image: the Dockerfile's steps replayed in a clean folder, and what they made run as the image would.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copySources } from '../checkout.ts';
import { startReadyGateway } from '../gateway.ts';
import { environment, sh } from '../shell.ts';
import type { CaseOutcome, Suite, SuiteRun } from '../suite.ts';
import { check } from '../until.ts';
import { readDockerfile } from './dockerfile.ts';
import { type Image, replay } from './replay.ts';

const DOCKERFILE = join(import.meta.dirname, '..', '..', 'Dockerfile');

export const imageSuite: Suite = { name: 'image', run };

async function run(suite: SuiteRun): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-image-'));
  // Other users must get in, as the image's own user does.
  chmodSync(directory, 0o755);
  const stages = readDockerfile(DOCKERFILE);
  suite.server = 'Dockerfile';
  suite.version = stages.at(-1)?.base ?? '';
  let image: Image | null = null;
  await suite.case('all steps succeed', async () => {
    const context = join(directory, 'context');
    copySources(context);
    image = await replay(stages, context, directory);
    return small(image);
  });
  if (image !== null) {
    const built: Image = image;
    await suite.case('it starts as its user on a root that cannot be written, and serves', () =>
      serves(built, directory),
    );
  }
  if (suite.failed === 0) rmSync(directory, { recursive: true, force: true });
}

function small(image: Image): CaseOutcome {
  const folder = join(image.root, 'opt/sluice');
  const names = readdirSync(folder).sort();
  check(names.includes('node_modules') && names.includes('gateway'), 'the gateway and its packages', names);
  const packages = readdirSync(join(folder, 'node_modules'));
  const tools = packages.filter((name) => ['typescript', 'vitest', 'assemblyscript', 'node'].includes(name));
  check(tools.length === 0, 'no tool of the build', tools);
  const megabytes = sizeOf(image.root) / 2 ** 20;
  check(megabytes < 100, 'less than 100 MiB on top of the base image', megabytes);
  check(Number(image.user.split(':')[0]) > 0, 'a user that is not root', image.user);
  return { detail: `${packages.length} packages, user ${image.user}`, measured: { image_mib: Math.round(megabytes) } };
}

async function serves(image: Image, directory: string): Promise<CaseOutcome> {
  const place = join(directory, 'etc');
  const root = process.getuid?.() === 0;
  const user = Number(image.user.split(':')[0]);
  mkdirSync(place);
  // Only root can become somebody else; anyone else runs it as himself, on files that he has taken the right from.
  if (root) chownSync(place, user, user);
  lock(image.root);
  const [, launcher = ''] = image.entrypoint;
  const tenant = {
    tenant: 'home',
    domains: ['home.example.com'],
    plugins: [{ use: 'key-auth', config: { keys: [{ key: 'key-of-the-app', consumer: 'app' }] } }],
    routes: [{ id: 'hello', match: { path: { exact: '/hello' } }, respond: { status: 200, body: 'hello' } }],
  };
  const plugins = [
    { name: 'key-auth', source: `file:${join(image.root, 'opt/sluice/plugins/key-auth/key-auth.wasm')}` },
  ];
  const gateway = await startReadyGateway(
    place,
    { gateway: { plugins }, tenants: { home: tenant } },
    { launcher: join(image.root, launcher), ...(root ? { user } : {}) },
  );
  const refused = await gateway.get('/hello', { host: 'home.example.com' });
  const served = await gateway.get('/hello', { host: 'home.example.com', 'x-api-key': 'key-of-the-app' });
  const [program = '', script = '', ...args] = image.health;
  const probe = [join(image.root, script), ...args, '--admin', `http://127.0.0.1:${gateway.adminPort}`];
  const health = await sh(program, probe, { cwd: place, env: { ...environment(), ...image.environment } });
  const code = await gateway.stop();
  check(refused.status === 401 && served.status === 200, '401 without the key, 200 with it', { refused, served });
  check(health.includes('live'), 'a good health check', health);
  check(code === 0, 'exit code 0', code);
  return { detail: `served as user ${root ? user : 'of this process'}, healthy, drained with code 0` };
}

/** Takes the right to write from everything below. */
function lock(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  chmodSync(path, stat.mode & ~0o222);
  if (!stat.isDirectory()) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) lock(join(path, entry.name));
  }
}

function sizeOf(path: string): number {
  let sum = 0;
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) sum += statSync(join(entry.parentPath, entry.name)).size;
  }
  return sum;
}
