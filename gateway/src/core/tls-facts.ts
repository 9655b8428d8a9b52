import type { PeerCertificate, TLSSocket } from 'node:tls';

/** What plugins may ask of a certificate. */
export interface CertificateFacts {
  /** RFC 2253 order, such as `CN=app.example.com,O=Example`. */
  readonly subject: string;
  /** First DNS name among the alternative names, or ''. */
  readonly dnsName: string;
  /** First URI among them, or ''. */
  readonly uri: string;
  /** SHA-256 of the certificate, in lower-case hex. */
  readonly sha256: string;
}

/** What TLS has agreed on. The certificates are parsed when they are asked for. */
export interface TlsFacts {
  /** Such as `TLSv1.3`. */
  readonly version: string;
  /** The gateway's own; null: it has shown none. */
  readonly local: CertificateFacts | null;
  readonly peer: CertificateFacts | null;
}

type Certificate = Pick<PeerCertificate, 'subject' | 'fingerprint256'> & {
  readonly subjectaltname?: string | undefined;
};

function firstName(names: string, kind: string): string {
  const start = `${kind}:`;
  const name = names.split(', ').find((part) => part.startsWith(start));
  return name === undefined ? '' : name.slice(start.length);
}

function factsOf(certificate: Certificate | null): CertificateFacts | null {
  if (certificate === null || certificate.subject === undefined) return null;
  const { subject, subjectaltname = '', fingerprint256 } = certificate;
  const parts = Object.entries(subject).map(([key, value]) => `${key}=${String(value)}`);
  return {
    subject: parts.reverse().join(','),
    dnsName: firstName(subjectaltname, 'DNS'),
    uri: firstName(subjectaltname, 'URI'),
    sha256: fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

/** Facts of one connection, read from its socket. */
export class SocketTlsFacts implements TlsFacts {
  readonly #socket: TLSSocket;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  get version(): string {
    return this.#socket.getProtocol() ?? '';
  }

  get local(): CertificateFacts | null {
    return factsOf(this.#socket.getCertificate() as Certificate | null);
  }

  get peer(): CertificateFacts | null {
    return factsOf(this.#socket.getPeerCertificate());
  }
}
