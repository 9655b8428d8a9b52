import { createServer } from 'node:net';
import { formatAddress } from '../core/endpoint.ts';
import { GatewayError } from '../core/errors.ts';

interface Place {
  readonly address: string;
  readonly port: number;
}

/**
 * Makes sure that no other program listens where the workers are to share a port: with `SO_REUSEPORT` the system would let
 * a second gateway of the same user in without a word, and give each a part of the connections.
 *
 * @param own what the workers of this gateway have already.
 * @throws GatewayError SLUICE_LISTENER_PORT_TAKEN
 */
export async function probePorts(
  wanted: readonly (Place & { readonly name: string })[],
  own: readonly Place[],
): Promise<void> {
  // Whatever the address: two of them may overlap.
  const held = new Set(own.map(({ port }) => port));
  for (const { name, address, port } of wanted) {
    const place = formatAddress(address, port);
    if (port === 0 || held.has(port)) continue;
    if (await isTaken(address, port))
      throw new GatewayError('SLUICE_LISTENER_PORT_TAKEN', `listener ${name} (${place})`);
  }
}

/** Whatever else is wrong with the place is for whoever opens it to tell. */
async function isTaken(host: string, port: number): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<string>();
  server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  server.listen({ host, port }, () => server.close(() => resolve('')));
  return (await promise) === 'EADDRINUSE';
}
