import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { issue, type IssueOptions, writePair } from './certificate.suite.ts';
import { type Certificate, type CertificateFault, readCertificate, validityFault } from './certificate.ts';
import type { CertificateFiles } from './schema-listener.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-certificates-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let pairs = 0;
function write(certificate: string, key: string): CertificateFiles {
  return writePair(directory, String(++pairs), { ...issue(), certificate, key });
}

async function accept(files: CertificateFiles): Promise<Certificate> {
  const { certificate, fault } = await readCertificate(files);
  expect(fault).toBeNull();
  return certificate!;
}

async function refuse(files: CertificateFiles): Promise<CertificateFault> {
  const { certificate, fault } = await readCertificate(files);
  expect(certificate).toBeNull();
  return fault!;
}

describe('readCertificate', () => {
  it.each<[string, IssueOptions, string[]]>([
    ['alternative names', { names: ['A.example', '*.b.example'] }, ['a.example', '*.b.example']],
    ['alternative names, not the common one', { names: ['a.example'], commonName: 'b.example' }, ['a.example']],
    ['the common name where there are no others', { names: null, commonName: 'c.example' }, ['c.example']],
    ['no name that cannot be asked for', { names: ['f*.example', 'a b', '*', '*.*.example', 'ok'] }, ['ok']],
    ['each once', { names: ['a.example', 'A.EXAMPLE'] }, ['a.example']],
  ])('takes %s', async (_, options, names) => {
    const { certificate, key } = issue(options);
    expect((await accept(write(certificate, key))).names).toEqual(names);
  });

  it('knows its times, and whether it is another one', async () => {
    const notBefore = new Date('2026-01-01T00:00:00Z');
    const notAfter = new Date('2126-01-01T00:00:00Z');
    const rsa = issue({ keyType: 'rsa', notBefore, notAfter });
    const read = await accept(write(rsa.certificate, rsa.key));
    expect(read).toMatchObject({ notBefore: notBefore.getTime(), notAfter: notAfter.getTime() });
    const ec = issue();
    const other = await accept(write(ec.certificate, ec.key));
    expect(other.id).not.toBe(read.id);
    expect((await accept(write(rsa.certificate, rsa.key))).id).toBe(read.id);
  });

  it('takes a chain, comments, and keys in their older forms', async () => {
    const ca = issue({ names: null, commonName: 'ca', ca: true });
    const { certificate, privateKey } = issue({ issuer: ca });
    const key = createPrivateKey(privateKey.export({ type: 'sec1', format: 'pem' })).export({
      type: 'sec1',
      format: 'pem',
    });
    await accept(write(`issued by hand\n${certificate}# then the chain\n${ca.certificate}`, key));
  });

  it.each<[string, () => [string, string], ErrorCode, keyof CertificateFiles, RegExp]>([
    ['no PEM', () => ['hello', issue().key], 'SLUICE_TLS_CERTIFICATE_INVALID', 'certFile', /no certificate in PEM/],
    ['an empty file', () => ['', issue().key], 'SLUICE_TLS_CERTIFICATE_INVALID', 'certFile', /no certificate in PEM/],
    [
      "the files in each other's place",
      () => [issue().key, issue().certificate],
      'SLUICE_TLS_CERTIFICATE_INVALID',
      'certFile',
      /holds a private key and no certificate/,
    ],
    [
      'a damaged certificate',
      () => [issue().certificate.replace(/\n.{64}/, ''), issue().key],
      'SLUICE_TLS_CERTIFICATE_INVALID',
      'certFile',
      /certificate 1 in .* is damaged/,
    ],
    [
      'a damaged chain',
      () => {
        const { certificate, key } = issue();
        return [certificate + issue().certificate.replace(/\n.{64}/, ''), key];
      },
      'SLUICE_TLS_CERTIFICATE_INVALID',
      'certFile',
      /certificate 2 in .* is damaged/,
    ],
    [
      'a key that is none',
      () => [issue().certificate, issue().certificate],
      'SLUICE_TLS_KEY_INVALID',
      'keyFile',
      /no private key in PEM/,
    ],
    [
      'a damaged key',
      () => [issue().certificate, issue().key.replace(/\n.{60}/, '\n')],
      'SLUICE_TLS_KEY_INVALID',
      'keyFile',
      /is damaged/,
    ],
    [
      'an encrypted key',
      () => {
        const { certificate, privateKey } = issue();
        const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
        return [certificate, privateKey.export(options)];
      },
      'SLUICE_TLS_KEY_ENCRYPTED',
      'keyFile',
      /is encrypted/,
    ],
    [
      'an encrypted key in its older form',
      () => {
        const { certificate, privateKey } = issue();
        const options = { type: 'sec1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
        return [certificate, privateKey.export(options)];
      },
      'SLUICE_TLS_KEY_ENCRYPTED',
      'keyFile',
      /is encrypted/,
    ],
    [
      'a key of another certificate',
      () => [issue().certificate, issue().key],
      'SLUICE_TLS_KEY_MISMATCH',
      'keyFile',
      /does not belong to/,
    ],
    [
      'a key of another kind',
      () => [issue().certificate, issue({ keyType: 'rsa' }).key],
      'SLUICE_TLS_KEY_MISMATCH',
      'keyFile',
      /does not belong to/,
    ],
    [
      'a chain in the wrong order',
      () => {
        const { certificate, key } = issue();
        return [issue().certificate + certificate, key];
      },
      'SLUICE_TLS_KEY_MISMATCH',
      'keyFile',
      /belongs to certificate 2 in/,
    ],
    [
      'a key that is too weak',
      () => {
        const { certificate, key } = issue({ keyType: 'rsa', rsaBits: 1024 });
        return [certificate, key];
      },
      'SLUICE_TLS_CERTIFICATE_UNUSABLE',
      'certFile',
      /cannot be used \(.*small/,
    ],
  ])('refuses %s', async (_, texts, code, at, message) => {
    const [certificate, key] = texts();
    const files = write(certificate, key);
    const fault = await refuse(files);
    expect(fault).toMatchObject({ code, at });
    expect(fault.message).toMatch(message);
    expect(fault.message).toContain(files[at]);
    expect(fault.remedy).not.toBe('');
    expect(JSON.stringify(fault)).not.toContain(issue().key.slice(60, 80));
  });

  it.each<[string, (files: CertificateFiles) => CertificateFiles, keyof CertificateFiles, RegExp]>([
    ['a certificate that is not there', (files) => ({ ...files, certFile: '/nowhere.crt' }), 'certFile', /ENOENT/],
    ['a key that is not there', (files) => ({ ...files, keyFile: '/nowhere.key' }), 'keyFile', /ENOENT/],
    ['a directory', (files) => ({ ...files, keyFile: directory }), 'keyFile', /not a regular file/],
    [
      'a file that is too large',
      (files) => {
        const certFile = join(directory, 'large.crt');
        writeFileSync(certFile, 'x'.repeat(LIMITS.certificateFileBytes + 1));
        return { ...files, certFile };
      },
      'certFile',
      /larger than 256 KiB/,
    ],
  ])('refuses %s', async (_, change, at, message) => {
    const { certificate, key } = issue();
    const fault = await refuse(change(write(certificate, key)));
    expect(fault).toMatchObject({ code: 'SLUICE_TLS_FILE_UNREADABLE', at, message: expect.stringMatching(message) });
  });
});

describe('validityFault', () => {
  const files = { certFile: '/etc/a.crt', keyFile: '/etc/a.key' };
  const certificate = { notBefore: 1000, notAfter: 2000 } as Certificate;

  it.each([
    [999, /is not valid before 1970-01-01T00:00:01/],
    [1000, null],
    [2000, null],
    [2001, /has expired on 1970-01-01T00:00:02/],
  ])('at %i: %s', (now, message) => {
    const fault = validityFault(files, certificate, now);
    if (message === null) expect(fault).toBeNull();
    else
      expect(fault).toMatchObject({ code: 'SLUICE_TLS_CERTIFICATE_EXPIRED', message: expect.stringMatching(message) });
  });
});
