import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseGateway } from '../config/parse-gateway.ts';
import { silentLog } from '../core/log.ts';
import { Recorder, responding, tenant } from './tenants.suite.ts';
import { Tenants, type TenantsOptions } from './tenants.ts';

let root: string;
let recorder: Recorder;
let tenants: Tenants;

function write(name: string, text: string): void {
  writeFileSync(join(root, name), text);
}

/** Poll far away, so that only notifications can be what is noticed. */
async function start(options: Partial<TenantsOptions> = {}): Promise<void> {
  const text =
    'apiVersion: sluice/v1\nlisteners: [{ name: h, port: 0 }]\ntenants: { directory: tenants }\nsecrets: { directory: secrets }\n';
  const gateway = parseGateway(join(root, 'gateway.yaml'), text).config!;
  tenants = new Tenants({
    gateway,
    version: '1.0.0',
    listener: recorder,
    log: silentLog,
    settleMs: 10,
    pollMs: 600_000,
    parsing: { threads: 0 },
    ...options,
  });
  await tenants.start();
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-tenants-'));
  mkdirSync(join(root, 'tenants'));
  mkdirSync(join(root, 'secrets'));
  recorder = new Recorder();
});
afterEach(async () => {
  await tenants.close();
  rmSync(root, { recursive: true, force: true });
});

describe('at start', () => {
  it('tells of every file in the order of names', async () => {
    write('tenants/b.yaml', tenant('b', 'b.example.com'));
    write('tenants/a.json', '{"tenant":"a","domains":["a.example.com"]}');
    write('tenants/.a.yaml.swp', 'nonsense');
    write('tenants/c.yaml~', 'nonsense');
    await start();
    expect(recorder.lines).toEqual(['tenant a: a.example.com', 'tenant b: b.example.com', 'settled']);
    expect(tenants.state().map(({ tenant, status, problems }) => ({ tenant, status, problems }))).toEqual([
      { tenant: 'a', status: 'ok', problems: [] },
      { tenant: 'b', status: 'ok', problems: [] },
    ]);
  });

  it('reserves the domains of a broken file against later ones', async () => {
    write('tenants/a.yaml', tenant('a', 'x.example.com, y.example.com', 'nonsense: 1\n'));
    write('tenants/b.yaml', tenant('b', 'y.example.com'));
    write('tenants/c.yaml', 'tenant: [');
    await start();
    expect(recorder.told).toEqual([
      'broken a: x.example.com y.example.com (down) unknown key',
      expect.stringMatching(/^broken b: {2}\(down\) the domain y.example.com already belongs to tenant a in .*a.yaml$/),
      expect.stringMatching(/^broken file:c.yaml: {2}\(down\) the bracket of/),
    ]);
  });

  it('keeps the first of two files that claim one domain or one name', async () => {
    write('tenants/a.yaml', tenant('a', 'x.example.com'));
    write('tenants/b.yaml', tenant('b', 'x.example.com, y.example.com'));
    write('tenants/c.yaml', tenant('a', 'z.example.com'));
    await start();
    expect(recorder.told).toEqual([
      'tenant a: x.example.com',
      expect.stringContaining('broken b: y.example.com (down) the domain x.example.com already belongs to tenant a'),
      expect.stringContaining('broken file:c.yaml: z.example.com (down) the tenant a is already defined in'),
    ]);
  });

  it('waits for a directory that is not there', async () => {
    rmSync(join(root, 'tenants'), { recursive: true });
    await start({ pollMs: 20 });
    expect(recorder.lines).toEqual([]);
    mkdirSync(join(root, 'tenants'));
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    await recorder.until('tenant a: a.example.com');
  });
});

