import { readFileSync } from 'node:fs';
import { createServer, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { TimerWheel } from '../core/wheel.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { MemorySink } from '../exchange/memory.ts';
import { pattern, settle } from '../exchange/probes.suite.ts';
import type { UpstreamRequest } from './client.ts';
import { Http1Client } from './client-http1.ts';
import type { Endpoint } from './endpoint.ts';
import { endpointAt, listening } from './upstream.suite.ts';

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
const ca = fixture('upstream-cert.pem');
const HOST = 'upstream.example';

function get(host = HOST): UpstreamRequest {
  return { method: 'GET', target: '/', headers: new PairHeaders(['Host', host]), body: null };
}

describe('upstream client over its own connections, in TLS', () => {
  const cleanups: (() => unknown)[] = [];
  const client = new Http1Client({ wheel: new TimerWheel(), ca });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  /** Answers each request by what `answer` writes; tells server name and resumption of each handshake. */
  async function upstream(answer: (socket: TLSSocket) => void): Promise<[Endpoint, (readonly [unknown, boolean])[]]> {
    const handshakes: (readonly [unknown, boolean])[] = [];
    const server = createServer({ key: fixture('upstream-key.pem'), cert: ca }, (socket) => {
      handshakes.push([socket.servername, socket.isSessionReused()]);
      socket.on('error', () => {});
      socket.on('data', () => answer(socket));
    });
    await listening(server);
    const endpoint = endpointAt(server, 'https');
    cleanups.push(
      () => endpoint.drain(),
      () => server.close(),
    );
    return [endpoint, handshakes];
  }

  const body = pattern(1024 * 1024);
  it.each<[string, string, string]>([
    ['of known length', `Content-Length: ${body.length}\r\n\r\n`, ''],
    ['in one chunk', `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`, '\r\n0\r\n\r\n'],
    ['until the connection ends', '\r\n', ''],
  ])('loses nothing of a response %s to a reader that stops and goes on', async (_what, head, tail) => {
    const [endpoint] = await upstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}`);
      socket.write(body);
      socket.end(tail);
    });
    const sink = new MemorySink(1);
    sink.hold();
    client.send(endpoint, get(), sink);
    while (!sink.ended && sink.resetCode === null) {
      await settle();
      sink.release();
      sink.hold();
    }
    expect([sink.resetCode, sink.ended]).toEqual([null, true]);
    expect(sink.body.equals(body)).toBe(true);
  });

  it('resumes the session of a server name, and keeps names apart', async () => {
    const [endpoint, handshakes] = await upstream((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    });
    for (const host of [HOST, HOST, `${HOST}:8443`]) {
      const sink = new MemorySink();
      client.send(endpoint, get(host), sink);
      await sink.done;
      expect(sink.ended).toBe(true);
    }
    expect(handshakes).toEqual([
      [HOST, false],
      [HOST, true],
      [HOST, true],
    ]);
    const other = new MemorySink();
    client.send(endpoint, get('other.example'), other);
    await other.done;
    expect(other.resetCode).toBe('SLUICE_UPSTREAM_CONNECT_FAILED');
  });
});
