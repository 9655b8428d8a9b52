import { displayPath } from '../config/files.ts';
import type { CertificateFiles, ListenerConfig, TlsConfig } from '../config/schema-listener.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { CertificateSpec, ListenerPlace, ListenerSpec, TlsSpec } from '../runtime/listener-feed.ts';
import type { CertificateStatus } from '../telemetry/gateway-stats.ts';
import { type CertificateEntry, CertificateStore } from './certificate-store.ts';
import { TicketKeys } from './ticket-keys.ts';

export interface ListenerPlanOptions {
  readonly listeners: readonly ListenerConfig[];
  /** The workers share the ports. */
  readonly reusePort: boolean;
  readonly log: Log;
  /** Certificates or ticket keys are others now: all workers are to have `specs()` again. */
  readonly onChange: () => void;
  /** See `CertificateStore`. */
  readonly settleMs?: number;
  readonly pollMs?: number;
}

/** Which listeners the workers are to have: ports and limits of the configuration, certificates of files, ticket keys. */
export class ListenerPlan {
  readonly #certificates: CertificateStore;
  readonly #ticketKeys: TicketKeys;
  #listeners: readonly ListenerConfig[];
  /** Where they really are, by name. */
  readonly #ports = new Map<string, number>();
  readonly #reusePort: boolean;

  constructor({ listeners, reusePort, log, onChange, ...times }: ListenerPlanOptions) {
    this.#listeners = listeners;
    this.#reusePort = reusePort;
    this.#certificates = new CertificateStore({ log, onChange, ...times });
    this.#ticketKeys = new TicketKeys(onChange);
  }

  /** Certificates exchanged, and new files refused, since the start. */
  get reloads(): { readonly success: number; readonly failure: number } {
    return this.#certificates.reloads;
  }

  /**
   * Reads all certificates, and watches their files from now on.
   * @throws GatewayError SLUICE_TLS_*
   */
  async start(): Promise<void> {
    await this.#prepare(this.#listeners);
  }

  /** What every worker is to have now. */
  specs(): readonly ListenerSpec[] {
    return this.#listeners.map(({ name, address, port, limits, tls }) => ({
      name,
      address,
      port: port === 0 ? (this.#ports.get(name) ?? 0) : port,
      reusePort: this.#reusePort,
      limits,
      tls: tls === undefined ? null : this.#tlsOf(name, tls),
    }));
  }

  /** Where a worker opened them: those that took any free port give it to the other workers. */
  opened(places: readonly ListenerPlace[]): void {
    for (const { name, port } of places) this.#ports.set(name, port);
  }

  /**
   * Other listeners from now on. Resolves with a function that puts the former ones back into force.
   * @throws GatewayError as `start`; then all stays as it is.
   */
  async change(listeners: readonly ListenerConfig[]): Promise<() => void> {
    const former = this.#listeners;
    this.#certificates.retain(filesOf(former));
    await this.#prepare(listeners);
    this.#replace(listeners);
    return () => this.#replace(former);
  }

  /** Looks at the files of certificates now, changed or not. */
  refresh(): Promise<void> {
    return this.#certificates.refresh();
  }

  /** Certificates of a listener, in the order of the configuration. */
  certificates(listener: string): readonly CertificateStatus[] {
    const files = this.#listeners.find(({ name }) => name === listener)?.tls?.certificates ?? [];
    return files.map((pair) => statusOf(this.#certificates.get(pair)));
  }

  async close(): Promise<void> {
    this.#ticketKeys.close();
    await this.#certificates.close();
  }

  #tlsOf(name: string, tls: TlsConfig): TlsSpec {
    return {
      certificates: tls.certificates.map((files) => specOf(this.#certificates.get(files))),
      minVersion: tls.minVersion,
      ticketKeys: this.#ticketKeys.get(name, tls),
      ticketLifetime: tls.ticketRotation,
      handshakesPerSecond: tls.handshakesPerSecond,
    };
  }

  #replace(listeners: readonly ListenerConfig[]): void {
    this.#listeners = listeners;
    this.#ticketKeys.retain(new Set(listeners.filter(({ tls }) => tls !== undefined).map(({ name }) => name)));
    const anywhere = new Set(listeners.filter(({ port }) => port === 0).map(({ name }) => name));
    for (const name of this.#ports.keys()) if (!anywhere.has(name)) this.#ports.delete(name);
  }

  async #prepare(listeners: readonly ListenerConfig[]): Promise<void> {
    for (const { name, tls } of listeners) {
      const fault = await this.#certificates.add(tls?.certificates ?? []);
      if (fault !== null) throw new GatewayError(fault.code, `listener ${name}, ${fault.message}`);
    }
  }
}

function filesOf(listeners: readonly ListenerConfig[]): CertificateFiles[] {
  return listeners.flatMap(({ tls }) => tls?.certificates ?? []);
}

function specOf({ certificate: { id, certificate, key, names } }: CertificateEntry): CertificateSpec {
  return { id, certificate, key, names };
}

function statusOf({ files, certificate: { names, notAfter }, fault }: CertificateEntry): CertificateStatus {
  return { file: displayPath(files.certFile), names, expiresAt: notAfter, error: fault?.message ?? '' };
}
