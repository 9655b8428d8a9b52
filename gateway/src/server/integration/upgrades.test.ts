import { describe, expect, it } from 'vitest';
import { CONTINUE, type FilterControl, type FilterFactory, type FilterStatus, PAUSE } from '../../filters/filter.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { PairHeaders } from '../../exchange/headers.ts';
import { RawClient } from '../listener.suite.ts';
import { ask, deadPort, eventually, HOST } from './fixture.suite.ts';
import { type ProxyOptions, type ProxyRig, raw, rigOf, upstream } from './proxy-rig.suite.ts';
import { EchoServer } from './websocket.suite.ts';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x-echo\r\n\r\n';

/** The head of a request that offers these protocols. */
function offer(protocols: string, more = '', method = 'GET'): string {
  return `${method} /ws HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: ${protocols}\r\n${more}\r\n`;
}

/** A service that switches to x-echo and sends back what comes; a gateway that allows that; its client. */
async function echoing(options: ProxyOptions = {}, text = offer('x-echo')) {
  const server = await raw((socket, data) => {
    socket.write(data.includes('\r\n\r\n') ? SWITCH + data.slice(data.indexOf('\r\n\r\n') + 4) : data, 'latin1');
  });
  const rig = await rigOf({ ...options, route: { upgrades: ['x-echo'], ...options.route } }, [server.port]);
  const client = new RawClient(rig.port);
  client.send(text);
  return { server, rig, client };
}

async function expectLine(rig: ProxyRig, line: Record<string, unknown>): Promise<void> {
  await eventually(() => rig.lines).toHaveLength(1);
  expect(rig.lines[0]).toMatchObject(line);
  await rig.expectIdle();
  await eventually(() => [rig.listener.connections, rig.listener.activeExchanges]).toEqual([0, 0]);
}

