import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issue, writePair } from './certificate.suite.ts';
import { loadAll } from './load.ts';
import { formatProblem } from './problem.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-load-'));
  mkdirSync(join(root, 'tenants'));
  mkdirSync(join(root, 'certs'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const pair = (cert: string, key = cert): string => `{ certFile: certs/${cert}.crt, keyFile: certs/${key}.key }`;

/** Problems and warnings of a gateway with these certificates, with paths relative to the directory of the test. */
async function load(...certificates: string[]): Promise<{ problems: string[]; warnings: string[] }> {
  const lines = [
    'apiVersion: sluice/v1',
    'tenants: { directory: tenants }',
    'listeners:',
    '  - name: https',
    '    port: 8443',
    '    tls:',
    '      certificates:',
    ...certificates.map((certificate) => `        - ${certificate}`),
  ];
  writeFileSync(join(root, 'gateway.yaml'), lines.join('\n'));
  const { problems, warnings } = await loadAll(join(root, 'gateway.yaml'));
  const told = (list: typeof problems): string[] =>
    list.map((problem) => formatProblem(problem).replaceAll(`${root}/`, ''));
  return { problems: told(problems), warnings: told(warnings) };
}

describe('certificates of gateway.yaml', () => {
  it('are found beside the file, and tried', async () => {
    writePair(join(root, 'certs'), 'a', issue());
    writePair(join(root, 'certs'), 'b', issue({ keyType: 'rsa' }));
    expect(await load(pair('a'), pair('b'))).toEqual({ problems: [], warnings: [] });
    const { gateway } = await loadAll(join(root, 'gateway.yaml'));
    const [a] = gateway!.listeners[0]!.tls!.certificates;
    expect(a).toEqual({ certFile: join(root, 'certs/a.crt'), keyFile: join(root, 'certs/a.key') });
  });

  it('are reported each at its own key', async () => {
    writePair(join(root, 'certs'), 'a', issue());
    writePair(join(root, 'certs'), 'b', issue());
    const at = 'listeners[0].tls.certificates';
    expect(
      await load(pair('a', 'b'), pair('a'), pair('a', 'c'), '{ certFile: tenants, keyFile: certs/a.key }'),
    ).toEqual({
      problems: [
        `gateway.yaml:8:45 ${at}[0].keyFile: the private key in certs/b.key does not belong to the certificate in certs/a.crt — give files that were issued together`,
        `gateway.yaml:10:45 ${at}[2].keyFile: certs/c.key cannot be read (ENOENT) — check path and permissions`,
        `gateway.yaml:11:23 ${at}[3].certFile: tenants cannot be read (not a regular file) — put a PEM file there, or correct the path`,
      ],
      warnings: [],
    });
  });

  it('that are not valid at present are warned of', async () => {
    writePair(
      join(root, 'certs'),
      'old',
      issue({ notAfter: new Date('2025-12-31T23:59:59Z'), notBefore: new Date(0) }),
    );
    expect(await load(pair('old'))).toEqual({
      problems: [],
      warnings: [
        'gateway.yaml:8:23 listeners[0].tls.certificates[0].certFile: the certificate in certs/old.crt has expired on 2025-12-31T23:59:59.000Z — put a valid certificate there',
      ],
    });
  });

  it('may come from variables, which are not told', async () => {
    writeFileSync(join(root, 'tenants', 'x'), '');
    const { problems } = await load('{ certFile: "${NOWHERE}", keyFile: k }');
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/certFile: the environment variable NOWHERE is not set/);
  });

  it('need tickets that rotate at a sensible pace', async () => {
    writePair(join(root, 'certs'), 'a', issue());
    for (const [written, fine] of [
      ['999ms', false],
      ['1s', true],
      ['168h', true],
      ['169h', false],
    ] as const) {
      const { problems } = await load(pair('a'), pair('a') + `\n      ticketRotation: ${written}`);
      expect(problems).toEqual(
        fine
          ? []
          : [
              'gateway.yaml:10:23 listeners[0].tls.ticketRotation: session tickets cannot be rotated at this pace — give 1s to 168h; 12h is common',
            ],
      );
    }
  });
});
