import { request as sendRequest, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { atEnd, CONTINUES, notingGuest, splice, UNTIL_END } from '../../wasm/body-guest.suite.ts';
import { pluginModule } from '../../wasm/wat.suite.ts';
import { HttpClient, RawClient } from '../listener.suite.ts';
import { ask, codeOf, eventually } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';
import { ALLOWED, buffered, produce, readSlowly } from './memory.suite.ts';
import { echo, gathering, MARK, pluginFilter, rigWith, streaming } from './plugin.suite.ts';
import { raw, rigOf, upstream } from './proxy-rig.suite.ts';

const MIB = 1024 * 1024;

describe('100 MB through a plugin that looks at every piece', () => {
  const SIZE = 100 * MIB;

  it('to a slow client stay out of memory and arrive whole, with their length', async () => {
    let sent = '';
    const server = await upstream('main', (_request, response) => {
      response.setHeader('content-length', SIZE);
      sent = produce(
        SIZE,
        (chunk) => response.write(chunk),
        (go) => response.once('drain', go),
        () => response.end(),
      );
    });
    const rig = await rigWith(notingGuest({ B: CONTINUES }), server.port);
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    const before = buffered();
    sendRequest({ host: '127.0.0.1', port: rig.port, headers: { host: 'a.example' }, agent: false }, resolve).end();
    const response = await promise;
    expect(response.headers['content-length']).toBe(String(SIZE));
    const { digest, held } = await readSlowly(response, before);
    expect(digest).toBe(sent);
    expect(held).toBeLessThan(ALLOWED);
    await rig.expectIdle();
  });

  it('to a slow upstream stay out of memory and arrive whole', async () => {
    const received = Promise.withResolvers<{ digest: string; held: number }>();
    const before = buffered();
    const server = await upstream('main', (request, response) => {
      void readSlowly(request, before).then((result) => {
        response.end();
        received.resolve(result);
      });
    });
    const rig = await rigWith(notingGuest({ b: CONTINUES }), server.port);
    const options = { host: '127.0.0.1', port: rig.port, method: 'POST', headers: { host: 'a.example' }, agent: false };
    const request = sendRequest(options, (response) => void response.resume());
    const sent = produce(
      SIZE,
      (chunk) => request.write(chunk),
      (go) => request.once('drain', go),
      () => request.end(),
    );
    const { digest, held } = await received.promise;
    expect(digest).toBe(sent);
    expect(held).toBeLessThan(ALLOWED);
    await rig.expectIdle();
  });
});

describe('the length of an edited request', () => {
  it.each([
    ['is right when all of it was gathered', gathering(0), '11', undefined, '<helloworld'],
    ['is not said when it streams', streaming(0), undefined, 'chunked', '<hello<world'],
  ])('%s', async (_what, guest, length, coding, body) => {
    const server = await echo();
    const rig = await rigWith(guest, server.port);
    const client = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '10'] });
    client.write(Buffer.from('hello'));
    if (length === undefined) await eventually(() => client.body.toString()).toBe('<hello');
    client.write(Buffer.from('world'));
    client.end();
    await eventually(() => client.ended).toBe(true);
    expect(client.body.toString()).toBe(body);
    expect(server.last.headers['content-length']).toBe(length);
    expect(server.last.headers['transfer-encoding']).toBe(coding);
    await rig.expectIdle();
  });

  it('is what the client said when the plugin cannot edit', async () => {
    const server = await echo();
    const rig = await rigWith(notingGuest({ b: CONTINUES }), server.port);
    expect((await ask(rig.port, { method: 'PUT', body: 'hello' })).text).toBe('hello');
    expect(server.last.headers['content-length']).toBe('5');
  });

  it('may become nothing', async () => {
    const server = await echo();
    const drain = notingGuest({ b: atEnd(splice(0, 0, -1, [0, 0])) });
    const rig = await rigWith(drain, server.port);
    expect((await ask(rig.port, { method: 'POST', body: 'hello' })).text).toBe('');
    expect(server.last.headers['content-length']).toBe('0');
    await rig.expectIdle();
  });
});

