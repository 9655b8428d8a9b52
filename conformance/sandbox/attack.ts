// What an attack is, and what may become of it.
import type { CrashCause } from '../../gateway/src/wasm/host.ts';

/** Failure policy of a use. */
export type Policy = 'closed' | 'open';

export const POLICIES: readonly Policy[] = ['closed', 'open'];

/** What a client sees: the status of an answer, the code of an error of the gateway, or `reset`. */
export type Seen = string;

/** The module is not taken, or does not start. */
export interface Refusal {
  readonly code: 'SLUICE_PLUGIN_INVALID' | 'SLUICE_PLUGIN_START_FAILED';
  /** Its reason in words. */
  readonly says: RegExp;
}

/** How the guest ends, each time. */
export interface CrashExpected {
  readonly causes: readonly CrashCause[];
  readonly callback: string;
  /** Words of the log line. */
  readonly says?: RegExp;
  /** Only when the plugin itself ends, which nobody may live to see. */
  readonly atItsEnd?: true;
}

export interface Expectation {
  /** What a client may see, by policy; of a module that does not start nothing is asked. */
  readonly closed: readonly Seen[];
  readonly open: readonly Seen[];
  readonly crash?: CrashExpected;
  readonly refusal?: Refusal;
}

/** Bounds that differ from the defaults of the catalogue. */
export interface AttackLimits {
  /** Linear memory, MiB; default 1. */
  readonly memoryMiB?: number;
  /** Instructions of each callback; default as the gateway's. */
  readonly fuel?: number;
}

/** What the operator allows it, as in the catalogue. */
export interface AttackAllow {
  readonly properties?: readonly string[];
  readonly foreignFunctions?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly hostCalls?: { readonly deny: readonly string[] };
  readonly tenantServices?: boolean;
}

/** One hostile module, what it is given, and what may become of it. */
export interface Attack {
  /** Unique; letters, digits and `-`. */
  readonly name: string;
  /** Built when it is needed. */
  readonly module: () => Uint8Array;
  readonly expect: Expectation;
  readonly limits?: AttackLimits;
  readonly allow?: AttackAllow;
  /** It is about services, of which the plugin host alone knows nothing. */
  readonly needsGateway?: true;
  /** Exchanges for each policy; default 2. */
  readonly exchanges?: number;
  /** Its harm is done in the background: it needs no exchange, but this long, ms; default 0. */
  readonly lastsMs?: number;
}

/** Nothing comes of it but an ordinary answer. */
export function contained(status = '200'): Expectation {
  return { closed: [status], open: [status] };
}

/** Its callback fails, and the policy decides. */
export function crash(cause: CrashCause | readonly CrashCause[], callback: string, says?: RegExp): Expectation {
  const causes = typeof cause === 'string' ? [cause] : cause;
  return {
    closed: ['SLUICE_PLUGIN_FAILED'],
    open: ['200'],
    crash: { causes, callback, ...(says === undefined ? {} : { says }) },
  };
}

/** It fails when the answer has left, or where no exchange sees it: clients notice nothing until it is to be built anew. */
export function lateCrash(cause: CrashCause | readonly CrashCause[], callback: string): Expectation {
  return { ...crash(cause, callback), closed: ['200', 'SLUICE_PLUGIN_UNAVAILABLE'] };
}

/** It fails behind the head of the response: too late for another answer. */
export function cutShort(cause: CrashCause, callback: string): Expectation {
  return { ...crash(cause, callback), closed: ['SLUICE_PLUGIN_FAILED', 'reset'] };
}

export function invalid(says: RegExp): Expectation {
  return { closed: ['SLUICE_PLUGIN_UNAVAILABLE'], open: ['200'], refusal: { code: 'SLUICE_PLUGIN_INVALID', says } };
}

export function unstartable(says: RegExp): Expectation {
  return { closed: [], open: [], refusal: { code: 'SLUICE_PLUGIN_START_FAILED', says } };
}

export const REQUEST_HEADERS = 'proxy_on_request_headers';
