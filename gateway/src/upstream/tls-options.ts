import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';

/**
 * How a service's certificate is checked, and what is spoken with it.
 * @param serverName host that the request is for
 * @param ca certificates to trust; undefined: those of Node
 * @param protocol name in ALPN; '' = it has none
 */
export function upstreamTls(serverName: string, ca: string | undefined, protocol: string): ConnectionOptions {
  const options: ConnectionOptions = protocol === '' ? {} : { ALPNProtocols: [protocol] };
  // Addresses cannot be named in a handshake; the certificate is checked against what the request is for all the same.
  if (isIP(serverName) === 0) options.servername = serverName;
  else options.checkServerIdentity = (_host, certificate) => checkServerIdentity(serverName, certificate);
  if (ca !== undefined) options.ca = ca;
  return options;
}

/** Host of an authority, without port and brackets. */
export function hostOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, authority.indexOf(']'));
  const colon = authority.indexOf(':');
  return colon === -1 ? authority : authority.slice(0, colon);
}