describe('the length of an edited response', () => {
  it.each([
    ['is right when all of it was gathered', gathering(1), '11', '<helloworld'],
    ['is not said when it streams', streaming(1), undefined, '<hello<world'],
  ])('%s', async (_what, guest, length, body) => {
    const { promise: more, resolve: go } = Promise.withResolvers<void>();
    const server = await upstream('main', (_request, response) => {
      response.setHeader('content-length', 10);
      response.write('hello');
      void more.then(() => response.end('world'));
    });
    const rig = await rigWith(guest, server.port);
    const client = new HttpClient(rig.port);
    client.end();
    if (length === undefined) await eventually(() => client.body.toString()).toBe('<hello');
    go();
    await eventually(() => client.ended).toBe(true);
    expect(client.body.toString()).toBe(body);
    const headers = Object.fromEntries(client.pairs.map((name, i) => [name.toLowerCase(), client.pairs[i + 1]]));
    expect([headers['content-length'], headers['transfer-encoding']]).toEqual([
      length,
      length === undefined ? 'chunked' : undefined,
    ]);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ bytes_sent: body.length });
    await rig.expectIdle();
  });

  it.each([
    ['HEAD', 200, gathering(1), undefined],
    ['HEAD', 200, notingGuest({ B: UNTIL_END }), '5'],
    ['GET', 304, gathering(1), undefined],
    ['GET', 204, gathering(1), undefined],
  ])('without a body is not said where the body would be edited (%s %i)', async (method, status, guest, length) => {
    const server = await raw((socket) => {
      socket.write(`HTTP/1.1 ${status} X\r\n${status === 204 ? '' : 'Content-Length: 5\r\n'}\r\n`);
    });
    const rig = await rigWith(guest, server.port);
    const reply = await ask(rig.port, { method });
    expect([reply.status, reply.headers['content-length'], reply.text]).toEqual([status, length, '']);
    await rig.expectIdle();
  });

  it('is right in front of a client of HTTP/1.0', async () => {
    const server = await upstream('main', (_request, response) => void response.end('hello'));
    const rig = await rigWith(streaming(1), server.port);
    const client = new RawClient(rig.port);
    client.send('GET / HTTP/1.0\r\nHost: a.example\r\n\r\n');
    await eventually(() => client.closed).toBe(true);
    expect(client.text).toMatch(/<hello$/);
  });
});

describe('an answer of the gateway itself', () => {
  it('passes the plugins of bodies like any other', async () => {
    const filters = [await pluginFilter(gathering(1))];
    const route = { upstream: undefined, respond: { status: 200, body: 'hello' } };
    const rig = await rigOf({ filters, route });
    const reply = await ask(rig.port);
    expect([reply.status, reply.text, reply.headers['content-length']]).toEqual([200, '<hello', '6']);
    expect((await ask(rig.port, { method: 'HEAD' })).status).toBe(200);
    const failing = await rigOf({ filters });
    const error = await ask(failing.port);
    expect([error.status, error.text.slice(0, 10)]).toEqual([503, '<{"error":']);
    await failing.expectIdle();
  });
});

describe('trailers of a request', () => {
  it('pass through a plugin to the upstream', async () => {
    const { promise: seen, resolve } = Promise.withResolvers<readonly string[]>();
    const server = await upstream('main', (request, response) => {
      request.resume().on('end', () => {
        resolve(request.rawTrailers);
        response.end();
      });
    });
    const edit = `(drop (call $add_header_map_value (i32.const 1) (i32.const 301) (i32.const 5) (i32.const 306)
      (i32.const 3))) (i32.const 0)`;
    const fields = '(data (i32.const 300) "<x-newsum")';
    const rig = await rigWith(notingGuest({ b: UNTIL_END, t: edit }, { fields }), server.port);
    const client = new HttpClient(rig.port, { method: 'POST', headers: ['Transfer-Encoding', 'chunked'] });
    client.write(Buffer.from('hello'));
    client.end(['X-Sum', '1']);
    expect(await seen).toEqual(['X-Sum', '1', 'x-new', 'sum']);
    await rig.expectIdle();
  });
});

