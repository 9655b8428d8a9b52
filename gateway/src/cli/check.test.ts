import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { check } from './check.ts';

let root: string;
let config: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-check-'));
  config = join(root, 'gateway.yaml');
  mkdirSync(join(root, 'tenants'));
  writeFileSync(
    config,
    'apiVersion: sluice/v1\nlisteners: [{ name: http, port: "${PORT}" }]\ntenants: { directory: tenants }\n',
  );
  writeFileSync(
    join(root, 'tenants/a.yaml'),
    'tenant: a\ndomains: [a.example.com]\nroutes: [{ id: r, respond: {} }]\n',
  );
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

async function run(json: boolean, env: Record<string, string> = { PORT: '8080' }) {
  const lines: string[] = [];
  const code = await check({ config, json, env, print: (line) => lines.push(line) });
  return { code, lines };
}

describe('sluice check', () => {
  it('says in one line that all is well', async () => {
    expect(await run(false)).toEqual({ code: 0, lines: [`${config} is valid: 1 tenant, 1 route.`] });
  });

  it('prints every problem with its place, key and remedy', async () => {
    writeFileSync(join(root, 'tenants/b.yaml'), 'tenant: b\ndomains: [a.example.com]\nroute: []\n');
    const { code, lines } = await run(false, {});
    expect(code).toBe(1);
    expect(lines).toEqual([
      `${config}:2:33 listeners[0].port: the environment variable PORT is not set — set PORT, or give a default: \${PORT:-default}`,
      `${root}/tenants/b.yaml:2:11 domains[0]: the domain a.example.com already belongs to tenant a in ${root}/tenants/a.yaml — remove it from one of the two files`,
      `${root}/tenants/b.yaml:3:1 route: unknown key — did you mean routes?`,
      '3 problems in 2 files.',
    ]);
  });

  it('looks at what plugins are fetched with, and fetches nothing', async () => {
    const plugins = [
      `{ name: a, source: "oci://registry.example/a:1" }`,
      `{ name: b, source: "https://plugins.example/b.wasm", sha256: "${'0'.repeat(64)}", pull: { caFile: ca.pem } }`,
    ];
    const lines = plugins.map((plugin) => `  - ${plugin}\n`).join('');
    writeFileSync(config, `${readFileSync(config, 'utf8')}plugins:\n${lines}`);
    expect((await run(false)).lines).toEqual([
      expect.stringMatching(/^note: .*gateway\.yaml:6:24 plugins\[1\]\.source: the module has not been fetched/),
      expect.stringMatching(/gateway\.yaml:5:24 plugins\[0\]\.source: the key sha256 is missing/),
      `${config}:6:150 plugins[1].pull.caFile: the file ${root}/ca.pem cannot be read (ENOENT) — correct the path`,
      '2 problems in 1 file.',
    ]);
  });

  it('prints one JSON object', async () => {
    writeFileSync(join(root, 'tenants/b.yaml'), 'tenant: b\ndomains: [a.example.com]\n');
    const { code, lines } = await run(true);
    expect(code).toBe(1);
    expect(JSON.parse(lines.join('\n'))).toEqual({
      ok: false,
      files: 3,
      warnings: [],
      notes: [],
      problems: [
        {
          file: `${root}/tenants/b.yaml`,
          line: 2,
          column: 11,
          key: 'domains[0]',
          code: 'SLUICE_CONFIG_CONFLICT',
          message: `the domain a.example.com already belongs to tenant a in ${root}/tenants/a.yaml`,
          remedy: 'remove it from one of the two files',
        },
      ],
    });
  });
});
