import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { CertificateSpec, TlsSpec } from '../runtime/listener-feed.ts';

/** With forward secrecy and authenticated encryption only. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Renegotiation lets one connection ask for any number of handshakes. Phones without AES in hardware prefer ChaCha. */
const SECURE_OPTIONS = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA;

/** A session is good in every listener socket that has its ticket key, whatever process or thread it belongs to. */
const SESSION_CONTEXT = 'sluice';

/**
 * The certificates of a listener by name. A context is made when the first client asks for it, and used for all that
 * follow; those whose certificates stay are taken over from one version of the listener to the next.
 */
export class TlsContexts {
  /** For names that no certificate has. */
  readonly fallback: SecureContextOptions;
  readonly #spec: TlsSpec;
  readonly #byName = new Map<string, CertificateSpec>();
  readonly #contexts = new Map<string, SecureContext>();

  /** @param former whose contexts are kept where they are good still */
  constructor(spec: TlsSpec, former: TlsContexts | null) {
    this.#spec = spec;
    for (const certificate of spec.certificates) {
      for (const name of certificate.names) if (!this.#byName.has(name)) this.#byName.set(name, certificate);
    }
    this.fallback = this.#optionsOf(spec.certificates[0]!);
    if (former !== null && former.#alike(spec)) this.#keep(former);
  }

  /** The context for a name that a client asks for; undefined: the fallback. @throws the error of OpenSSL */
  select(servername: string): SecureContext | undefined {
    const name = servername.toLowerCase();
    const certificate = this.#byName.get(name) ?? this.#byName.get(`*${name.slice(name.indexOf('.'))}`);
    if (certificate === undefined || certificate.id === this.#spec.certificates[0]!.id) return undefined;
    const made = this.#contexts.get(certificate.id);
    if (made !== undefined) return made;
    const context = createSecureContext(this.#optionsOf(certificate));
    this.#contexts.set(certificate.id, context);
    return context;
  }

  /** Whether its own context for the fallback would be as the one of `former`. */
  sameFallback(former: TlsContexts): boolean {
    return former.#alike(this.#spec) && former.#spec.certificates[0]!.id === this.#spec.certificates[0]!.id;
  }

  #alike({ minVersion, ticketKeys, ticketLifetime }: TlsSpec): boolean {
    const own = this.#spec;
    const sameKeys = Buffer.compare(own.ticketKeys, ticketKeys) === 0;
    return sameKeys && own.minVersion === minVersion && own.ticketLifetime === ticketLifetime;
  }

  #keep(former: TlsContexts): void {
    for (const { id } of this.#spec.certificates) {
      const context = former.#contexts.get(id);
      if (context !== undefined) this.#contexts.set(id, context);
    }
  }

  #optionsOf({ certificate, key }: CertificateSpec): SecureContextOptions {
    const { minVersion, ticketKeys, ticketLifetime } = this.#spec;
    return {
      cert: certificate,
      key,
      minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
      ciphers: CIPHERS,
      honorCipherOrder: true,
      secureOptions: SECURE_OPTIONS,
      sessionIdContext: SESSION_CONTEXT,
      sessionTimeout: Math.ceil(ticketLifetime / 1000),
      ticketKeys: Buffer.from(ticketKeys),
    };
  }
}