describe('a change', () => {
  beforeEach(async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    write('tenants/b.yaml', tenant('b', 'b.example.com'));
    await start();
    recorder.lines.length = 0;
  });

  it('tells of a new file, and of it alone', async () => {
    write('tenants/c.yaml', tenant('c', 'c.example.com'));
    await recorder.until('tenant c: c.example.com');
    expect(recorder.told).toEqual(['tenant c: c.example.com']);
  });

  it('tells of a changed file', async () => {
    write('tenants/a.yaml', tenant('a', 'a2.example.com'));
    await recorder.until('tenant a: a2.example.com');
    expect(tenants.state()[0]!.config).toMatchObject({ domains: ['a2.example.com'] });
  });

  it('tells of a deleted file', async () => {
    rmSync(join(root, 'tenants/a.yaml'));
    await recorder.until('removed a');
    expect(recorder.told).toEqual(['removed a']);
    expect(tenants.state()).toHaveLength(1);
  });

  it('keeps the last good version of a file that breaks, until it is mended', async () => {
    const digest = tenants.state()[0]!.digest;
    write('tenants/a.yaml', tenant('a', 'a.example.com', 'rutes: []\n'));
    await recorder.until('broken a: a.example.com (last good) unknown key');
    const state = tenants.state()[0]!;
    expect(state).toMatchObject({ tenant: 'a', status: 'serving-last-good', digest });
    expect(state.problems[0]).toMatchObject({ line: 3, column: 1, key: 'rutes' });
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    await recorder.until('tenant a: a.example.com');
    expect(tenants.state()[0]).toMatchObject({ status: 'ok', problems: [], digest });
    expect(recorder.told).toHaveLength(2);
  });

  it('takes a file that is saved by renaming as a change, not as a removal', async () => {
    renameSync(join(root, 'tenants/a.yaml'), join(root, 'tenants/a.yaml~'));
    write('tenants/.a.tmp', tenant('a', 'a2.example.com'));
    renameSync(join(root, 'tenants/.a.tmp'), join(root, 'tenants/a.yaml'));
    await recorder.until('tenant a: a2.example.com');
    expect(recorder.told).toEqual(['tenant a: a2.example.com']);
  });

  it('moves a tenant with its file', async () => {
    renameSync(join(root, 'tenants/a.yaml'), join(root, 'tenants/z.yaml'));
    await recorder.until('tenant a: a.example.com');
    expect(recorder.told).toEqual(['tenant a: a.example.com']);
    expect(tenants.state().map((state) => state.tenant)).toEqual(['b', 'a']);
  });

  it('removes a tenant that is renamed in its file, and adds the new one', async () => {
    write('tenants/a.yaml', tenant('a2', 'a.example.com'));
    await recorder.until('tenant a2: a.example.com');
    expect(recorder.told).toEqual(['tenant a2: a.example.com', 'removed a']);
  });

  it('keeps the former tenant of a file whose new one is refused', async () => {
    recorder.refuse = 'a2';
    write('tenants/a.yaml', tenant('a2', 'a.example.com'));
    await recorder.until('broken a: a.example.com (last good) cannot be built: no room');
    expect(recorder.told).toHaveLength(1);
    expect(recorder.configs.has('a')).toBe(true);
  });

  it('moves the last good version with a broken file', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com', 'rutes: []\n'));
    await recorder.until('broken a: a.example.com (last good) unknown key');
    recorder.lines.length = 0;
    renameSync(join(root, 'tenants/a.yaml'), join(root, 'tenants/z.yaml'));
    await recorder.until('broken a: a.example.com (last good) unknown key');
    expect(recorder.told).toHaveLength(1);
    expect(tenants.state()[1]).toMatchObject({ tenant: 'a', status: 'serving-last-good' });
    expect(recorder.configs.has('a')).toBe(true);
  });

  it('refuses a newcomer that claims a domain, and lets it in when the domain is free', async () => {
    write('tenants/c.yaml', tenant('c', 'c.example.com, a.example.com'));
    await recorder.until('settled');
    expect(recorder.told).toEqual([
      expect.stringMatching(/^broken c: c.example.com \(down\) the domain a.example.com .* tenant a in .*a.yaml$/),
    ]);
    rmSync(join(root, 'tenants/a.yaml'));
    await recorder.until('tenant c: c.example.com a.example.com');
    expect(recorder.told.slice(1)).toEqual(['removed a', 'tenant c: c.example.com a.example.com']);
  });

  it('moves a domain from one tenant to another, released before it is taken', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com, b.example.com'));
    write('tenants/b.yaml', tenant('b', 'b2.example.com'));
    await recorder.until('tenant a: a.example.com b.example.com');
    const [released, taken] = recorder.told.filter((line) => line.startsWith('tenant'));
    expect([released, taken]).toEqual(['tenant b: b2.example.com', 'tenant a: a.example.com b.example.com']);
  });

  it('keeps all tenants while the directory is away', async () => {
    rmSync(join(root, 'tenants'), { recursive: true });
    await tenants.reload();
    expect(recorder.told).toEqual([]);
    expect(tenants.state().map((state) => state.status)).toEqual(['ok', 'ok']);
    mkdirSync(join(root, 'tenants'));
    write('tenants/a.yaml', tenant('a', 'a3.example.com'));
    await tenants.reload();
    expect([...recorder.told].sort()).toEqual(['removed b', 'tenant a: a3.example.com']);
    write('tenants/d.yaml', tenant('d', 'd.example.com'));
    await recorder.until('tenant d: d.example.com');
  });

  it('tells nothing when a file is written with the same text', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    await tenants.reload();
    expect(recorder.lines).toEqual([]);
  });

  it('keeps the last version when the listener refuses one', async () => {
    recorder.refuse = 'a';
    write('tenants/a.yaml', tenant('a', 'a2.example.com'));
    await recorder.until('broken a: a.example.com (last good) cannot be built: no room');
    expect(tenants.state()[0]!.status).toBe('serving-last-good');
  });

  it('tells nothing after close', async () => {
    await tenants.close();
    write('tenants/c.yaml', tenant('c', 'c.example.com'));
    await tenants.reload();
    expect(recorder.lines).toEqual([]);
  });
});