describe('trailers of a response', () => {
  it('pass through a plugin to the client', async () => {
    const server = await raw((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n'),
    );
    const edit = `(drop (call $replace_header_map_value (i32.const 3) (i32.const 301) (i32.const 5) (i32.const 306)
      (i32.const 3))) (i32.const 0)`;
    const guest = notingGuest({ B: atEnd(''), T: edit }, { fields: '(data (i32.const 300) "<x-sumnew")' });
    const rig = await rigWith(guest, server.port);
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => client.ended).toBe(true);
    expect([client.body.toString(), client.trailers]).toEqual(['ok', ['X-Sum', 'new']]);
  });
});

describe('a body that is too large', () => {
  const BIG = 'x'.repeat(3000);

  it('for a plugin that gathers a request ends with 413, and no upstream hears of it', async () => {
    const server = await echo();
    const rig = await rigWith(gathering(0), server.port, { bodyLimit: 2000 });
    const client = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '6000'] });
    client.write(Buffer.from(BIG));
    await eventually(() => client.status).toBe(413);
    await eventually(() => client.body.toString()).toContain('SLUICE_REQUEST_BODY_TOO_LARGE');
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ response_code: 413, upstream_request_attempt_count: 0 });
    expect(server.seen).toHaveLength(0);
    client.close();
    await rig.expectIdle();
  });

  it.each([
    ['closed', 503],
    ['open', 200],
  ] as const)('for a plugin that gathers a response follows its policy (%s)', async (onFailure, status) => {
    const server = await upstream('main', (_request, response) => {
      response.write(BIG);
      response.end(BIG);
    });
    const rig = await rigWith(gathering(1), server.port, { bodyLimit: 2000, onFailure });
    const reply = await ask(rig.port);
    expect(reply.status).toBe(status);
    if (onFailure === 'open') expect(reply.text).toBe(BIG + BIG);
    else expect(codeOf(reply)).toBe('SLUICE_PLUGIN_BODY_LIMIT');
    await rig.expectIdle();
  });

  it('for a plugin of a response whose head has left resets it', async () => {
    const { promise: more, resolve: go } = Promise.withResolvers<void>();
    const server = await upstream('main', (_request, response) => {
      response.write('hello');
      void more.then(() => response.end(BIG));
    });
    const answer = `(i32.gt_u (local.get 1) (i32.const 5))`;
    const rig = await rigWith(notingGuest({ B: answer }), server.port, { bodyLimit: 2000 });
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => client.body.toString()).toBe('hello');
    go();
    await eventually(() => client.failed).toBe(true);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ response_code_details: 'SLUICE_PLUGIN_BODY_LIMIT' });
    await rig.expectIdle();
  });

  it('for all plugins of the tenant together gets 503', async () => {
    const server = await echo();
    const filters = [await pluginFilter(gathering(0))];
    const rig = await rigOf({ filters, bufferedBodies: 5000 }, [server.port]);
    const first = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '4001'] });
    first.write(Buffer.from('x'.repeat(4000)));
    await eventually(() => rig.bodies.held).toBe(4000);
    const second = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '4000'] });
    second.write(Buffer.from(BIG));
    await eventually(() => second.status).toBe(503);
    await eventually(() => second.body.toString()).toContain('SLUICE_TENANT_BODIES_FULL');
    first.write(Buffer.from('y'));
    first.end();
    await eventually(() => first.ended).toBe(true);
    expect(first.body).toHaveLength(4002);
    second.close();
    await rig.expectIdle();
  });
});

