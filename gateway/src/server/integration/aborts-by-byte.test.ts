import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RawClient } from '../listener.suite.ts';
import { ask, eventually, HOST } from './fixture.suite.ts';
import { type ProxyRig, raw, rigOf, upstream } from './proxy-rig.suite.ts';

/** Connections to upstreams close soon, so that what is left of them shows. */
const SHORT = { client: { keepAliveMs: 20 } };

/** The rig sets the endpoints. */
const STATIC = { static: [{ address: '127.0.0.1:1' }] };

/** Nothing of any exchange or connection is left, on either side. */
async function expectNothingLeft(rig: ProxyRig): Promise<void> {
  await rig.expectIdle();
  await eventually(() => [rig.listener.connections, rig.listener.activeExchanges]).toEqual([0, 0]);
  expect(rig.listener.bufferedBytes).toBe(0);
  await eventually(() => rig.upstreamWheel.size).toBe(0);
  expect(rig.errors).toEqual([]);
}

/** Runs one after the other, a few at a time. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const runner = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 10 }, runner));
}

function offsets(bytes: string): number[] {
  return Array.from({ length: bytes.length }, (_, at) => at);
}

const LEAVE = ['destroy', 'resetAndDestroy', 'end'] as const;

describe('a client that leaves at any byte of its request', () => {
  it.each([
    ['of known length', 'Content-Length: 11\r\n\r\nhello world'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n'],
  ])('%s leaves nothing behind, and nobody notices', async (_what, rest) => {
    let whole = 0;
    let held: (() => void) | null = null;
    const server = await upstream('main', (request, response) => {
      request.on('error', () => {});
      request.resume();
      request.on('end', () => {
        whole++;
        if (request.url === '/held') held = () => response.end('held');
        else response.end('main');
      });
    });
    const rig = await rigOf(SHORT, [server.port]);
    const bystander = ask(rig.port, { path: '/held' });
    await eventually(() => whole).toBe(1);
    const bytes = `POST / HTTP/1.1\r\nHost: ${HOST}\r\n${rest}`;
    await forEach(offsets(bytes), async (at) => {
      const client = new RawClient(rig.port);
      await eventually(() => client.socket.connecting).toBe(false);
      if (at > 0) await new Promise((resolve) => client.socket.write(bytes.slice(0, at), resolve));
      client.socket[LEAVE[at % LEAVE.length]!]();
      await eventually(() => client.closed).toBe(true);
    });
    expect([whole, (await ask(rig.port, { method: 'POST', body: 'x' })).text]).toEqual([1, 'main']);
    held!();
    expect((await bystander).text).toBe('held');
    await expectNothingLeft(rig);
    const codes = new Set(rig.lines.map((line) => line['response_code']));
    expect(codes).toEqual(new Set([200, 400, 499]));
  });
});

/** Responses of an upstream, by how their bodies end. */
const RESPONSES = {
  'of known length': 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world',
  'in chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n world\r\n0\r\nX: y\r\n\r\n',
};

describe('an upstream that leaves at any byte of its response', () => {
  it.each(Object.entries(RESPONSES))('%s: its client sees just that', async (what, response) => {
    const server = await raw((socket, text) => cut(socket, response, Number(/\/(\d+)/.exec(text)![1])));
    const other = await upstream('other');
    const rig = await rigOf(
      {
        ...SHORT,
        tenant: {
          services: { main: STATIC, other: STATIC },
          routes: [
            { id: 'other', match: [{ path: { exact: '/other' } }], upstream: { service: 'other' } },
            { id: 'all', upstream: { service: 'main' } },
          ],
        },
      },
      [server.port],
    );
    rig.setEndpoints([other.port], 'other');
    const headEnd = response.indexOf('\r\n\r\n') + 4;
    await forEach([...offsets(response), response.length], async (at) => {
      const client = new RawClient(rig.port);
      client.send(`GET /${at} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
      if (at < headEnd) {
        await eventually(() => client.text).toMatch(/^HTTP\/1\.1 50[0-9] [^]*\}\}$/);
        expect([at, client.json()]).toMatchObject([at, { error: { code: 'SLUICE_UPSTREAM_RESET' } }]);
        expect(client.closed).toBe(false);
        client.socket.destroy();
      } else if (at < response.length) {
        await eventually(() => client.closed).toBe(true);
        expect([at, client.text.startsWith('HTTP/1.1 200 OK\r\n')]).toEqual([at, true]);
        expect([at, isWhole(client.text, what)]).toEqual([at, false]);
      } else {
        await eventually(() => isWhole(client.text, what)).toBe(true);
        client.socket.destroy();
      }
      expect((await ask(rig.port, { path: '/other' })).text).toBe('other');
    });
    await expectNothingLeft(rig);
    const lines = rig.lines.filter((line) => line['route_name'] === 'all');
    expect(lines).toHaveLength(response.length + 1);
    const failed = lines.filter((line) => line['response_code_details'] === 'SLUICE_UPSTREAM_RESET');
    expect(failed).toHaveLength(response.length);
  });

  function cut(socket: Socket, response: string, at: number): void {
    const leave = (): void => void (at % 2 === 0 ? socket.end() : socket.resetAndDestroy());
    if (at === response.length) socket.write(response);
    else if (at === 0) leave();
    else socket.write(response.slice(0, at), leave);
  }

  function isWhole(text: string, what: string): boolean {
    return what === 'in chunks' ? text.endsWith('\r\n0\r\nX: y\r\n\r\n') : text.endsWith('hello world');
  }

  it('without length: its end is the end, but a reset is not', async () => {
    const response = 'HTTP/1.1 200 OK\r\n\r\nhello world';
    const server = await raw((socket, text) => {
      const [, at, how] = /\/(\d+)\/(\w+)/.exec(text)!;
      socket.write(response.slice(0, Number(at)), () => {
        if (how === 'end') socket.end();
        else setImmediate(() => socket.resetAndDestroy());
      });
    });
    const rig = await rigOf(SHORT, [server.port]);
    const headEnd = response.indexOf('\r\n\r\n') + 4;
    await forEach(offsets(response).slice(headEnd), async (at) => {
      expect((await ask(rig.port, { path: `/${at}/end` })).text).toBe(response.slice(headEnd, at));
      await expect(ask(rig.port, { path: `/${at}/reset` })).rejects.toThrow(/aborted|hang up/);
    });
    await expectNothingLeft(rig);
  });
});
