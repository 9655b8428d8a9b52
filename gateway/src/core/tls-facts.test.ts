import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { issue } from '../config/certificate.suite.ts';
import { SocketTlsFacts } from './tls-facts.ts';

/** Both ends of a connection; the client shows a certificate if it has one. */
async function pair(
  clientCertificate: ReturnType<typeof issue> | null,
): Promise<[server: TLSSocket, client: TLSSocket]> {
  const own = issue({ commonName: 'gateway', names: ['a.example', 'b.example'] });
  const options = { cert: own.certificate, key: own.key, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const shown = clientCertificate === null ? {} : { cert: clientCertificate.certificate, key: clientCertificate.key };
  const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...shown });
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  await once(client, 'secureConnect');
  return [(await accepted)[0], client];
}

it('tells version and certificates of both ends', async () => {
  const [server, client] = await pair(issue({ commonName: 'device', names: null }));
  const facts = new SocketTlsFacts(server);
  expect(facts.version).toBe('TLSv1.3');
  expect(facts.local).toMatchObject({ subject: 'CN=gateway', dnsName: 'a.example', uri: '' });
  expect(facts.peer).toMatchObject({ subject: 'CN=device', dnsName: '' });
  expect(facts.peer!.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(new SocketTlsFacts(client).peer).toEqual(facts.local);
});

it('knows no certificate of a client that shows none', async () => {
  const [server] = await pair(null);
  expect(new SocketTlsFacts(server).peer).toBeNull();
});
