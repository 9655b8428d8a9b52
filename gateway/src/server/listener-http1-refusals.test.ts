import { afterEach, describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { until } from '../exchange/probes.suite.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Listener } from './listener.ts';
import { answer, openListener, RawClient, type TestOptions, TRACE_ID } from './listener.suite.ts';

describe('listener, HTTP/1.1: what never becomes an exchange', () => {
  const listeners: Listener[] = [];
  const clients: RawClient[] = [];
  const exchanges: Exchange[] = [];
  const refused: ErrorCode[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    for (const listener of listeners.splice(0)) await listener.close();
    exchanges.length = 0;
    refused.length = 0;
  });

  function refuse(code: ErrorCode): string {
    refused.push(code);
    return TRACE_ID;
  }

  async function send(text: string, options: TestOptions = {}): Promise<RawClient> {
    const listener = await openListener(
      (x) => {
        exchanges.push(x);
        answer(x, 200, 'ok');
      },
      { onRefused: refuse, lingerMs: 50, ...options },
    );
    listeners.push(listener);
    const client = new RawClient(listener.port);
    clients.push(client);
    client.send(text);
    return client;
  }

  const header = (size: number): string => `GET / HTTP/1.1\r\nHost: a\r\nX-Big: ${'x'.repeat(size)}\r\n\r\n`;
  const manyHeaders = `GET / HTTP/1.1\r\nHost: a\r\n${'x: 1\r\n'.repeat(LIMITS.requestHeaderCount)}\r\n`;
  const chunked = 'Transfer-Encoding: chunked\r\n';
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n';

  it.each([
    ['ends its side', 10_000],
    ['falls silent', 50],
  ])(
    'is told nothing more when it has its answer and, with a rest of its body to send, %s',
    async (how, headTimeout) => {
      const client = await send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf', {
        limits: { headTimeout },
      });
      await until(() => client.text.endsWith('ok'));
      if (how === 'ends its side') client.socket.end();
      await until(() => client.closed);
      expect([client.text.endsWith('ok'), refused]).toEqual([true, []]);
    },
  );

  it.each<[string, string, ErrorCode]>([
    ['no HTTP', '\x16\x03\x01\x02garbage\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['an unknown version', 'GET / HTTP/3.7\r\nHost: a\r\n\r\n', 'SLUICE_REQUEST_VERSION_UNSUPPORTED'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['userinfo in the target', 'GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['another scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['a folded field', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['a bare line feed in a field', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    ['a NUL in a field', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', 'SLUICE_REQUEST_INVALID'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      'SLUICE_REQUEST_INVALID',
    ],
    ['a length that is none', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na', 'SLUICE_REQUEST_INVALID'],
    [
      'length and chunks',
      `POST / HTTP/1.1\r\nHost: a\r\n${chunked}Content-Length: 1\r\n\r\n0\r\n\r\n`,
      'SLUICE_REQUEST_INVALID',
    ],
    [
      'chunks that do not come last',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n',
      'SLUICE_REQUEST_INVALID',
    ],
    ['chunks in HTTP/1.0', `POST / HTTP/1.0\r\nHost: a\r\n${chunked}\r\n0\r\n\r\n`, 'SLUICE_REQUEST_INVALID'],
    [
      'a second coding',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'SLUICE_REQUEST_UNSUPPORTED',
    ],
    ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n', 'SLUICE_REQUEST_UNSUPPORTED'],
    ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 'SLUICE_REQUEST_UNSUPPORTED'],
    ['a WebSocket by POST', `POST /ws HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`, 'SLUICE_REQUEST_INVALID'],
    [
      'a WebSocket with a body',
      `GET /ws HTTP/1.1\r\nHost: a\r\n${upgrade}Content-Length: 1\r\n\r\na`,
      'SLUICE_REQUEST_UNSUPPORTED',
    ],
    ['a head too large', header(LIMITS.requestHeadBytes), 'SLUICE_REQUEST_HEAD_TOO_LARGE'],
    ['too many fields', manyHeaders, 'SLUICE_REQUEST_HEAD_TOO_LARGE'],
    [
      'a target too long',
      `GET /${'x'.repeat(LIMITS.requestTargetBytes)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      'SLUICE_REQUEST_TARGET_TOO_LONG',
    ],
  ])('refuses %s', async (_what, text, code) => {
    const client = await send(text);
    await until(() => client.closed);
    expect(client.text).toMatch(new RegExp(`^HTTP/1\\.1 ${ERRORS[code].status} `));
    expect(client.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(client.text).toMatch(/\r\ncontent-type: application\/json\r\n/i);
    expect(client.json()).toEqual({
      error: { code, message: ERRORS[code].message, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    expect(client.text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(refused).toEqual([code]);
    expect(exchanges).toHaveLength(0);
    expect(client.failed).toBe(false);
  });

  it('refuses a head that comes too slowly', async () => {
    const client = await send('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ', { limits: { headTimeout: 50 } });
    await until(() => client.closed);
    expect(client.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(client.json()).toMatchObject({ error: { code: 'SLUICE_REQUEST_TIMEOUT' } });
  });

  it('takes heads up to the limit', async () => {
    const client = await send(header(LIMITS.requestHeadBytes - 200));
    await until(() => client.text.endsWith('ok'));
  });

  it('answers what came before the garbage, and then closes', async () => {
    const client = await send('GET / HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n');
    await until(() => client.closed);
    expect(exchanges).toHaveLength(1);
    expect(client.text.startsWith('HTTP/1.1 200 OK')).toBe(true);
  });

  it('takes no request after the one it refused', async () => {
    const client = await send('GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => client.closed);
    expect(exchanges).toHaveLength(0);
    expect(refused).toHaveLength(1);
  });

  it('goes on in HTTP/1.1 when h2c is offered', async () => {
    const client = await send(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
    );
    await until(() => client.text.endsWith('ok'));
    client.send('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 2);
  });

  it('closes idle connections without a word', async () => {
    const client = await send('GET / HTTP/1.1\r\nHost: a\r\n\r\n', { limits: { idleTimeout: 20 } });
    await until(() => client.closed);
    expect(client.text.endsWith('ok')).toBe(true);
    expect(refused).toHaveLength(0);
  });

  it.each([
    ['in the head', 'GET / HTTP/1.1\r\nHos'],
    ['before the head', ''],
  ])('forgets a client that leaves %s', async (_what, text) => {
    const client = await send(text);
    const listener = listeners[0]!;
    await until(() => listener.connections === 1);
    client.socket.destroy();
    await until(() => listener.connections === 0);
    expect(exchanges).toHaveLength(0);
  });
});
