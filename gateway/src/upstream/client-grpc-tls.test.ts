import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer as createTls } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answer, clientOf, endpointOn, Http2Upstream } from './grpc.suite.ts';

const WAIT = { timeout: 20_000 };
const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
const ca = fixture('upstream-cert.pem');
const options = { key: fixture('upstream-key.pem'), cert: ca };
const HOST = 'upstream.example';

async function upstream(): Promise<Http2Upstream> {
  const server = new Http2Upstream(createSecureServer(options), (stream) =>
    answer(stream, ['ok'], { 'grpc-status': '0' }),
  );
  await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve));
  return server;
}

describe('gRPC in TLS', () => {
  it('goes to a server whose certificate is for the authority', async () => {
    const server = await upstream();
    const { open } = clientOf(endpointOn(server.endpoint.record.port, 'https'), { ca });
    const calls = [open({ authority: HOST }), open({ authority: `${HOST}:8443` })];
    for (const { call } of calls) call.end();
    await expect.poll(() => calls.map(({ end }) => end?.status), WAIT).toEqual([0, 0]);
    expect(server.seen.map((head) => [head[':scheme'], head[':authority']])).toEqual([
      ['https', HOST],
      ['https', `${HOST}:8443`],
    ]);
    expect(server.sessions).toHaveLength(1);
  });

  it.each([
    ['for another name', 'other.example', ca],
    ['that nobody vouches for', HOST, undefined],
  ])('goes nowhere with a certificate %s', async (_what, authority, trusted) => {
    const server = await upstream();
    const endpoint = endpointOn(server.endpoint.record.port, 'https');
    const { call, ...rest } = clientOf(endpoint, trusted === undefined ? {} : { ca: trusted }).open({ authority });
    await expect.poll(() => rest.ends, WAIT).toMatchObject([{ status: 14, failure: 'connect-failed' }]);
    expect([server.seen, call.untouched]).toEqual([[], true]);
  });

  it('goes nowhere where HTTP/2 is not agreed on', async () => {
    const server = createTls(
      { ...options, ALPNProtocols: ['http/1.1'] },
      (socket) => void socket.on('error', () => {}),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { open } = clientOf(endpointOn((server.address() as AddressInfo).port, 'https'), { ca });
    const opened = open({ authority: HOST });
    await expect.poll(() => opened.ends, WAIT).toMatchObject([{ status: 14, failure: 'connect-failed' }]);
  });
});
