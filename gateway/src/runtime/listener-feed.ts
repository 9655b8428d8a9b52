import type { ListenerLimits } from '../config/schema-limits.ts';
import type { TlsConfig } from '../config/schema-listener.ts';
import type { ErrorCode } from '../core/errors.ts';

/** A certificate as workers get it, with its key. */
export interface CertificateSpec {
  /** Digest of certificate and key: the same id is the same pair. */
  readonly id: string;
  /** PEM: the certificate, then its chain. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** Names that it is good for, in lower case: exact, or `*.` and a parent. */
  readonly names: readonly string[];
}

export interface TlsSpec {
  /** Of two with one name the first one has it. The first of all answers for names that none has. */
  readonly certificates: readonly CertificateSpec[];
  readonly minVersion: TlsConfig['minVersion'];
  /** 48 random bytes, the same in all workers. */
  readonly ticketKeys: Uint8Array;
  /** How long a ticket may be used, milliseconds. */
  readonly ticketLifetime: number;
  /** 0 = no limit. */
  readonly handshakesPerSecond: number;
}

/** A listener as a worker is to have it. */
export interface ListenerSpec {
  readonly name: string;
  readonly address: string;
  /** 0 = any free one; the others of several workers get the one that the first worker found. */
  readonly port: number;
  /** The workers share the port. */
  readonly reusePort: boolean;
  readonly limits: ListenerLimits;
  /** null: plain HTTP. */
  readonly tls: TlsSpec | null;
}

/**
 * Main thread → worker: the listeners that the worker is to have from now on, all of them. Those that are new are opened,
 * those that are not listed are drained, those whose address stays get certificates, ticket keys and limits in place. The
 * first one comes when the first snapshot is complete.
 */
export interface ListenersMessage {
  readonly kind: 'listeners';
  readonly id: number;
  readonly listeners: readonly ListenerSpec[];
}

/** Where a listener really listens. */
export interface ListenerPlace {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** A listener that a worker could not open or change; what it had before stays. */
export interface ListenerFailure {
  readonly name: string;
  readonly code: ErrorCode;
  readonly reason: string;
}

/** Worker → main thread: the answer to `listeners`. */
export interface ListenersApplied {
  readonly kind: 'listeners-applied';
  readonly id: number;
  /** Where the worker listens now. */
  readonly places: readonly ListenerPlace[];
  readonly failures: readonly ListenerFailure[];
}
