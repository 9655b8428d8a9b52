import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issue, writePair } from '../config/certificate.suite.ts';
import { DEFAULT_LISTENER_LIMITS } from '../config/schema-limits.ts';
import type { CertificateFiles, ListenerConfig } from '../config/schema-listener.ts';
import { silentLog } from '../core/log.ts';
import { until } from '../exchange/probes.suite.ts';
import { ListenerPlan } from './listener-plan.ts';

function config(name: string, port: number, certificates?: readonly CertificateFiles[]): ListenerConfig {
  const tls = { minVersion: '1.3', ticketRotation: 3_600_000, handshakesPerSecond: 7 } as const;
  const plain = { name, address: '127.0.0.1', port, limits: DEFAULT_LISTENER_LIMITS };
  return certificates === undefined ? plain : { ...plain, tls: { ...tls, certificates: [...certificates] } };
}

describe('ListenerPlan', () => {
  let directory: string;
  let plan: ListenerPlan;
  let changes: number;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-plan-'));
    changes = 0;
  });
  afterEach(async () => {
    await plan.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function make(...listeners: ListenerConfig[]): ListenerPlan {
    plan = new ListenerPlan({ listeners, reusePort: true, log: silentLog, onChange: () => changes++, settleMs: 5 });
    return plan;
  }

  it('makes what workers need of the configuration', async () => {
    const pair = issue({ names: ['a.example', '*.b.example'] });
    await make(config('http', 80), config('https', 443, [writePair(directory, 'a', pair)])).start();
    const specs = plan.specs();
    const common = { address: '127.0.0.1', reusePort: true, limits: DEFAULT_LISTENER_LIMITS };
    const { certificate, key } = pair;
    expect(specs).toEqual([
      { name: 'http', port: 80, ...common, tls: null },
      {
        name: 'https',
        port: 443,
        ...common,
        tls: {
          certificates: [{ id: expect.any(String), certificate, key, names: ['a.example', '*.b.example'] }],
          minVersion: '1.3',
          ticketKeys: expect.any(Buffer),
          ticketLifetime: 3_600_000,
          handshakesPerSecond: 7,
        },
      },
    ]);
    expect(plan.specs()).toEqual(specs);
    expect(structuredClone(specs)[1]!.tls!.ticketKeys).toHaveLength(48);
  });

  it('gives the port that the first worker found to the others, as long as any is wanted', async () => {
    await make(config('a', 0), config('b', 80)).start();
    const ports = () => plan.specs().map(({ port }) => port);
    expect(ports()).toEqual([0, 80]);
    plan.opened([
      { name: 'a', address: '127.0.0.1', port: 4001 },
      { name: 'b', address: '127.0.0.1', port: 80 },
    ]);
    expect(ports()).toEqual([4001, 80]);
    await plan.change([config('a', 0), config('b', 0)]);
    expect(ports()).toEqual([4001, 80]);
    await plan.change([config('a', 81)]);
    await plan.change([config('a', 0)]);
    expect(ports()).toEqual([0]);
  });

  it('refuses bad certificates at the start and later, and then keeps what it has', async () => {
    const good = writePair(directory, 'good', issue());
    const bad = { ...good, keyFile: writePair(directory, 'other', issue()).keyFile };
    const error = {
      code: 'SLUICE_TLS_KEY_MISMATCH',
      detail: `listener https, the private key in ${bad.keyFile} does not belong to the certificate in ${bad.certFile}`,
    };
    await expect(make(config('https', 443, [bad])).start()).rejects.toMatchObject(error);
    await plan.close();
    await make(config('https', 443, [good])).start();
    const before = plan.specs();
    await expect(plan.change([config('https', 444, [good, bad])])).rejects.toMatchObject(error);
    expect(plan.specs()).toEqual(before);
  });

  it('puts former listeners back', async () => {
    const pair = writePair(directory, 'a', issue());
    await make(config('https', 443, [pair])).start();
    const before = plan.specs();
    const restore = await plan.change([config('http', 80)]);
    expect(plan.specs().map(({ name }) => name)).toEqual(['http']);
    restore();
    const { ticketKeys: _, ...tls } = before[0]!.tls!;
    expect(plan.specs()).toMatchObject([{ ...before[0], tls }]);
  });

  it('tells of an exchanged certificate, and shows one that is not taken up', async () => {
    const [one, two] = [issue(), issue()];
    const files = writePair(directory, 'a', one);
    await make(config('https', 443, [files])).start();
    const expiresAt = Date.parse(validTo(one));
    expect(plan.certificates('https')).toEqual([{ file: files.certFile, names: ['a.example'], expiresAt, error: '' }]);
    writePair(directory, 'a', two);
    await until(() => changes === 1);
    expect(plan.specs()[0]!.tls!.certificates[0]!.certificate).toBe(two.certificate);
    writeFileSync(files.keyFile, one.key);
    await until(() => plan.reloads.failure === 1);
    expect(plan.certificates('https')[0]!.error).toMatch(/does not belong/);
    expect(plan.certificates('nobody')).toEqual([]);
    expect(plan.reloads).toEqual({ success: 1, failure: 1 });
  });
});

function validTo({ certificate }: { readonly certificate: string }): string {
  return new X509Certificate(certificate).validTo;
}
