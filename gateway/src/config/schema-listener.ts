import { Type } from 'typebox';
import { LIMITS } from '../core/limits.ts';
import { described, Duration, Name, Port, strict } from './schema-common.ts';
import { ListenerLimits } from './schema-limits.ts';

const CertificateFiles = Type.Object(
  {
    certFile: Type.String({ minLength: 1, description: 'PEM file: the certificate, then those that signed it' }),
    keyFile: Type.String({ minLength: 1, description: 'PEM file: its private key, not encrypted' }),
  },
  strict,
);
export type CertificateFiles = Type.StaticDecode<typeof CertificateFiles>;

const Tls = Type.Object(
  {
    certificates: Type.Array(CertificateFiles, {
      minItems: 1,
      maxItems: LIMITS.certificatesPerListener,
      description: 'chosen by the name that a client asks for; the first one answers for names that none has',
    }),
    minVersion: Type.Union([Type.Literal('1.2'), Type.Literal('1.3')], {
      default: '1.2',
      description: 'oldest version of TLS that clients may speak',
    }),
    ticketRotation: Duration({
      default: '12h',
      description: 'how long session tickets are good for, and how often their key changes; 1s to 168h',
    }),
    handshakesPerSecond: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 1_000_000,
      description: 'handshakes that each worker begins in a second; connections beyond it are closed; 0 = no limit',
    }),
  },
  strict,
);
export type TlsConfig = Type.StaticDecode<typeof Tls>;

/** An address and port where clients connect. */
export const Listener = Type.Object(
  {
    name: described(Name, 'how logs and metrics call it'),
    address: Type.String({ default: '::', description: 'IP address to listen on; :: is all, IPv4 included' }),
    port: described(Port, '0 = any free port'),
    tls: Type.Optional(Tls),
    limits: ListenerLimits,
  },
  strict,
);
export type ListenerConfig = Type.StaticDecode<typeof Listener>;
