import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { WORKER_SLOTS } from '../../core/metrics.ts';
import { RawClient } from '../listener.suite.ts';
import { ask, eventually, HOST } from './fixture.suite.ts';
import { type ProxyOptions, type ProxyRig, rigOf, upstream } from './proxy-rig.suite.ts';

const HEAD = `Host: ${HOST}\r\n`;

/** A gateway with these limits, its service, and a connection to it. */
async function open(limits: ProxyOptions['limits'], options: ProxyOptions = {}) {
  const server = await upstream('main', (request, response) => {
    request.resume();
    request.on('end', () => response.end('main'));
  });
  const rig = await rigOf({ ...options, limits: limits ?? {} }, [server.port]);
  return { server, rig, client: new RawClient(rig.port) };
}

/** The client got one answer with that code, its connection is closed, and nothing is left of it. */
async function expectRefused(rig: ProxyRig, client: RawClient, code: ErrorCode): Promise<void> {
  await eventually(() => client.closed).toBe(true);
  const { status, message } = ERRORS[code];
  expect(client.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nconnection: close\r\n`, 'i'));
  await eventually(() => rig.lines).toHaveLength(1);
  const traceId = rig.lines[0]!['trace_id'];
  expect(client.json()).toEqual({ error: { code, message, traceId } });
  expect(rig.lines[0]).toMatchObject({ response_code: status, response_code_details: code });
  await expectNothingLeft(rig);
}

async function expectNothingLeft(rig: ProxyRig): Promise<void> {
  await rig.expectIdle();
  await eventually(() => [rig.listener.connections, rig.listener.activeExchanges]).toEqual([0, 0]);
  expect(rig.listener.bufferedBytes).toBe(0);
}

describe('limits of a request head', () => {
  const long = (length: number): string => 'x'.repeat(length);

  it.each<[string, ProxyOptions['limits'], string, ErrorCode]>([
    [
      'bytes',
      { requestHead: 1000 },
      `GET / HTTP/1.1\r\n${HEAD}X: ${long(1000)}\r\n\r\n`,
      'SLUICE_REQUEST_HEAD_TOO_LARGE',
    ],
    [
      'fields',
      { requestHeaders: 3 },
      `GET / HTTP/1.1\r\n${HEAD}${'x: 1\r\n'.repeat(3)}\r\n`,
      'SLUICE_REQUEST_HEAD_TOO_LARGE',
    ],
    [
      'the target',
      { requestTarget: 100 },
      `GET /${long(100)} HTTP/1.1\r\n${HEAD}\r\n`,
      'SLUICE_REQUEST_TARGET_TOO_LONG',
    ],
    [
      'the target, when it fills the whole head',
      { requestHead: 1000, requestTarget: 500 },
      `GET /${long(2000)}`,
      'SLUICE_REQUEST_TARGET_TOO_LONG',
    ],
    ['time', { headTimeout: 40 }, `GET / HTTP/1.1\r\n${HEAD}X-Slow: `, 'SLUICE_REQUEST_TIMEOUT'],
  ])('%s', async (_what, limits, text, code) => {
    const { server, rig, client } = await open(limits);
    client.send(text);
    await expectRefused(rig, client, code);
    expect(server.seen).toHaveLength(0);
  });

  it('are met exactly', async () => {
    const { rig, client } = await open({ requestHeaders: 3, requestTarget: 100 });
    client.send(`GET /${long(99)} HTTP/1.1\r\n${HEAD}${'x: 1\r\n'.repeat(2)}\r\n`);
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 200 /);
    client.socket.destroy();
    await expectNothingLeft(rig);
  });

  it('hold for a head that comes byte by byte, too', async () => {
    const { rig, client } = await open({ headTimeout: 100 });
    const drip = setInterval(() => client.send('x'), 10);
    client.send(`GET / HTTP/1.1\r\n${HEAD}X-Slow: `);
    await eventually(() => client.closed).toBe(true);
    clearInterval(drip);
    expect(client.text).toMatch(/^HTTP\/1\.1 408 /);
    await expectNothingLeft(rig);
  });

  it('end a connection that says nothing, without a word', async () => {
    const { rig, client } = await open({ headTimeout: 40 });
    await eventually(() => client.closed).toBe(true);
    expect([client.text, rig.lines]).toEqual(['', []]);
    await expectNothingLeft(rig);
  });

  it('show what was read of the head in the access log', async () => {
    const { rig, client } = await open({ requestHeaders: 2 });
    client.send(`PUT /a?token=s HTTP/1.1\r\n${HEAD}a: 1\r\nb: 2\r\n\r\n`);
    await expectRefused(rig, client, 'SLUICE_REQUEST_HEAD_TOO_LARGE');
    expect(rig.lines[0]).toMatchObject({
      method: 'PUT',
      path: '/a?token=***',
      authority: HOST,
      protocol: 'HTTP/1.1',
      response_flags: 'DPE',
      tenant: '',
      client_address: '127.0.0.1',
    });
  });
});

describe('limits of a request body', () => {
  const POST = `POST / HTTP/1.1\r\n${HEAD}`;
  const chunk = (length: number): string => `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`;
  const code: ErrorCode = 'SLUICE_REQUEST_BODY_TOO_LARGE';

  it.each<[string, ProxyOptions['limits'], string | undefined]>([
    ['of the listener', { requestBody: 100 }, undefined],
    ['of the route', {}, '100B'],
    ['of both, of which the lower one holds', { requestBody: 100 }, '1KiB'],
  ])('%s: an announced length is refused at once', async (_what, limits, maxBodySize) => {
    const { server, rig, client } = await open(limits, { route: maxBodySize === undefined ? {} : { maxBodySize } });
    client.send(`${POST}Content-Length: 101\r\nExpect: 100-continue\r\n\r\n`);
    await expectRefused(rig, client, code);
    expect(client.text).not.toContain('100 Continue');
    expect(rig.lines[0]).toMatchObject({ tenant: 'a', route_name: 'all', bytes_received: 0 });
    expect(server.seen).toHaveLength(0);
  });

  it('are met exactly, announced and in chunks', async () => {
    const { rig, client } = await open({ requestBody: 100 });
    client.send(`${POST}Content-Length: 100\r\n\r\n${'x'.repeat(100)}`);
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 200 /);
    client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n${chunk(60)}${chunk(40)}0\r\n\r\n`);
    await eventually(() => client.text.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
    client.socket.destroy();
    await expectNothingLeft(rig);
  });

  it('are seen when they are crossed', async () => {
    const { server, rig, client } = await open({ requestBody: 100 });
    client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n${chunk(100)}`);
    await eventually(() => server.seen).toHaveLength(1);
    expect(client.text).toBe('');
    client.send(chunk(1));
    await expectRefused(rig, client, code);
    await eventually(() => server.aborted).toBe(1);
  });

  it('hold while the client sends on and on, and it gets its answer', async () => {
    const { rig, client } = await open({ requestBody: 10_000 });
    client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
    for (let i = 0; i < 100; i++) client.send(chunk(10_000));
    await expectRefused(rig, client, code);
  });

  it('cut the connection when the response has begun', async () => {
    const server = await upstream('main', (_request, response) => void response.write('early'));
    const rig = await rigOf({ limits: { requestBody: 100 } }, [server.port]);
    const client = new RawClient(rig.port);
    client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n${chunk(10)}`);
    await eventually(() => client.text).toContain('early');
    client.send(chunk(100));
    await eventually(() => client.closed).toBe(true);
    expect(client.text).not.toContain('413');
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ response_code_details: code });
    await eventually(() => server.aborted).toBe(1);
    await expectNothingLeft(rig);
  });

  it('of nothing at all allow requests without a body', async () => {
    const { rig, client } = await open({ requestBody: 0 });
    client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 200 /);
    client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n${chunk(1)}`);
    await eventually(() => client.closed).toBe(true);
    expect(client.json()).toMatchObject({ error: { code } });
    await expectNothingLeft(rig);
  });

  it('that comes too slowly ends in 408', async () => {
    const { server, rig, client } = await open({ stallTimeout: 40 });
    client.send(`${POST}Content-Length: 100\r\n\r\nsome`);
    await expectRefused(rig, client, 'SLUICE_REQUEST_TIMEOUT');
    await eventually(() => server.aborted).toBe(1);
    expect(rig.lines[0]).toMatchObject({ response_flags: 'RT', bytes_received: 4 });
  });
});

describe('a response that its client does not take', () => {
  it('is cut, and given back', async () => {
    const server = await upstream('main', (_request, response) => void response.end(Buffer.alloc(32 * 1024 * 1024)));
    const rig = await rigOf({ limits: { stallTimeout: 40 } }, [server.port]);
    const client = new RawClient(rig.port);
    client.socket.pause();
    client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => server.aborted).toBe(1);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ response_code: 499, response_flags: 'DC' });
    await expectNothingLeft(rig);
    client.socket.destroy();
  });
});

describe('limits of connections', () => {
  const refused = (rig: ProxyRig): number => rig.gateway.metrics.get(WORKER_SLOTS.connectionsRefused);

  it('refuse one that is too many, and take one when there is room', async () => {
    const { rig, client } = await open({ connections: 2 });
    const second = new RawClient(rig.port);
    await eventually(() => rig.listener.connections).toBe(2);
    const third = new RawClient(rig.port);
    await eventually(() => third.closed).toBe(true);
    expect([third.text, refused(rig)]).toEqual(['', 1]);
    second.socket.destroy();
    await eventually(() => rig.listener.connections).toBe(1);
    expect((await ask(rig.port)).status).toBe(200);
    client.socket.destroy();
    await expectNothingLeft(rig);
  });

  it('from one address leave the others alone', async () => {
    const { rig, client } = await open({ connectionsPerAddress: 1 });
    await eventually(() => rig.listener.connections).toBe(1);
    const second = new RawClient(rig.port);
    await eventually(() => second.closed).toBe(true);
    expect(refused(rig)).toBe(1);
    const elsewhere = connect({ host: '127.0.0.1', port: rig.port, localAddress: '127.0.0.2' });
    elsewhere.on('error', () => {});
    await eventually(() => rig.listener.connections).toBe(2);
    client.socket.destroy();
    await eventually(() => rig.listener.connections).toBe(1);
    expect((await ask(rig.port)).status).toBe(200);
    elsewhere.destroy();
    await expectNothingLeft(rig);
  });

  it('end those that are idle for too long', async () => {
    const { rig, client } = await open({ idleTimeout: 40 });
    client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => client.closed).toBe(true);
    expect(client.text).toMatch(/^HTTP\/1\.1 200 [^]*main$/);
    expect(rig.lines).toHaveLength(1);
    await expectNothingLeft(rig);
  });

  it('end those that have been idle when the time is shortened', async () => {
    const { rig, client } = await open({});
    client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => client.text).toMatch(/main$/);
    expect(client.closed).toBe(false);
    rig.listener.setIdleTimeout(20);
    await eventually(() => client.closed).toBe(true);
    await expectNothingLeft(rig);
  });
});

describe('the limit of concurrent exchanges', () => {
  it('turns one away that is too many, whose connection goes on', async () => {
    const waiting: (() => void)[] = [];
    const server = await upstream('main', (_request, response) => void waiting.push(() => response.end('served')));
    const rig = await rigOf({ limits: { exchanges: 1 } }, [server.port]);
    const [first, second] = [new RawClient(rig.port), new RawClient(rig.port)];
    first.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => waiting).toHaveLength(1);
    second.send(`GET /second HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => second.text).toMatch(
      /^HTTP\/1\.1 503 [^]*retry-after: [1-5]\r\n[^]*SLUICE_GATEWAY_OVERLOADED/i,
    );
    expect(rig.lines[0]).toMatchObject({
      path: '/second',
      response_code: 503,
      response_flags: 'OM',
      response_code_details: 'SLUICE_GATEWAY_OVERLOADED',
      authority: HOST,
      tenant: '',
      client_address: '127.0.0.1',
    });
    expect(rig.gateway.metrics.get(WORKER_SLOTS.exchangesRefused)).toBe(1);
    waiting.pop()!();
    await eventually(() => first.text).toMatch(/served$/);
    second.send(`GET /again HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => waiting).toHaveLength(1);
    waiting.pop()!();
    await eventually(() => second.text).toMatch(/served$/);
    for (const { socket } of [first, second]) socket.destroy();
    await expectNothingLeft(rig);
  });
});

describe('bytes that are no request', () => {
  it.each([
    ['a TLS handshake on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['zeros', '\0'.repeat(100)],
    ['a line that never ends', 'x'.repeat(40_000)],
  ])('%s', async (_what, text) => {
    const { rig, client } = await open({});
    client.send(text);
    await expectRefused(
      rig,
      client,
      client.text.includes('431') ? 'SLUICE_REQUEST_HEAD_TOO_LARGE' : 'SLUICE_REQUEST_INVALID',
    );
  });

  it('after a valid request do it no harm', async () => {
    const { rig, client } = await open({});
    client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n\0\x01garbage\r\n\r\n`);
    await eventually(() => client.closed).toBe(true);
    expect(client.text).toMatch(/^HTTP\/1\.1 200 [^]*main/);
    await eventually(() => rig.lines[0]).toMatchObject({ response_code: 200 });
    await expectNothingLeft(rig);
  });
});

