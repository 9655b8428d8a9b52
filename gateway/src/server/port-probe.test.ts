import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { probePorts } from './port-probe.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function held(reusePort: boolean): Promise<{ name: string; address: string; port: number }> {
  const server = createServer().listen({ host: '127.0.0.1', port: 0, reusePort });
  servers.push(server);
  await once(server, 'listening');
  return { name: 'http', address: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

describe('probePorts', () => {
  it.each([true, false])('finds who listens already, sharing the port or not (%s)', async (reusePort) => {
    const place = await held(reusePort);
    await expect(probePorts([place], [])).rejects.toMatchObject({
      code: 'SLUICE_LISTENER_PORT_TAKEN',
      detail: `listener http (127.0.0.1:${place.port})`,
    });
  });

  it('lets be what is our own, what is free, and what is any port', async () => {
    const place = await held(true);
    await probePorts([place], [place]);
    await probePorts([{ ...place, port: 0 }], []);
    servers.splice(0)[0]!.close();
    await probePorts([place], []);
    await probePorts([{ ...place, address: 'no address' }], []);
  });
});
