import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issue, type Issued, writePair } from '../config/certificate.suite.ts';
import type { CertificateFiles } from '../config/schema-listener.ts';
import type { Log } from '../core/log.ts';
import { until } from '../exchange/probes.suite.ts';
import { CertificateStore } from './certificate-store.ts';

describe('CertificateStore', () => {
  let directory: string;
  let store: CertificateStore;
  let changes: number;
  let lines: { level: string; fields: Record<string, unknown>; text: string }[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-certificates-'));
    changes = 0;
    lines = [];
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function make(times: { settleMs?: number; pollMs?: number } = {}): CertificateStore {
    const note = (level: string) => (fields: object, text: string) =>
      void lines.push({ level, fields: { ...fields }, text });
    const log: Log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
    store = new CertificateStore({ log, onChange: () => changes++, settleMs: 5, ...times });
    return store;
  }

  async function add(files: CertificateFiles): Promise<void> {
    expect(await store.add([files])).toBeNull();
  }

  const served = (files: CertificateFiles): string => store.get(files).certificate.certificate;

  it('takes up a pair that was exchanged', async () => {
    const [one, two] = [issue(), issue()];
    const files = writePair(directory, 'a', one);
    make();
    await add(files);
    expect(served(files)).toBe(one.certificate);
    writePair(directory, 'a', two);
    await until(() => changes === 1);
    expect(served(files)).toBe(two.certificate);
    expect(store.reloads).toEqual({ success: 1, failure: 0 });
    const told = lines.filter(({ level }) => level === 'info');
    expect(told).toMatchObject([{ fields: { file: files.certFile, names: ['a.example'] } }]);
  });

  it('takes up what a Kubernetes secret swaps behind its links', async () => {
    const versions: Issued[] = [issue(), issue()];
    for (const [index, pair] of versions.entries()) {
      mkdirSync(join(directory, `..v${index}`));
      writePair(join(directory, `..v${index}`), 'tls', pair);
    }
    symlinkSync('..v0', join(directory, '..data'));
    for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(directory, file));
    const files = { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') };
    make();
    await add(files);
    symlinkSync('..v1', join(directory, '..next'));
    renameSync(join(directory, '..next'), join(directory, '..data'));
    await until(() => changes === 1);
    expect(served(files)).toBe(versions[1]!.certificate);
  });

  it('finds by polling what no watch tells of', async () => {
    const [one, two] = [issue(), issue()];
    const real = join(directory, 'real');
    mkdirSync(real);
    mkdirSync(join(directory, 'links'));
    writePair(real, 'a', one);
    const files = { certFile: join(directory, 'links', 'a.crt'), keyFile: join(directory, 'links', 'a.key') };
    for (const file of ['a.crt', 'a.key']) symlinkSync(join(real, file), join(directory, 'links', file));
    make({ pollMs: 20 });
    await add(files);
    writePair(real, 'a', two);
    await until(() => changes === 1);
    expect(served(files)).toBe(two.certificate);
  });

  it('keeps the former pair while the new one is broken, and says so once', async () => {
    const [one, two] = [issue(), issue()];
    const files = writePair(directory, 'a', one);
    make();
    await add(files);
    writeFileSync(files.certFile, two.certificate);
    await until(() => store.reloads.failure === 1);
    expect(served(files)).toBe(one.certificate);
    expect(store.get(files).fault).toMatchObject({ code: 'SLUICE_TLS_KEY_MISMATCH', at: 'keyFile' });
    await store.refresh();
    await store.refresh();
    const told = lines.filter(({ level }) => level === 'error');
    expect(told).toMatchObject([{ fields: { code: 'SLUICE_TLS_KEY_MISMATCH' } }]);
    expect(changes).toBe(0);
    writeFileSync(files.keyFile, two.key);
    await until(() => changes === 1);
    expect(served(files)).toBe(two.certificate);
    expect(store.get(files).fault).toBeNull();
    expect(store.reloads).toEqual({ success: 1, failure: 1 });
  });

  it('keeps the former pair when its files are deleted', async () => {
    const one = issue();
    const files = writePair(directory, 'a', one);
    make();
    await add(files);
    rmSync(directory, { recursive: true });
    await until(() => store.get(files).fault !== null || (void store.refresh(), false));
    expect(store.get(files).fault).toMatchObject({ code: 'SLUICE_TLS_FILE_UNREADABLE', at: 'certFile' });
    expect(served(files)).toBe(one.certificate);
    mkdirSync(directory);
    writePair(directory, 'a', one);
    await store.refresh();
    expect(store.get(files).fault).toBeNull();
    expect(changes).toBe(0);
  });

  it('gives the second of two files its time', async () => {
    const [one, two] = [issue(), issue()];
    const files = writePair(directory, 'a', one);
    make({ settleMs: 100 });
    await add(files);
    writeFileSync(files.certFile, two.certificate);
    await until(() => lines.length === 1);
    expect(lines).toMatchObject([{ level: 'debug', fields: { code: 'SLUICE_TLS_KEY_MISMATCH' } }]);
    writeFileSync(files.keyFile, two.key);
    await until(() => changes === 1);
    expect(served(files)).toBe(two.certificate);
    expect(store.reloads).toEqual({ success: 1, failure: 0 });
  });

  it('says nothing of the same pair written again', async () => {
    const one = issue();
    const files = writePair(directory, 'a', one);
    make();
    await add(files);
    writePair(directory, 'a', one);
    await store.refresh();
    expect([changes, lines]).toEqual([0, []]);
  });

  it('warns of what clients will refuse', async () => {
    make();
    await add(writePair(directory, 'old', issue({ notAfter: new Date(Date.now() - 1000) })));
    expect(lines).toMatchObject([{ level: 'warn', fields: { code: 'SLUICE_TLS_CERTIFICATE_EXPIRED' } }]);
  });

  it('adds all or none, and forgets what is not asked for', async () => {
    const [a, b] = [writePair(directory, 'a', issue()), writePair(directory, 'b', issue())];
    const broken = { certFile: a.certFile, keyFile: b.keyFile };
    make();
    expect(await store.add([a, broken])).toMatchObject({ code: 'SLUICE_TLS_KEY_MISMATCH' });
    expect(store.get(a)).toBeUndefined();
    expect(await store.add([a, b, a])).toBeNull();
    store.retain([b]);
    expect(store.get(a)).toBeUndefined();
    expect(store.get(b)).toBeDefined();
  });
});