describe('clients that leave', () => {
  it.each([
    ['before a byte', ''],
    ['in the request line', 'GET /ab'],
    ['in a field', `GET / HTTP/1.1\r\n${HEAD}X: `],
    ['before the last line feed of the head', `GET / HTTP/1.1\r\n${HEAD}\r`],
    ['before the first chunk', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`],
    ['in a chunk', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nff\r\nabc`],
    ['in a body of known length', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 10\r\n\r\nabc`],
    ['after a whole request', `GET / HTTP/1.1\r\n${HEAD}\r\n`],
  ])('%s leave nothing behind, whether they close or reset', async (_what, text) => {
    const server = await upstream('main', () => {});
    const rig = await rigOf({}, [server.port]);
    const clients = Array.from({ length: 6 }, () => new RawClient(rig.port));
    for (const client of clients) client.send(text);
    await eventually(() => rig.listener.connections).toBe(6);
    if (/\r\n\r\n[^]|^GET [^]*\r\n\r\n/.test(text)) await eventually(() => server.seen).toHaveLength(6);
    for (const [index, { socket }] of clients.entries()) {
      if (index % 3 === 0) socket.destroy();
      else if (index % 3 === 1) socket.resetAndDestroy();
      else socket.end();
    }
    await expectNothingLeft(rig);
    expect(rig.errors).toEqual([]);
  });
});
