import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SMALL_MANIFEST, withManifest } from '../wasm/manifest.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';
import { check } from './check.ts';

const MODULE = pluginModule({ callbacks: { proxy_on_log: '' } });
const CONFIG = {
  type: 'object',
  additionalProperties: false,
  required: ['keys'],
  properties: { keys: { type: 'array', items: { type: 'string' } }, rate: { type: 'integer', minimum: 1, maximum: 9 } },
};
const GUARD = withManifest(MODULE, { ...SMALL_MANIFEST, name: 'guard', phases: ['log'], config: CONFIG });

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-check-'));
  mkdirSync(join(root, 'tenants'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** What `sluice check` prints, with paths from the folder on. @param lines of gateway.yaml, and of a tenant below its domains */
async function checked(
  lines: readonly string[],
  tenant: readonly string[] = [],
): Promise<{ code: number; lines: string[] }> {
  const gateway = ['apiVersion: sluice/v1', 'listeners: [{ name: http, port: 1 }]', 'tenants: { directory: tenants }'];
  writeFileSync(join(root, 'gateway.yaml'), [...gateway, ...lines, ''].join('\n'));
  writeFileSync(join(root, 'tenants/a.yaml'), ['tenant: a', 'domains: [a.example.com]', ...tenant, ''].join('\n'));
  const told: string[] = [];
  const print = (line: string) => told.push(line.replaceAll(`${root}/`, ''));
  const code = await check({ config: join(root, 'gateway.yaml'), env: {}, print });
  return { code, lines: told };
}

describe('sluice check', () => {
  const CATALOGUE = 'plugins: [{ name: guard, source: "file:guard.wasm" }]';

  it('holds configurations against what their modules say, in all files', async () => {
    writeFileSync(join(root, 'guard.wasm'), GUARD);
    const chain = 'chain: [{ use: guard, config: { keys: [], rate: 10 } }]';
    const plugins = ['plugins:', '  - use: guard', '    config: { key: [a] }'];
    expect(await checked([CATALOGUE, chain], plugins)).toEqual({
      code: 1,
      lines: [
        'gateway.yaml:5:49 chain[0].config.rate: 10 is not valid here — give a whole number from 1 to 9',
        'tenants/a.yaml:5:15 plugins[0].config.key: unknown key — did you mean keys?',
        '2 problems in 2 files.',
      ],
    });
    expect(
      (await checked([CATALOGUE, chain.replace('10', '9')], [...plugins.slice(0, 2), '    config: { keys: [a] }']))
        .code,
    ).toBe(0);
  });

  it('warns of a manifest that is no good, and checks nothing against it', async () => {
    writeFileSync(join(root, 'guard.wasm'), withManifest(MODULE, '{}'));
    const { code, lines } = await checked([CATALOGUE], ['plugins: [{ use: guard, config: { whatever: 1 } }]']);
    expect(code).toBe(0);
    expect(lines[0]).toBe(
      'warning: gateway.yaml:4:34 plugins[0].source: the manifest of the module is not valid, and checks nothing: the key name is missing — build the plugin again, or tell its author',
    );
  });

  it('warns of what a plugin wants and is not allowed, and grants nothing', async () => {
    const permissions = { services: ['auth', 'shared/auth'], environment: ['REGION'], foreignFunctions: ['compress'] };
    writeFileSync(join(root, 'guard.wasm'), withManifest(MODULE, { ...SMALL_MANIFEST, phases: ['log'], permissions }));
    const { code, lines } = await checked([
      'plugins:',
      '  - name: guard',
      '    source: "file:guard.wasm"',
      '    allow: { foreignFunctions: [] }',
    ]);
    expect(code).toBe(0);
    expect(lines.slice(0, -1)).toEqual([
      'warning: gateway.yaml:7:12 plugins[0].allow: small asks for services "shared/auth", which is not allowed — add services: [shared/auth] to allow, if it shall have it',
      'warning: gateway.yaml:7:12 plugins[0].allow: small asks for foreignFunctions "compress", which is not allowed — add foreignFunctions: [compress] to allow, if it shall have it',
      'warning: gateway.yaml:7:12 plugins[0].allow: small asks for environment "REGION", which is not allowed — add environment: { REGION: … } to allow, if it shall have it',
    ]);
  });

  it('looks at modules of other machines where they are kept, and says where they are not', async () => {
    const digest = createHash('sha256').update(GUARD).digest('hex');
    const pin = `manifest:${'a'.repeat(64)}`;
    const plugins = [
      'state: { directory: state }',
      'plugins:',
      `  - { name: by-digest, source: "https://plugins.example/g.wasm", sha256: "${digest}" }`,
      `  - { name: by-manifest, source: "oci://registry.example/g@sha256:${'a'.repeat(64)}" }`,
      `  - { name: other, source: "oci://registry.example/o@sha256:${'b'.repeat(64)}" }`,
    ];
    const uses = [
      'plugins:',
      ...['by-digest', 'by-manifest', 'other'].map((name) => `  - { use: ${name}, config: { rate: 5 } }`),
    ];
    const before = await checked(plugins, uses);
    expect(before.lines.filter((line) => line.startsWith('note: '))).toHaveLength(3);
    expect(before.code).toBe(0);
    mkdirSync(join(root, 'state/modules'), { recursive: true });
    writeFileSync(join(root, `state/modules/${digest}.wasm`), GUARD);
    writeFileSync(join(root, 'state/modules/by-manifest.json'), JSON.stringify({ pin, digest }));
    writeFileSync(join(root, 'state/modules/other.json'), JSON.stringify({ pin, digest }));
    expect((await checked(plugins, uses)).lines).toEqual([
      'note: gateway.yaml:8:28 plugins[2].source: the module has not been fetched to this machine, so that configurations of the plugin are not checked — check again where a gateway with this catalogue and state.directory has run',
      'tenants/a.yaml:4:31 plugins[0].config: the key keys is missing — add keys: a list; each item is text',
      'tenants/a.yaml:5:33 plugins[1].config: the key keys is missing — add keys: a list; each item is text',
      '2 problems in 1 file.',
    ]);
    // What was changed on disk is not what it was.
    writeFileSync(join(root, `state/modules/${digest}.wasm`), MODULE);
    expect((await checked(plugins, uses)).lines.filter((line) => line.startsWith('note: '))).toHaveLength(3);
  });
});
