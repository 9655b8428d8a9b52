import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateFiles } from './schema-listener.ts';

export interface IssueOptions {
  /** Alternative names; default: a.example. null: the certificate has no such extension. */
  readonly names?: readonly string[] | null;
  /** Default: sluice test. */
  readonly commonName?: string;
  /** Default: ec. */
  readonly keyType?: 'ec' | 'rsa';
  /** Default: 2048. */
  readonly rsaBits?: number;
  /** Default: a year ago, and in a year. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Who signs it; default: itself. */
  readonly issuer?: Issued;
  /** It may sign others. */
  readonly ca?: boolean;
}

/** A certificate made by a test. */
export interface Issued {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly commonName: string;
  readonly privateKey: KeyObject;
}

const YEAR_MS = 365 * 24 * 3_600_000;

/** Makes a certificate. */
export function issue(options: IssueOptions = {}): Issued {
  const {
    names = ['a.example'],
    commonName = 'sluice test',
    keyType = 'ec',
    rsaBits = 2048,
    issuer,
    ca = false,
  } = options;
  const { notBefore = new Date(Date.now() - YEAR_MS), notAfter = new Date(Date.now() + YEAR_MS) } = options;
  const { publicKey, privateKey } =
    keyType === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: rsaBits });
  const signer = issuer?.privateKey ?? privateKey;
  const algorithm = signer.asymmetricKeyType === 'ec' ? ECDSA_SHA256 : RSA_SHA256;
  const extensions = [
    ...(names === null ? [] : [extension('551d11', sequence(...names.map((name) => tlv(0x82, Buffer.from(name)))))]),
    ...(ca ? [extension('551d13', sequence(tlv(0x01, Buffer.from([0xff]))))] : []),
  ];
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer?.commonName ?? commonName),
    sequence(time(notBefore), time(notAfter)),
    nameOf(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [tlv(0xa3, sequence(...extensions))]),
  );
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]));
  return {
    certificate: pem(sequence(body, algorithm, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    commonName,
    privateKey,
  };
}

/** Writes a certificate and its key into a directory; their names end in .crt and .key. */
export function writePair(directory: string, name: string, { certificate, key }: Issued): CertificateFiles {
  const files = { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) };
  writeFileSync(files.certFile, certificate);
  writeFileSync(files.keyFile, key);
  return files;
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const RSA_SHA256 = sequence(oid('2a864886f70d01010b'), tlv(0x05, Buffer.alloc(0)));

function nameOf(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), tlv(0x04, value));
}

function time(date: Date): Buffer {
  return tlv(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`));
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
