import { formatAddress } from '../core/endpoint.ts';
import type { CertificateFacts } from '../core/tls-facts.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { isTransportError } from '../telemetry/response-flags.ts';
import type { PropertyValue } from '../wasm/host.ts';
import type { Destination } from './filter.ts';
import { bool, int, textOrNull } from './property-values.ts';

/** A peer that came by IPv4 to a socket of both families has its address in the form of IPv4. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function peer(address: string, port: number, name: string): PropertyValue | null {
  if (name === 'address') return formatAddress(address, port);
  return name === 'port' ? int(port) : null;
}

/** `source.…`: the caller. Behind a trusted proxy its port is not known, and 0. */
export function sourceProperty({ connection, clientAddress }: Exchange, name: string): PropertyValue | null {
  const address = unmapped(connection.remoteAddress);
  if (clientAddress === '' || clientAddress === address) return peer(address, connection.remotePort, name);
  return peer(clientAddress, 0, name);
}

/** `destination.…`: the gateway's end of the connection. */
export function destinationProperty({ connection }: Exchange, name: string): PropertyValue | null {
  return peer(unmapped(connection.localAddress), connection.localPort, name);
}

/** `…_local_certificate`, `…_peer_certificate` and the digest; undefined: the name is none of them. */
function certificateProperty(
  facts: { readonly local: CertificateFacts | null; readonly peer: CertificateFacts | null } | null,
  name: string,
): PropertyValue | null | undefined {
  if (name === 'sha256_peer_certificate_digest') return facts?.peer?.sha256 ?? null;
  const match = /^(subject|dns_san|uri_san)_(local|peer)_certificate$/.exec(name);
  if (match === null) return undefined;
  const certificate = match[2] === 'local' ? facts?.local : facts?.peer;
  if (certificate === null || certificate === undefined) return null;
  if (match[1] === 'subject') return certificate.subject;
  return textOrNull(match[1] === 'dns_san' ? certificate.dnsName : certificate.uri);
}

/** `connection.…`. */
export function connectionProperty({ connection }: Exchange, name: string): PropertyValue | null {
  switch (name) {
    case 'id':
      return int(connection.id);
    case 'mtls':
      return bool((connection.tlsFacts?.peer ?? null) !== null);
    case 'requested_server_name':
      return connection.serverName;
    case 'tls_version':
      return connection.tlsFacts?.version ?? null;
    default:
      return certificateProperty(connection.tlsFacts ?? null, name) ?? null;
  }
}

/** `upstream.…`: the endpoint that was tried last, and the connection to it. */
export function upstreamProperty(exchange: Exchange, { connection }: Destination, name: string): PropertyValue | null {
  const { upstreamAddress, error } = exchange;
  if (upstreamAddress === '') return null;
  switch (name) {
    case 'address':
      return upstreamAddress;
    case 'port':
      return int(Number(upstreamAddress.slice(upstreamAddress.lastIndexOf(':') + 1)));
    case 'transport_failure_reason':
      return error !== null && isTransportError(error) ? error : null;
    case 'tls_version':
      return connection?.tlsFacts?.version ?? null;
    case 'local_address':
    case 'local_port':
      if (connection === null || connection.localAddress === '') return null;
      return peer(unmapped(connection.localAddress), connection.localPort, name.slice('local_'.length));
    default:
      return certificateProperty(connection?.tlsFacts ?? null, name) ?? null;
  }
}