describe('a request that a plugin gathers', () => {
  it('gets its 100 from the gateway', async () => {
    const server = await echo();
    const rig = await rigWith(gathering(0), server.port);
    const client = new RawClient(rig.port);
    client.send('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    await eventually(() => client.text).toContain('100 Continue\r\n\r\n');
    client.send('hello');
    await eventually(() => client.text).toContain('<hello');
    client.socket.destroy();
  });

  it('may be sent again, whole', async () => {
    const refusing = await raw((socket) => void socket.destroy());
    const server = await echo();
    const route = { retries: { attempts: 3, on: ['reset-before-response'] } };
    const rig = await rigOf({ filters: [await pluginFilter(gathering(0))], route }, [refusing.port, server.port]);
    for (let i = 0; i < 4; i++) {
      expect((await ask(rig.port, { method: 'PUT', body: `hello${i}` })).text).toBe(`<hello${i}`);
    }
    expect(rig.lines.some((line) => line['upstream_request_attempt_count'] === 2)).toBe(true);
    await rig.expectIdle();
  });

  it('that streams may not', async () => {
    const refusing = await raw((socket, text) => {
      if (text.includes('hello')) socket.destroy();
    });
    const route = { retries: { attempts: 3, on: ['reset-before-response'] } };
    const rig = await rigOf({ filters: [await pluginFilter(streaming(0))], route }, [refusing.port]);
    const client = new HttpClient(rig.port, { method: 'PUT', headers: ['Content-Length', '10'] });
    client.write(Buffer.from('hello'));
    await eventually(() => client.status).toBe(502);
    expect(rig.lines[0]).toMatchObject({ upstream_request_attempt_count: 1 });
    client.close();
    await rig.expectIdle();
  });

  it('may be refused over it: no upstream hears of it, and the connection serves on', async () => {
    const reply = `(drop (call $send_local_response (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 300)
      (i32.const 1) (i32.const 0) (i32.const 0) (i32.const -1))) (i32.const 1)`;
    const server = await echo();
    const guest = notingGuest({ b: reply }, { fields: MARK });
    const rig = await rigWith(guest, server.port);
    const client = new RawClient(rig.port);
    for (let i = 1; i <= 3; i++) {
      client.send('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello');
      await eventually(() => client.text.split('HTTP/1.1 403').length).toBe(i + 1);
    }
    expect([client.closed, server.seen.length]).toEqual([false, 0]);
    client.socket.destroy();
    await rig.expectIdle();
  });

  it('may be answered early by the upstream', async () => {
    const server = await upstream('main', (request, response) => {
      response.writeHead(413).end('too much');
      request.resume();
    });
    const rig = await rigWith(streaming(0), server.port);
    const client = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '100000000'] });
    client.write(Buffer.from('hello'));
    await eventually(() => client.body.toString()).toBe('too much');
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ response_code: 413, response_flags: '-' });
    client.close();
    await rig.expectIdle();
  });
});

describe('the configuration', () => {
  it('sets what a plugin may hold of a body, and the plugins of a tenant together', async () => {
    const server = await echo();
    const rig = await GatewayRig.start({
      gateway: {
        plugins: [
          { name: 'small', source: 'file:gathering.wasm', limits: { body: '1KiB' } },
          { name: 'large', source: 'file:gathering.wasm' },
        ],
        tenants: { directory: 'tenants', limits: { bufferedBodies: '2KiB' } },
      },
      tenants: {
        a: tenantA({
          routes: ['small', 'large'].map((name) => ({
            id: name,
            match: { path: { prefix: `/${name}` } },
            upstream: { service: 'main' },
            plugins: [{ use: name }],
          })),
        }),
      },
      services: { main: [server.address] },
      files: { 'gathering.wasm': pluginModule(gathering(0)) },
    });
    try {
      const put = (path: string, length: number) => ask(rig.port, { method: 'PUT', path, body: 'x'.repeat(length) });
      await eventually(() => put('/small', 1000).then(({ status }) => status)).toBe(200);
      expect((await put('/small', 1000)).text).toBe(`<${'x'.repeat(1000)}`);
      for (const [path, length, code] of [
        ['/small', 300_000, 'SLUICE_REQUEST_BODY_TOO_LARGE'],
        ['/large', 300_000, 'SLUICE_TENANT_BODIES_FULL'],
      ] as const) {
        expect(codeOf(await put(path, length))).toBe(code);
      }
    } finally {
      await rig.stop();
    }
  });
});
