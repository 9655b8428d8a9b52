import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { loadAll } from './load.ts';
import { formatProblem } from './problem.ts';
import { readSecretFile } from './secrets.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-load-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function write(files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

const GATEWAY = 'apiVersion: sluice/v1\nlisteners: [{ name: http, port: 8080 }]\ntenants: { directory: tenants }\n';
const tenant = (name: string, domain: string) => `tenant: ${name}\ndomains: [${domain}]\n`;

/** Problems as lines, with paths relative to the directory of the test. */
async function problemsOf(): Promise<string[]> {
  const { problems } = await loadAll(join(root, 'gateway.yaml'));
  return problems.map((problem) => formatProblem(problem).replaceAll(`${root}/`, ''));
}

describe('loadAll', () => {
  it('reads gateway, tenants, services files, plugins and secrets', async () => {
    write({
      'gateway.yaml': `${GATEWAY}registries: { local: { type: file, path: services.yaml } }\nplugins: [{ name: p, source: "file:p.wasm" }]\nsecrets: { directory: secrets }\n`,
      'services.yaml': 'services: { s: { endpoints: [{ address: "127.0.0.1:1" }] } }\n',
      'p.wasm': '',
      'secrets/body': 'hello\n',
      'tenants/a.yaml': tenant('a', 'a.example.com'),
      'tenants/b.json':
        '{"tenant":"b","domains":["b.example.com"],"routes":[{"id":"r","respond":{"body":{"secret":"body"}}}]}',
      'tenants/.hidden.yaml': 'broken: [',
      'tenants/notes.txt': 'not a tenant',
    });
    const loaded = await loadAll(join(root, 'gateway.yaml'));
    expect(loaded.problems).toEqual([]);
    expect(loaded.tenants.map((config) => config.tenant)).toEqual(['a', 'b']);
    expect(loaded.tenants[1]!.routes[0]!.respond!.body).toBe('hello');
    expect(loaded.tenantFiles).toHaveLength(2);
  });

  it('names both files when two tenants claim one domain, or one name', async () => {
    write({
      'gateway.yaml': GATEWAY,
      'tenants/a.yaml': tenant('a', 'x.example.com'),
      'tenants/b.yaml': tenant('b', 'y.example.com, X.example.com'),
      'tenants/c.yaml': tenant('a', 'z.example.com'),
    });
    expect(await problemsOf()).toEqual([
      'tenants/b.yaml:2:26 domains[1]: the domain x.example.com already belongs to tenant a in tenants/a.yaml — remove it from one of the two files',
      'tenants/c.yaml:1:9 tenant: the tenant a is already defined in tenants/a.yaml — rename one tenant, or remove one file',
    ]);
  });

  it('reports the problems of all files, also beside a broken gateway', async () => {
    write({
      'gateway.yaml': `${GATEWAY}wrkers: 1\n`,
      'tenants/a.yaml': `${tenant('a', 'x.example.com')}rutes: []\n`,
      'tenants/b.yaml': 'tenant: [',
      'tenants/c.yaml': Buffer.from([0xff, 0xfe, 0x00]),
      'tenants/d.yaml': Buffer.alloc(LIMITS.configFileBytes + 1, '#'),
    });
    expect(await problemsOf()).toEqual([
      'gateway.yaml:4:1 wrkers: unknown key — did you mean workers?',
      'tenants/a.yaml:3:1 rutes: unknown key — did you mean routes?',
      'tenants/b.yaml:1:10 the bracket of 1:9 does not close before this — close it with ], and indent what is inside more than its key',
      'tenants/c.yaml: the file is not UTF-8 text — save it as UTF-8',
      'tenants/d.yaml: the file is larger than 2 MiB — split or shorten it',
    ]);
  });

  it('compares the claims of broken files as well', async () => {
    write({
      'gateway.yaml': GATEWAY,
      'tenants/a.yaml': `${tenant('a', '"a b", x.example.com')}routes: [5]\n`,
      'tenants/b.yaml': `${tenant('a', '5, X.example.com')}rutes: []\n`,
      'tenants/c.yaml': `${tenant('c', 'x.example.com')}routes: [\n`,
    });
    const lines = (await problemsOf()).map((line) => line.replace(/ — .*/, ''));
    expect(lines.filter((line) => !line.startsWith('tenants/a.yaml'))).toEqual([
      'tenants/b.yaml:1:9 tenant: the tenant a is already defined in tenants/a.yaml',
      'tenants/b.yaml:2:11 domains[0]: 5 is a number, not text',
      'tenants/b.yaml:2:14 domains[1]: the domain x.example.com already belongs to tenant a in tenants/a.yaml',
      'tenants/b.yaml:3:1 rutes: unknown key',
      'tenants/c.yaml:2:11 domains[0]: the domain x.example.com already belongs to tenant a in tenants/a.yaml',
      'tenants/c.yaml:4:1 the bracket of 3:9 does not close before this',
    ]);
  });

  it.each([
    ['plugins: {}\nregistries: []\nsecrets: 5\n', ['plugins', 'registries', 'secrets']],
    ['plugns: []\nregistres: {}\nsecrts: {}\n', ['plugns', 'registres', 'secrts']],
    [
      'plugins: [{ name: 5, source: "file:gateway.yaml" }]\nregistries: { r: 5 }\n',
      ['plugins[0].name', 'registries.r'],
    ],
    ['workers: [\n', ['']],
  ])('does not blame tenants for %j in the gateway', async (text, keys) => {
    const uses =
      'discovery: { registry: r }\nplugins: [{ use: p }]\nroutes: [{ id: r, respond: {} }, { id: r, respond: {} }]\n';
    const secret = text.includes('sec') ? 'services: { s: { name: { secret: s } } }\n' : '';
    write({ 'gateway.yaml': `${GATEWAY}${text}`, 'tenants/a.yaml': tenant('a', 'x.example.com') + uses + secret });
    const { problems } = await loadAll(join(root, 'gateway.yaml'));
    expect(problems.map(({ key }) => key)).toEqual([...keys, 'routes[1].id']);
  });

  it('looks into the files that a broken gateway names, as far as it can be read', async () => {
    write({
      'gateway.yaml': `${GATEWAY}wrkers: 1\nregistries: { a: { type: file, path: a.yaml }, b: { type: file } }\nplugins: [{ name: P, source: "file:p.wasm" }, { name: q, source: 5 }]\n`,
      'tenants/a.yaml': tenant('a', 'x.example.com'),
    });
    expect((await loadAll(join(root, 'gateway.yaml'))).problems.map(({ key, code }) => `${key} ${code}`)).toEqual([
      ' SLUICE_CONFIG_UNREADABLE',
      'wrkers SLUICE_CONFIG_UNKNOWN_KEY',
      'registries.b SLUICE_CONFIG_MISSING_KEY',
      'plugins[0].name SLUICE_CONFIG_VALUE',
      'plugins[0].source SLUICE_CONFIG_UNREADABLE',
      'plugins[1].source SLUICE_CONFIG_VALUE',
    ]);
  });

  it('reports files that only the gateway names', async () => {
    write({
      'gateway.yaml': `${GATEWAY}registries: { a: { type: file, path: a.yaml }, b: { type: file, path: b.yaml } }\nplugins: [{ name: p, source: "file:p.wasm" }]\n`,
      'b.yaml': 'services: { s: { endpoints: [{ address: x }] } }\n',
    });
    expect(await problemsOf()).toEqual([
      'a.yaml: the file cannot be read (ENOENT) — check path and permissions',
      'b.yaml:1:41 services.s.endpoints[0].address: "x" is not valid here — give host:port such as 10.0.0.7:8080 or "[::1]:8080"',
      'gateway.yaml:3:23 tenants.directory: the directory tenants cannot be read (ENOENT) — create it, or correct the path',
      'gateway.yaml:5:30 plugins[0].source: the module p.wasm cannot be read (ENOENT) — build the plugin, or correct the path',
    ]);
  });

  it('does not wait for ever on a pipe', async () => {
    write({ 'gateway.yaml': GATEWAY, 'tenants/a.yaml': tenant('a', 'x.example.com') });
    execFileSync('mkfifo', [join(root, 'tenants/b.yaml')]);
    expect(await problemsOf()).toEqual(['tenants/b.yaml: this is not a regular file — put a file here']);
  });

  it('says that there is no gateway file', async () => {
    expect(await problemsOf()).toEqual(['gateway.yaml: the file cannot be read (ENOENT) — check path and permissions']);
  });
});

describe('readSecretFile', () => {
  it('cuts one trailing newline', () => {
    write({ a: 'x\n', b: 'x\r\n', c: 'x\n\n', d: '' });
    expect(['a', 'b', 'c', 'd'].map((name) => readSecretFile(root, name))).toEqual(['x', 'x', 'x\n', '']);
  });

  it('follows links, as Kubernetes mounts secrets', () => {
    write({ '..data/key': 'value' });
    symlinkSync('..data/key', join(root, 'key'));
    expect(readSecretFile(root, 'key')).toBe('value');
  });

  it.each(['missing', '.', '..', '../x', 'a/b', '..data', '.hidden', '', 'directory', 'binary', 'large'])(
    'refuses %j',
    (name) => {
      write({
        'directory/x': '',
        binary: Buffer.from([0xff]),
        large: Buffer.alloc(LIMITS.secretBytes + 1, 'x'),
        '.hidden': 'x',
      });
      expect(readSecretFile(root, name)).toBeNull();
    },
  );
});