describe('a secret', () => {
  it('of the tenant itself is read anew at the next look', async () => {
    write('secrets/motto', 'common');
    mkdirSync(join(root, 'secrets/a'));
    write('secrets/a/motto', 'own');
    write('tenants/a.yaml', tenant('a', 'a.example.com', responding('{ secret: motto }')));
    await start();
    expect(recorder.configs.get('a')?.routes[0]?.respond?.body).toBe('own');
    write('secrets/a/motto', 'newer');
    await tenants.reload();
    expect(recorder.configs.get('a')?.routes[0]?.respond?.body).toBe('newer');
  });

  it('that changes is put into the files that use it', async () => {
    write('secrets/motto', 'one\n');
    write('tenants/a.yaml', tenant('a', 'a.example.com', responding('{ secret: motto }')));
    write('tenants/b.yaml', tenant('b', 'b.example.com'));
    await start();
    expect(recorder.configs.get('a')!.routes[0]!.respond!.body).toBe('one');
    const from = recorder.lines.length;
    write('secrets/motto', 'two\n');
    await recorder.until('tenant a: a.example.com', from);
    expect(recorder.lines.slice(from)).toEqual(['tenant a: a.example.com', 'settled']);
    expect(recorder.configs.get('a')!.routes[0]!.respond!.body).toBe('two');
    expect(new Set(recorder.digests).size).toBe(3);
    expect(JSON.stringify(tenants.state())).not.toContain('two');
  });

  it('that appears mends the file that waits for it, and one that goes leaves the last version', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com', responding('{ secret: motto }')));
    await start();
    expect(recorder.told).toEqual(['broken a: a.example.com (down) the secret motto is missing or unreadable']);
    write('secrets/motto', 'one');
    await recorder.until('tenant a: a.example.com');
    rmSync(join(root, 'secrets/motto'));
    await recorder.until('broken a: a.example.com (last good) the secret motto is missing or unreadable');
    expect(recorder.configs.get('a')!.routes[0]!.respond!.body).toBe('one');
  });
});

