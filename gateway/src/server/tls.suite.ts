import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Issued } from '../config/certificate.suite.ts';
import { randomBytes } from 'node:crypto';
import type { CertificateSpec, TlsSpec } from '../runtime/listener-feed.ts';

/** A certificate as workers get it. */
export function specOf({ certificate, key }: Issued, names: readonly string[] = ['a.example']): CertificateSpec {
  return { id: certificate, certificate, key, names };
}

/** TLS of a listener with these certificates. */
export function tlsOf(certificates: readonly CertificateSpec[], more: Partial<TlsSpec> = {}): TlsSpec {
  return {
    certificates,
    minVersion: '1.2',
    ticketKeys: randomBytes(48),
    ticketLifetime: 3_600_000,
    handshakesPerSecond: 0,
    ...more,
  };
}

/** What a client sees of one connection. */
export interface Visit {
  readonly protocol: string;
  readonly cipher: string;
  readonly resumed: boolean;
  /** Base64 of the server's certificate; '' where the session was resumed in TLS 1.2. */
  readonly certificate: string;
  /** To resume it later. */
  readonly session: Buffer;
  /** The response. */
  readonly text: string;
}

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';

/** Connects, sends one request, and reads to the end. Rejects when there is no connection. */
export function visit(port: number, options: ConnectionOptions = {}, request: string = GET): Promise<Visit> {
  const { promise, resolve, reject } = Promise.withResolvers<Visit>();
  const socket = open(port, options);
  let text = '';
  let session: Buffer = Buffer.alloc(0);
  let seen: Omit<Visit, 'session' | 'text'> | null = null;
  socket.on('error', reject);
  socket.on('session', (ticket) => {
    session = ticket;
  });
  socket.once('secureConnect', () => {
    seen = {
      protocol: socket.getProtocol() ?? '',
      cipher: socket.getCipher().standardName,
      resumed: socket.isSessionReused(),
      certificate: socket.getPeerX509Certificate()?.raw.toString('base64') ?? '',
    };
    socket.write(request);
  });
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('close', () => {
    if (seen === null) reject(new Error('closed before the handshake was done'));
    else resolve({ ...seen, session, text });
  });
  return promise;
}

/** A TLS client that trusts everybody. */
export function open(port: number, options: ConnectionOptions = {}): TLSSocket {
  return connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
}

/** The certificate as `Visit` has it. */
export function rawOf({ certificate }: { readonly certificate: string }): string {
  return certificate.replaceAll(/-----[A-Z ]+-----|\n/g, '');
}