describe('a WebSocket', () => {
  it('is carried from handshake to close, without a word in the configuration', async () => {
    const server = await new EchoServer().open();
    const rig = await rigOf({ tenant: { domains: ['localhost'] } }, [server.port]);
    const socket = new WebSocket(`ws://localhost:${rig.port}/live?a=b`);
    const messages: unknown[] = [];
    socket.addEventListener('message', ({ data }) => void messages.push(data));
    const opened = Promise.withResolvers<void>();
    socket.addEventListener('open', () => opened.resolve());
    socket.addEventListener('error', () => opened.reject(new Error('no WebSocket')));
    await opened.promise;
    socket.send('hello');
    const long = 'long '.repeat(200_000);
    socket.send(long);
    await eventually(() => messages.length).toBe(2);
    expect(messages).toEqual(['hello', long]);
    expect([rig.gateway.activeExchanges, rig.inFlight, rig.lines.length]).toEqual([1, 1, 0]);
    socket.close(4001, 'done');
    const closed = Promise.withResolvers<CloseEvent>();
    socket.addEventListener('close', (event) => closed.resolve(event));
    expect(await closed.promise).toMatchObject({ code: 4001, wasClean: true });
    expect(server.closes).toEqual([4001]);
    await expectLine(rig, { response_code: 101, response_flags: '-', method: 'GET', path: '/live?a=b' });
    const { bytes_sent: sent, bytes_received: received } = rig.lines[0]!;
    expect([Number(sent) > long.length, Number(received) > long.length]).toEqual([true, true]);
  });

  it('passes its handshake on with forwarded fields and lane, and the answer back', async () => {
    const server = await new EchoServer().open();
    const lanes = [{ name: 'gray', tag: 'gray', rules: [{ headers: [{ name: 'upgrade', exact: 'websocket' }] }] }];
    const rig = await rigOf({ tenant: { lanes } }, [server.port]);
    const client = new RawClient(rig.port);
    const fields = 'Sec-WebSocket-Key: abc\r\nSec-WebSocket-Protocol: mqtt\r\nX-Hop: 1\r\nConnection: x-hop\r\n';
    client.send(offer('WebSocket', fields));
    await eventually(() => client.text).toMatch(/\r\n\r\n$/);
    const { headers } = server.seen[0]!;
    expect(headers).toMatchObject({
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'abc',
      'sec-websocket-protocol': 'mqtt',
      'x-forwarded-for': '127.0.0.1',
      'x-mse-tag': 'gray',
    });
    expect(headers['x-hop']).toBeUndefined();
    expect(client.text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(client.text).toMatch(/\r\nconnection: upgrade\r\n/);
    expect(client.text.match(/\r\nupgrade: websocket\r\n/gi)).toHaveLength(1);
    expect(client.text).toMatch(/\r\nX-Served-By: echo\r\n/);
    expect(client.text).not.toMatch(/content-length|transfer-encoding/i);
    client.socket.end();
    await expectLine(rig, { response_code: 101, lane: 'gray' });
  });
});

describe('an upgrade', () => {
  it('carries what came in one piece with the heads, on both sides', async () => {
    const { rig, client } = await echoing({}, `${offer('x-echo')}early`);
    await eventually(() => client.text).toMatch(/\r\n\r\nearly$/);
    client.send(' and late');
    await eventually(() => client.text).toMatch(/\r\n\r\nearly and late$/);
    client.socket.end();
    await expectLine(rig, { response_code: 101, bytes_received: 14, bytes_sent: 14, response_flags: '-' });
  });

  it('carries bytes behind the 101 that came before the client said anything', async () => {
    const server = await raw((socket) => socket.write(`${SWITCH}welcome`));
    const rig = await rigOf({ route: { upgrades: ['x-echo'] } }, [server.port]);
    const client = new RawClient(rig.port);
    client.send(offer('x-echo'));
    await eventually(() => client.text).toMatch(/\r\n\r\nwelcome$/);
    expect(server.received).toMatch(/\r\nconnection: upgrade\r\nupgrade: x-echo\r\n\r\n$/);
    server.sockets[0]!.end();
    await eventually(() => client.closed).toBe(true);
    await expectLine(rig, { response_code: 101, bytes_received: 0, bytes_sent: 7 });
  });

  it.each<[string, ProxyOptions['route'], string, number, string]>([
    ['to nothing that the route lists', {}, offer('x-echo'), 403, 'SLUICE_UPGRADE_REFUSED'],
    ['to a WebSocket, which it has unlisted', { upgrades: [] }, offer('websocket'), 403, 'SLUICE_UPGRADE_REFUSED'],
    ['with a body', {}, offer('websocket', 'Content-Length: 1\r\n'), 501, 'SLUICE_REQUEST_UNSUPPORTED'],
    ['with chunks', {}, offer('websocket', 'Transfer-Encoding: chunked\r\n'), 501, 'SLUICE_REQUEST_UNSUPPORTED'],
    ['to a WebSocket by POST', {}, offer('websocket', '', 'POST'), 400, 'SLUICE_REQUEST_INVALID'],
  ])('%s is refused', async (_what, route, text, status, code) => {
    const server = await upstream('main');
    const rig = await rigOf({ route: route ?? {} }, [server.port]);
    const client = new RawClient(rig.port);
    client.send(text);
    await eventually(() => client.text).toContain(code);
    expect(client.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(server.seen).toHaveLength(0);
    client.socket.destroy();
    await expectLine(rig, { response_code: status, response_code_details: code });
  });

  it('offers the service what the route allows, and nothing else', async () => {
    const { server, client } = await echoing({}, offer('h2c, websocket, X-Echo, TLS/1.0'));
    await eventually(() => client.text).toContain('101');
    expect(server.received).toMatch(/\r\nupgrade: x-echo\r\n\r\n$/);
    expect(server.received.match(/upgrade: /gi)).toHaveLength(1);
    client.socket.destroy();
  });

  it.each([
    [
      'h2c',
      `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x`,
    ],
    ['HTTP/1.0', `GET / HTTP/1.0\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket`],
    ['a field that Connection does not name', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nUpgrade: websocket`],
    ['an option without a protocol', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade`],
  ])('in %s is none: the request goes on as it is', async (_what, head) => {
    const server = await upstream('main');
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send(`${head}\r\n\r\n`);
    await eventually(() => client.text).toMatch(/main/);
    expect(server.last.headers['upgrade']).toBeUndefined();
    expect(server.last.headers['http2-settings']).toBeUndefined();
    client.socket.destroy();
  });

  it('that the service declines is answered like any request, and its connection serves no other', async () => {
    const server = await upstream('main', (request, response) => {
      response.writeHead(request.headers.upgrade === undefined ? 200 : 426).end(`asked ${server.connections}`);
    });
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send(offer('websocket'));
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 426 [^]*asked 1/);
    client.send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await eventually(() => client.text).toMatch(/HTTP\/1\.1 200 [^]*asked 2/);
    client.socket.destroy();
    await rig.expectIdle();
  });

  it.each([
    ['to another protocol', SWITCH.replace('x-echo', 'x-other')],
    ['to no protocol', SWITCH.replace('Upgrade: x-echo\r\n', '')],
    ['without the option', SWITCH.replace('Connection: upgrade\r\n', '')],
    ['to two protocols', SWITCH.replace('x-echo', 'x-echo, x-other')],
  ])('that the service answers by a switch %s is a fault of its', async (_what, answer) => {
    const server = await raw((socket) => socket.write(answer));
    const rig = await rigOf({ route: { upgrades: ['x-echo'] } }, [server.port]);
    const client = new RawClient(rig.port);
    client.send(offer('x-echo'));
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 502 [^]*SLUICE_UPSTREAM_PROTOCOL/);
    await eventually(() => server.sockets[0]!.readableEnded).toBe(true);
    client.socket.destroy();
    await expectLine(rig, { response_code: 502 });
  });

  it('is tried at another endpoint when there was no connection', async () => {
    const { server, rig, client } = await echoing();
    rig.setEndpoints([await deadPort(), server.port]);
    for (let i = 0; i < 2; i++) {
      const another = new RawClient(rig.port);
      another.send(offer('x-echo'));
      await eventually(() => another.text).toContain('101');
      another.socket.destroy();
    }
    await eventually(() => rig.lines.map((line) => line['upstream_request_attempt_count'])).toContain(2);
    client.socket.destroy();
  });

  it('has the time of a request up to the head, and no such limit afterwards', async () => {
    const { rig, client } = await echoing({ route: { timeouts: { request: '10s', perTry: '5s' } } });
    await eventually(() => client.text).toContain('101');
    expect(rig.gateway.wheel.size).toBe(0);
    client.socket.destroy();
    const silent = await raw(() => {});
    rig.setEndpoints([silent.port]);
    const late = await rigOf({ route: { timeouts: { request: '30ms' } } }, [silent.port]);
    const waiting = new RawClient(late.port);
    waiting.send(offer('websocket'));
    await eventually(() => waiting.text).toMatch(/^HTTP\/1\.1 504 [^]*SLUICE_UPSTREAM_TIMEOUT/);
    await eventually(() => silent.sockets[0]!.readableEnded).toBe(true);
    waiting.socket.destroy();
    await expectLine(late, { response_code: 504 });
  });

  it('counts among the exchanges of its listener until it ends', async () => {
    const { rig, client } = await echoing({ limits: { exchanges: 1 } });
    await eventually(() => client.text).toContain('101');
    expect((await ask(rig.port)).status).toBe(503);
    client.socket.end();
    await eventually(() => rig.listener.activeExchanges).toBe(0);
  });
});