describe('a Kubernetes volume', () => {
  it('is read anew when ..data is swapped', async () => {
    const mount = (version: string, domain: string) => {
      mkdirSync(join(root, 'tenants', version));
      write(`tenants/${version}/a.yaml`, tenant('a', domain));
      symlinkSync(version, join(root, 'tenants/..data_tmp'));
      renameSync(join(root, 'tenants/..data_tmp'), join(root, 'tenants/..data'));
    };
    mount('..v1', 'one.example.com');
    symlinkSync('..data/a.yaml', join(root, 'tenants/a.yaml'));
    await start();
    mount('..v2', 'two.example.com');
    await recorder.until('tenant a: two.example.com');
    expect(recorder.told).toEqual(['tenant a: one.example.com', 'tenant a: two.example.com']);
  });
});

describe('plugins that come and go', () => {
  const using = (...names: string[]) => `plugins: [${names.map((name) => `{ use: ${name} }`).join(', ')}]\n`;
  const offer = (...names: string[]) => tenants.offer(names.map((name) => ({ name })));
  const GONE = (name: string) => `there is no plugin "${name}" in the catalogue`;

  it.each([0, 2])('are known to those who waited for them, threads: %d', async (threads) => {
    write('tenants/a.yaml', tenant('a', 'a.example.com', using('new')));
    write('tenants/b.yaml', tenant('b', 'b.example.com'));
    write('tenants/c.yaml', tenant('c', 'c.example.com', using('other')));
    await start({ parsing: { threads } });
    const from = recorder.lines.length;
    offer('new');
    await recorder.until('tenant a: a.example.com', from);
    // There is more that the other one might have meant.
    const other = `broken c: c.example.com (down) ${GONE('other')}`;
    expect(recorder.lines.slice(from)).toEqual(['tenant a: a.example.com', other, 'settled']);
    write('tenants/b.yaml', tenant('b', 'b.example.com', using('new')));
    await recorder.until('tenant b: b.example.com', from);
  });

  it('keep who uses one that is gone at his last good version', async () => {
    await start();
    offer('old');
    write('tenants/a.yaml', tenant('a', 'a.example.com', using('old')));
    await recorder.until('tenant a: a.example.com');
    offer('new');
    await recorder.until(`broken a: a.example.com (last good) ${GONE('old')}`);
    expect(tenants.state()).toMatchObject([{ status: 'serving-last-good', problems: [{ line: 3, column: 18 }] }]);
    const from = recorder.lines.length;
    offer('new', 'old');
    await recorder.until('tenant a: a.example.com', from);
    expect(tenants.state()).toMatchObject([{ status: 'ok', problems: [] }]);
  });

  it('change their name together with those who use them', async () => {
    await start();
    offer('old');
    write('tenants/a.yaml', tenant('a', 'a.example.com', using('old')));
    await recorder.until('tenant a: a.example.com');
    write('tenants/a.yaml', tenant('a', 'a.example.com', using('new')));
    await recorder.until(`broken a: a.example.com (last good) ${GONE('new')}`);
    const from = recorder.lines.length;
    offer('new');
    await recorder.until('tenant a: a.example.com', from);
    expect(recorder.configs.get('a')?.plugins).toMatchObject([{ use: 'new' }]);
  });

  it('are not used before their module is there', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com', using('new')));
    await start();
    tenants.offer([{ name: 'new', awaited: true }]);
    await recorder.until('broken a: a.example.com (down) the plugin "new" has no module yet');
    offer('new');
    await recorder.until('tenant a: a.example.com');
  });

  it('are as they were last, however often they change while files are read', async () => {
    for (const name of ['a', 'b', 'c'])
      write(`tenants/${name}.yaml`, tenant(name, `${name}.example.com`, using('new')));
    await start({ parsing: { threads: 1 } });
    for (let i = 0; i < 20; i++) offer(...(i % 2 === 0 ? ['new'] : []));
    offer('new', 'last');
    await recorder.until('tenant c: c.example.com');
    await tenants.reload();
    expect(tenants.state().map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
    offer();
    await tenants.reload();
    expect(tenants.state().map(({ status }) => status)).toEqual(Array(3).fill('serving-last-good'));
  });
});
