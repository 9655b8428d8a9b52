import { crc32 } from 'node:zlib';
import type { TenantClaims } from '../config/claims.ts';
import type { SecretPlace } from '../config/substitute.ts';

/** An accepted configuration of a tenant as it is kept on disk. Never holds a secret's value. */
export interface TenantRecord {
  readonly tenant: string;
  /** The source that it came from, such as `file:smart-home.yaml`. */
  readonly origin: string;
  /** Digest of the text and of all else that parsing it depends on. */
  readonly key: string;
  /** JSON of the configuration with `{ secret: name }` at `secretPlaces`; null when it must be made from the text. */
  readonly config: string | null;
  readonly secretPlaces: readonly SecretPlace[];
  readonly secretNames: readonly string[];
  readonly claims: TenantClaims | null;
  /** Source text and the view for display: `detailsOf`. */
  readonly details: Uint8Array;
}

const FORMAT = 'sluice tenant 1';

/** Four lines: head with a checksum of the rest, what is small, the configuration, the details. */
export function encodeRecord(record: TenantRecord): Buffer {
  const { tenant, origin, key, config, secretPlaces, secretNames, claims, details } = record;
  const small = JSON.stringify({ tenant, origin, key, secretPlaces, secretNames, claims });
  const rest = Buffer.from(`${small}\n${config ?? 'null'}\n${Buffer.from(details).toString('base64')}\n`);
  return Buffer.concat([Buffer.from(`${FORMAT} ${crc32(rest).toString(16)}\n`), rest]);
}

/** Null: not a record of this format, or not as it was written. */
export function decodeRecord(bytes: Buffer): TenantRecord | null {
  const end = bytes.indexOf('\n');
  const head = `${FORMAT} `;
  if (end === -1 || bytes.toString('latin1', 0, head.length) !== head) return null;
  const rest = bytes.subarray(end + 1);
  if (crc32(rest).toString(16) !== bytes.toString('latin1', head.length, end)) return null;
  const [small = '', config = '', details = ''] = rest.toString().split('\n');
  return {
    ...(JSON.parse(small) as Omit<TenantRecord, 'config' | 'details'>),
    config: config === 'null' ? null : config,
    details: Uint8Array.from(Buffer.from(details, 'base64')),
  };
}