/** Looks at heads, and holds or answers them where told to. */
class Looking implements FilterFactory {
  readonly name = 'looking';
  readonly wantsRequestHeaders = true;
  readonly wantsResponseHeaders = true;
  readonly controls: FilterControl[] = [];
  readonly #at: (control: FilterControl) => { request?: () => void; response?: () => boolean };

  constructor(at: (control: FilterControl) => { request?: () => void; response?: () => boolean }) {
    this.#at = at;
  }

  create(exchange: Exchange, control: FilterControl) {
    const { request, response } = this.#at(control);
    return {
      bodies: null,
      onRequestHeaders: (): FilterStatus => {
        request?.();
        return CONTINUE;
      },
      onResponseHeaders: () => {
        exchange.responseHeaders!.append('x-looked', '1');
        if (response?.() !== true) return CONTINUE;
        this.controls.push(control);
        return PAUSE;
      },
      onDone: () => {},
    };
  }
}

describe('filters of an upgrade', () => {
  it('may refuse it before a service hears of it', async () => {
    const filter = new Looking((control) => ({
      request: () => control.reply(401, new PairHeaders([]), Buffer.from('who?'), 'no key'),
    }));
    const { server, rig, client } = await echoing({ filters: [filter] });
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 401 [^]*who\?$/);
    expect(server.sockets).toHaveLength(0);
    client.socket.destroy();
    await expectLine(rig, { response_code: 401, response_code_details: 'no key' });
  });

  it('meet the head of the 101, which they may hold', async () => {
    const filter = new Looking(() => ({ response: () => true }));
    const { rig, client } = await echoing({ filters: [filter] }, `${offer('x-echo')}early`);
    await eventually(() => filter.controls).toHaveLength(1);
    expect(client.text).toBe('');
    filter.controls[0]!.resumeResponse();
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 101 [^]*\r\nx-looked: 1\r\n[^]*early$/);
    client.socket.end();
    await expectLine(rig, { response_code: 101 });
  });

  it('may answer in its place; then the service loses its side', async () => {
    const filter = new Looking((control) => ({
      response: () => {
        control.reply(403, new PairHeaders([]), null, 'not this one');
        return false;
      },
    }));
    const { server, rig, client } = await echoing({ filters: [filter] });
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 403 /);
    await eventually(() => server.sockets[0]!.readableEnded).toBe(true);
    client.socket.destroy();
    await expectLine(rig, { response_code: 403 });
  });

  it('that hold it while the client leaves cost the service its side', async () => {
    const filter = new Looking(() => ({ response: () => true }));
    const { server, rig, client } = await echoing({ filters: [filter] });
    await eventually(() => filter.controls).toHaveLength(1);
    client.socket.destroy();
    await eventually(() => server.sockets[0]!.readableEnded).toBe(true);
    await expectLine(rig, { response_code: 499 });
    filter.controls[0]!.resumeResponse();
  });
});
