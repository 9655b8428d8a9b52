import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { TenantClaims } from '../config/claims.ts';
import type { Plain } from '../config/document.ts';
import type { Salvaged, TenantDraft } from '../config/parse-tenant.ts';
import type { Problem } from '../config/problem.ts';
import type { SecretPlace } from '../config/substitute.ts';

/** What parsing made of a tenant's text, in a form that threads hand on and that may be kept. */
export interface ParseResult {
  /** JSON of the configuration with `{ secret: name }` at `secretPlaces`; null when there is any problem. */
  readonly config: string | null;
  readonly secretPlaces: readonly SecretPlace[];
  /** The values of other secrets stand in `config`: it must not be written to disk. */
  readonly holdsSecrets: boolean;
  readonly secretNames: readonly string[];
  /** `SecretReading.digest` of their values as they were. */
  readonly secretsDigest: string;
  readonly claims: TenantClaims | null;
  readonly problems: readonly Problem[];
  readonly salvaged: Salvaged | null;
  /** What is rarely looked at, compressed: see `detailsOf`. */
  readonly details: Uint8Array;
}

/** The source of a configuration, and its values with defaults for display, without secrets. */
export interface Details {
  readonly text: string;
  readonly redacted: Plain;
}

export function resultOf(draft: TenantDraft, text: string): ParseResult {
  const { config, redacted, ...rest } = draft;
  return {
    ...rest,
    config: config === null ? null : JSON.stringify(config),
    details: packDetails({ text, redacted }),
  };
}

/** The result for a text of which nothing is known but what is wrong with it as a whole. */
export function failedResult(problem: Problem, text: string): ParseResult {
  return {
    config: null,
    secretPlaces: [],
    holdsSecrets: false,
    secretNames: [],
    secretsDigest: '',
    claims: null,
    problems: [problem],
    salvaged: null,
    details: packDetails({ text, redacted: null }),
  };
}

function packDetails(details: Details): Uint8Array {
  // A copy of its own: the buffer is part of a larger one, which would travel and be kept with it.
  return Uint8Array.from(deflateRawSync(JSON.stringify(details), { level: 1 }));
}

export function detailsOf(packed: Uint8Array): Details {
  return JSON.parse(inflateRawSync(packed).toString()) as Details;
}
