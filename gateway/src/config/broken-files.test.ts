import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadAll } from './load.ts';
import { formatProblem, type Problem } from './problem.ts';

const TENANT = 'tenant: home\ndomains: [a.example.com]\n';
const GATEWAY = 'apiVersion: sluice/v1\nlisteners: [{ name: http, port: 8080 }]\n';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-broken-'));
  mkdirSync(join(root, 'tenants'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Problems and warnings of what is in the directory of the test, with relative paths. */
async function load(tenants = '{ directory: tenants }'): Promise<{ problems: string[]; warnings: string[] }> {
  writeFileSync(join(root, 'gateway.yaml'), `${GATEWAY}tenants: ${tenants}\n`);
  const { problems, warnings } = await loadAll(join(root, 'gateway.yaml'));
  const told = (list: readonly Problem[]): string[] =>
    list.map((problem) => formatProblem(problem).replaceAll(`${root}/`, ''));
  return { problems: told(problems), warnings: told(warnings) };
}

async function problemsOf(content: string | Buffer): Promise<string[]> {
  writeFileSync(join(root, 'tenants', 'home.yaml'), content);
  return (await load()).problems;
}

const NUL = 'the control character U+0000 cannot stand in a configuration — remove it, and save the file as UTF-8';

describe('a file whose bytes are no text', () => {
  it.each<readonly [string, string | Buffer, string]>([
    [
      'UTF-16 with its mark',
      Buffer.from(`\ufeff${TENANT}`, 'utf16le'),
      ': the file is not UTF-8 text — save it as UTF-8',
    ],
    ['UTF-16 without it', Buffer.from(TENANT, 'utf16le'), `:1:2 ${NUL}`],
    [
      'Latin-1',
      Buffer.from('tenant: home\ndomains: [büro.example.com]\n', 'latin1'),
      ': the file is not UTF-8 text — save it as UTF-8',
    ],
    ['a NUL in a value', 'tenant: ho\0me\ndomains: [a.example.com]\n', `:1:11 ${NUL}`],
    ['zeros at the end, as after a power failure', `${TENANT}${'\0'.repeat(512)}`, `:3:1 ${NUL}`],
    [
      'an escape sequence for terminals',
      'tenant: home\ndomains: [\x1b[31ma.example.com]\n',
      ':2:11 the control character U+001B cannot stand in a configuration — remove it, and save the file as UTF-8',
    ],
    [
      'three byte order marks',
      `\ufeff\ufeff\ufeff${TENANT}`,
      ':1:2 ["\\ufefftenant"]: unknown key — did you mean tenant?',
    ],
    ['nothing', '', ': the file is empty — write the configuration into it'],
    ['white space', '\n  \n\n', ': the file is empty — write the configuration into it'],
  ])('has one problem: %s', async (_, content, problem) => {
    expect(await problemsOf(content)).toEqual([`tenants/home.yaml${problem}`]);
  });

  it.each([
    ['one byte order mark', `\ufeff${TENANT}`],
    ['line ends of Windows', TENANT.replaceAll('\n', '\r\n')],
    ['no line end', TENANT.trimEnd()],
    ['tabs between tokens', 'tenant:\thome\ndomains:\t[a.example.com]\n'],
  ])('has none: %s', async (_, content) => {
    expect(await problemsOf(content)).toEqual([]);
  });

  it('is told of in lines and columns of its own line ends', async () => {
    expect(await problemsOf(`${TENANT}routes:\n\t- a\n`.replaceAll('\n', '\r\n'))).toEqual([
      'tenants/home.yaml:4:1 tabs are not allowed as indentation — indent with spaces',
    ]);
  });
});

describe('what is no file', () => {
  it('is told of', async () => {
    mkdirSync(join(root, 'tenants', 'a.yaml'));
    symlinkSync('b.yaml', join(root, 'tenants', 'b.yaml'));
    symlinkSync('nowhere.yaml', join(root, 'tenants', 'c.yaml'));
    expect((await load()).problems).toEqual([
      'tenants/a.yaml: this is not a regular file — put a file here',
      'tenants/b.yaml: the file cannot be read (ELOOP) — check path and permissions',
      'tenants/c.yaml: the file cannot be read (ENOENT) — check path and permissions',
    ]);
  });
});

describe('an override of a tenant that there is not', () => {
  const GRANTED = '{ directory: tenants, overrides: { hoem: { limits: { routes: 5 } }, shop: {}, home: {} } }';

  it('is warned of, since the tenant may be yet to come', async () => {
    writeFileSync(join(root, 'tenants', 'home.yaml'), TENANT);
    expect(await load(GRANTED)).toEqual({
      problems: [],
      warnings: [
        'gateway.yaml:3:51 tenants.overrides.hoem: no file has the tenant "hoem" — did you mean home?',
        'gateway.yaml:3:84 tenants.overrides.shop: no file has the tenant "shop" — known here: home',
      ],
    });
  });

  it('is not told from one whose file cannot be read', async () => {
    writeFileSync(join(root, 'tenants', 'home.yaml'), TENANT);
    writeFileSync(join(root, 'tenants', 'other.yaml'), 'tenant: Shop!\ndomains: [b.example.com]\n');
    const { problems, warnings } = await load(GRANTED);
    expect(problems).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  it('counts with a name in a file that is broken elsewhere', async () => {
    writeFileSync(join(root, 'tenants', 'home.yaml'), `${TENANT}rutes: []\n`);
    const { warnings } = await load('{ directory: tenants, overrides: { home: {} } }');
    expect(warnings).toEqual([]);
  });

  it('has a remedy when there is no tenant at all', async () => {
    const { warnings } = await load('{ directory: tenants, overrides: { home: {} } }');
    expect(warnings).toEqual([
      'gateway.yaml:3:51 tenants.overrides.home: no file has the tenant "home" — add its file, or remove the override',
    ]);
  });
});

describe('a password that is no text', () => {
  it('is not told', async () => {
    const registry = '{ type: nacos, servers: ["127.0.0.1:8848"], password: 12345678 }';
    const { problems } = await load(`{ directory: tenants }\nregistries: { a: ${registry} }`);
    expect(problems).toEqual(['gateway.yaml:4:72 registries.a.password: the value is not text — put it in quotes']);
  });
});
