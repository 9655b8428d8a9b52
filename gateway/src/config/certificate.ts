import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { displayPath, reasonOf } from './files.ts';
import type { CertificateFiles } from './schema-listener.ts';

/** A certificate with its chain and key, fit for use. */
export interface Certificate {
  /** Digest of both texts. */
  readonly id: string;
  /** PEM: the certificate, then its chain. */
  readonly certificate: string;
  /** PEM. Secret. */
  readonly key: string;
  /** In lower case, from the alternative names, else from the common name; none when it is for addresses only. */
  readonly names: readonly string[];
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What is wrong with a certificate or its key, and in which of the two files. Never holds what is in the key. */
export interface CertificateFault {
  readonly code: ErrorCode;
  readonly at: keyof CertificateFiles;
  readonly message: string;
  readonly remedy: string;
}

export type CertificateReading =
  | { readonly certificate: Certificate; readonly fault: null }
  | { readonly certificate: null; readonly fault: CertificateFault };

/** A fault on its way out. */
class Refusal extends Error {
  readonly fault: CertificateFault;

  constructor(at: keyof CertificateFiles, code: ErrorCode, message: string, remedy: string) {
    super(message);
    this.fault = { at, code, message, remedy };
  }
}

/** Reads a certificate and its key and tries them together. Never throws. */
export async function readCertificate(files: CertificateFiles): Promise<CertificateReading> {
  try {
    const certificate = await readPem(files, 'certFile');
    const key = await readPem(files, 'keyFile');
    return { certificate: parsePair(files, certificate, key), fault: null };
  } catch (error) {
    if (error instanceof Refusal) return { certificate: null, fault: error.fault };
    throw error;
  }
}

/** What clients will find fault with though the gateway does not: the certificate is not valid at present. */
export function validityFault(
  { certFile }: CertificateFiles,
  { notBefore, notAfter }: Certificate,
  now: number,
): CertificateFault | null {
  if (now >= notBefore && now <= notAfter) return null;
  const [what, since] = now > notAfter ? ['has expired on', notAfter] : ['is not valid before', notBefore];
  const message = `the certificate in ${displayPath(certFile)} ${what} ${new Date(since).toISOString()}`;
  return { at: 'certFile', code: 'SLUICE_TLS_CERTIFICATE_EXPIRED', message, remedy: 'put a valid certificate there' };
}

async function readPem(files: CertificateFiles, at: keyof CertificateFiles): Promise<string> {
  const path = files[at];
  const refuse = (reason: string, remedy: string): Refusal =>
    new Refusal(at, 'SLUICE_TLS_FILE_UNREADABLE', `${displayPath(path)} cannot be read (${reason})`, remedy);
  try {
    const status = await stat(path);
    // Opening a pipe or a device would wait for ever.
    if (!status.isFile()) throw refuse('not a regular file', 'put a PEM file there, or correct the path');
    if (status.size > LIMITS.certificateFileBytes) {
      throw refuse(`larger than ${LIMITS.certificateFileBytes / 1024} KiB`, 'keep to one certificate and its chain');
    }
    return await readFile(path, 'latin1');
  } catch (error) {
    throw error instanceof Refusal ? error : refuse(reasonOf(error), 'check path and permissions');
  }
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

function parsePair(files: CertificateFiles, certificate: string, key: string): Certificate {
  const chain = parseChain(files.certFile, certificate);
  const privateKey = parseKey(files.keyFile, key);
  const leaf = chain[0]!;
  if (!leaf.checkPrivateKey(privateKey)) throw mismatch(files, chain, privateKey);
  try {
    createSecureContext({ cert: certificate, key });
  } catch (error) {
    const message = `${displayPath(files.certFile)} cannot be used (${reasonIn(error)})`;
    const remedy = 'issue it anew: RSA with 2048 bits or more, or ECDSA, signed with SHA-256 or better';
    throw new Refusal('certFile', 'SLUICE_TLS_CERTIFICATE_UNUSABLE', message, remedy);
  }
  return {
    id: createHash('sha256').update(certificate).update('\0').update(key).digest('hex'),
    certificate,
    key,
    names: namesOf(leaf),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  };
}

function parseChain(path: string, text: string): X509Certificate[] {
  const file = displayPath(path);
  const blocks = text.match(CERTIFICATES);
  if (blocks === null) {
    const message = PRIVATE_KEY.test(text)
      ? `${file} holds a private key and no certificate`
      : `${file} holds no certificate in PEM form`;
    const remedy = 'give a file with -----BEGIN CERTIFICATE-----';
    throw new Refusal('certFile', 'SLUICE_TLS_CERTIFICATE_INVALID', message, remedy);
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      const message = `certificate ${index + 1} in ${file} is damaged (${reasonIn(error)})`;
      throw new Refusal('certFile', 'SLUICE_TLS_CERTIFICATE_INVALID', message, 'copy it anew from where it was issued');
    }
  });
}

function parseKey(path: string, text: string): KeyObject {
  const file = displayPath(path);
  if (ENCRYPTED.test(text)) {
    const remedy = `decrypt it (openssl pkey -in ${file} -out plain.key) and guard the file by its permissions`;
    throw new Refusal('keyFile', 'SLUICE_TLS_KEY_ENCRYPTED', `the private key in ${file} is encrypted`, remedy);
  }
  if (!PRIVATE_KEY.test(text)) {
    const remedy = 'give a file with -----BEGIN PRIVATE KEY-----';
    throw new Refusal('keyFile', 'SLUICE_TLS_KEY_INVALID', `${file} holds no private key in PEM form`, remedy);
  }
  try {
    return createPrivateKey(text);
  } catch {
    // OpenSSL's reason is about its decoders and helps nobody.
    const remedy = 'copy it anew from where it was made';
    throw new Refusal('keyFile', 'SLUICE_TLS_KEY_INVALID', `the private key in ${file} is damaged`, remedy);
  }
}

function mismatch(files: CertificateFiles, chain: readonly X509Certificate[], key: KeyObject): Refusal {
  const [certFile, keyFile] = [displayPath(files.certFile), displayPath(files.keyFile)];
  const place = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  const message =
    place === -1
      ? `the private key in ${keyFile} does not belong to the certificate in ${certFile}`
      : `the private key in ${keyFile} belongs to certificate ${place + 1} in ${certFile}, not to the first`;
  const remedy = place === -1 ? 'give files that were issued together' : "put the server's own certificate first";
  return new Refusal('keyFile', 'SLUICE_TLS_KEY_MISMATCH', message, remedy);
}

const HOST = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** Clients look at the common name only where there are no alternative names, as old certificates have it. */
function namesOf({ subjectAltName, subject }: X509Certificate): string[] {
  const names =
    subjectAltName === undefined
      ? [...subject.matchAll(/^CN=(.+)$/gm)].map(([, name]) => name!)
      : subjectAltName.split(', ').flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4)] : []));
  return [...new Set(names.map((name) => name.toLowerCase()).filter((name) => HOST.test(name)))];
}

/** The words of an error of OpenSSL without its numbers. */
function reasonIn(error: unknown): string {
  const { reason, message } = error as { reason?: string; message: string };
  return reason ?? message;
}
