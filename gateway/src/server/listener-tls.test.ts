import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { issue } from '../config/certificate.suite.ts';
import { type MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import { SinkProbe, until } from '../exchange/probes.suite.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { TlsSpec } from '../runtime/listener-feed.ts';
import type { Http1Listener } from './listener-http1.ts';
import { answer, openListener, RawClient, type TestOptions, testSlots } from './listener.suite.ts';
import { open, rawOf, specOf, tlsOf, visit } from './tls.suite.ts';

const pair = issue();
const rsa = issue({ keyType: 'rsa' });
const other = issue({ names: ['b.example'] });

describe('listener, TLS', () => {
  const listeners: Http1Listener[] = [];
  const exchanges: Exchange[] = [];
  let slots: MetricSlots;
  afterEach(async () => {
    for (const listener of listeners.splice(0)) await listener.close();
    exchanges.length = 0;
  });

  async function start(tls: TlsSpec = tlsOf([specOf(pair)]), options: TestOptions = {}): Promise<Http1Listener> {
    slots = testSlots();
    const listener = await openListener(
      (x) => {
        exchanges.push(x);
        answer(x, 200, `hello ${x.connection.serverName}`);
      },
      { tls, metrics: slots, ...options },
    );
    listeners.push(listener);
    return listener;
  }

  /** Handshakes that were counted, by result. */
  function counted(): Record<string, number> {
    const names = Object.entries(WORKER_SLOTS).filter(([name]) => name.startsWith('tls'));
    const counts = names.map(([name, slot]) => [name.slice(3), slots.get(slot)] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('serves %s, and tells the proxy so', async (version) => {
    const { port } = await start();
    const seen = await visit(port, { maxVersion: version, servername: 'a.example' });
    expect(seen.protocol).toBe(version);
    expect(seen.text).toMatch(/^HTTP\/1\.1 200 .*hello a\.example$/s);
    expect(exchanges[0]).toMatchObject({ scheme: 'https', connection: { tls: true, serverName: 'a.example' } });
    expect(counted()).toEqual({ Full: 1 });
  });

  it('chooses the certificate by the name that the client asks for', async () => {
    const { port } = await start(tlsOf([specOf(pair, ['a.example']), specOf(other, ['*.b.example'])]));
    const served = async (servername?: string): Promise<string> =>
      (await visit(port, servername === undefined ? {} : { servername })).certificate;
    expect(await served('x.b.example')).toBe(rawOf(other));
    expect(await served('a.example')).toBe(rawOf(pair));
    expect(await served('unknown.example')).toBe(rawOf(pair));
    expect(await served()).toBe(rawOf(pair));
  });

  it('sends the whole chain', async () => {
    const ca = issue({ names: null, commonName: 'ca', ca: true });
    const middle = issue({ names: null, commonName: 'middle', ca: true, issuer: ca });
    const leaf = issue({ names: ['a.example'], issuer: middle });
    const chained = { ...leaf, certificate: leaf.certificate + middle.certificate };
    const { port } = await start(tlsOf([specOf(pair, ['default.example']), specOf(chained)]));
    const trusting = { servername: 'a.example', ca: ca.certificate, rejectUnauthorized: true };
    expect((await visit(port, trusting)).text).toContain('200');
  });

  it('speaks HTTP/1.1 with clients that offer HTTP/2 as well, and none with those that know nothing else', async () => {
    const { port } = await start();
    expect((await visit(port, { ALPNProtocols: ['h2', 'http/1.1'] })).text).toContain('200');
    await expect(visit(port, { ALPNProtocols: ['h2'] })).rejects.toThrow();
    await until(() => slots.get(WORKER_SLOTS.tlsFailed) === 1);
  });

  it('closes an idle connection in form', async () => {
    const listener = await start(undefined, { limits: { idleTimeout: 20 } });
    const relay = await Relay.before(listener.port);
    const client = open(relay.port, { maxVersion: 'TLSv1.2' });
    client.resume();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 1 && client.destroyed);
    expect(relay.records.at(-1)).toBe(ALERT);
    relay.close();
  });

  it('serves RSA as well as ECDSA', async () => {
    const { port } = await start(tlsOf([specOf(pair), specOf(rsa, ['b.example'])]));
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      expect((await visit(port, { servername: 'b.example', maxVersion })).certificate).toBe(rawOf(rsa));
    }
  });

  it.each([
    ['versions below the least one', { minVersion: '1.3' }, { maxVersion: 'TLSv1.2' }],
    ['versions without a future', {}, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }],
    ['ciphers without forward secrecy', {}, { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
    ['ciphers without authentication', {}, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }],
  ] as const)('refuses %s', async (_, more, client) => {
    const listener = await start(tlsOf([specOf(pair)], more));
    await expect(visit(listener.port, client)).rejects.toThrow();
    await until(() => slots.get(WORKER_SLOTS.tlsFailed) === 1 && listener.connections === 0);
    expect(counted()).toEqual({ Failed: 1 });
  });

  it('does not negotiate anew', async () => {
    const listener = await start();
    const client = open(listener.port, { maxVersion: 'TLSv1.2' });
    let text = '';
    client.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    let [renewed, gone] = [false, false];
    client.on('error', () => {
      gone = true;
    });
    let secure = false;
    client.once('secureConnect', () => {
      secure = true;
    });
    await until(() => secure);
    client.renegotiate({}, (error) => {
      renewed = error === null;
    });
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => gone || text.includes('hello'));
    expect([gone, renewed]).toEqual([true, false]);
    await until(() => listener.connections === 0);
    expect(counted()).toEqual({ Full: 1 });
  });

  it.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'PlainHttp'],
    ['garbage', 'x'.repeat(300), 'Failed'],
    ['a broken hello', '\x16\x03\x01\x00\x05hello', 'Failed'],
    ['a record that is too long', '\x16\x03\x01\xff\xff', 'Failed'],
  ])('closes and counts %s', async (_, text, result) => {
    const listener = await start();
    const client = new RawClient(listener.port);
    client.send(text);
    await until(() => client.closed && listener.connections === 0);
    expect(counted()).toEqual({ [result]: 1 });
    expect(exchanges).toEqual([]);
  });

  it.each([
    ['leaves', (client: RawClient) => client.socket.resetAndDestroy()],
    ['ends its side', (client: RawClient) => client.socket.end()],
    [
      'leaves in the middle of its hello',
      (client: RawClient) => client.socket.end('\x16\x03\x01\x01\x00\x01', 'latin1'),
    ],
  ])('counts a client that %s', async (_, leave) => {
    const listener = await start();
    const client = new RawClient(listener.port);
    await until(() => listener.connections === 1);
    leave(client);
    await until(() => client.closed && listener.connections === 0);
    expect(counted()).toEqual({ Aborted: 1 });
  });

  it('gives up a handshake that takes too long', async () => {
    const listener = await start(undefined, { handshakeTimeoutMs: 30 });
    const client = new RawClient(listener.port);
    await until(() => client.closed && listener.connections === 0);
    expect(counted()).toEqual({ Timeout: 1 });
  });

  it('closes connections beyond the rate before their handshake', async () => {
    const listener = await start(tlsOf([specOf(pair)], { handshakesPerSecond: 2 }));
    const clients = Array.from({ length: 5 }, () => open(listener.port));
    let closed = 0;
    for (const client of clients) client.on('error', () => closed++);
    await until(() => closed === 3 && slots.get(WORKER_SLOTS.tlsFull) === 2);
    expect(counted()).toEqual({ Full: 2, RateLimited: 3 });
    expect(listener.connections).toBe(2);
    listener.setTls(tlsOf([specOf(pair)]));
    for (let i = 0; i < 5; i++) await visit(listener.port);
    for (const client of clients) client.destroy();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes %s sessions of another listener with its keys', async (version) => {
    const certificates = [specOf(pair, ['default.example']), specOf(other, ['b.example'])];
    const spec = tlsOf(certificates);
    const [one, two] = [await start(spec), await start({ ...spec, certificates: [...certificates] })];
    for (const servername of ['default.example', 'b.example', 'unknown.example']) {
      const first = await visit(one.port, { servername, maxVersion: version });
      const second = await visit(two.port, { servername, maxVersion: version, session: first.session });
      expect([first.resumed, second.resumed]).toEqual([false, true]);
    }
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes %s sessions over an exchange of certificates', async (version) => {
    const spec = tlsOf([specOf(pair, ['default.example']), specOf(other, ['b.example'])]);
    const listener = await start(spec);
    const before = [await visit(listener.port, { servername: 'b.example', maxVersion: version })];
    before.push(await visit(listener.port, { maxVersion: version }));
    const renewed = [specOf(issue(), ['default.example']), specOf(issue(), ['b.example'])];
    listener.setTls({ ...spec, certificates: renewed });
    const [named, unnamed] = before as [(typeof before)[0], (typeof before)[0]];
    const again = await visit(listener.port, { servername: 'b.example', maxVersion: version, session: named.session });
    expect(again.resumed).toBe(true);
    expect((await visit(listener.port, { maxVersion: version, session: unnamed.session })).resumed).toBe(true);
    expect((await visit(listener.port, { servername: 'b.example' })).certificate).toBe(rawOf(renewed[1]!));
    expect((await visit(listener.port)).certificate).toBe(rawOf(renewed[0]!));
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('takes %s tickets of a former key for no session', async (version) => {
    const spec = tlsOf([specOf(pair, ['default.example']), specOf(other, ['b.example'])]);
    const listener = await start(spec);
    for (const servername of ['default.example', 'b.example']) {
      const { session } = await visit(listener.port, { servername, maxVersion: version });
      listener.setTls({ ...spec, ticketKeys: Buffer.from(spec.ticketKeys).fill(servername.length) });
      const later = await visit(listener.port, { servername, maxVersion: version, session });
      expect(later.resumed).toBe(false);
      expect(later.text).toContain('200');
      const again = await visit(listener.port, { servername, maxVersion: version, session: later.session });
      expect(again.resumed).toBe(true);
    }
  });

  it('goes on with connections that are open when the certificate is exchanged', async () => {
    const listener = await start();
    const client = open(listener.port);
    let text = '';
    client.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 1);
    listener.setTls(tlsOf([specOf(issue())]));
    client.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 2 && text.split('hello').length === 3);
    client.destroy();
  });

  it('keeps the former certificate when a new one cannot be used', async () => {
    const listener = await start();
    const broken = { ...specOf(issue()), key: pair.key };
    expect(() => listener.setTls(tlsOf([broken]))).toThrow(
      expect.objectContaining({ code: 'SLUICE_TLS_CERTIFICATE_UNUSABLE' }),
    );
    expect((await visit(listener.port)).certificate).toBe(rawOf(pair));
    const opening = start(tlsOf([broken]));
    await expect(opening).rejects.toMatchObject({ code: 'SLUICE_TLS_CERTIFICATE_UNUSABLE' });
  });

  it('fails one handshake, not the listener, where a certificate proves useless only then', async () => {
    const broken = { ...specOf(other, ['b.example']), key: pair.key };
    const listener = await start(tlsOf([specOf(pair), broken]));
    await expect(visit(listener.port, { servername: 'b.example' })).rejects.toThrow();
    await until(() => listener.connections === 0);
    expect((await visit(listener.port)).text).toContain('200');
    expect(counted()).toEqual({ Failed: 1, Full: 1 });
  });

  it('shows the client of a response without length that it is cut', async () => {
    const listener = await openTorn(listeners, exchanges);
    const client = open(listener.port);
    let [ended, failed, text] = [false, false, ''];
    client.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    client.on('end', () => {
      ended = true;
    });
    client.on('error', () => {
      failed = true;
    });
    client.write('GET / HTTP/1.0\r\n\r\n');
    await until(() => text.includes('half'));
    exchanges.at(-1)!.sink.reset('SLUICE_UPSTREAM_RESET');
    await until(() => client.destroyed);
    expect([ended, failed]).toEqual([false, true]);
    expect(listener.connections).toBe(0);
  });

  it('drains: ends idle connections in form, waits for exchanges, not for handshakes', async () => {
    const listener = await openListener((x) => void exchanges.push(x), { tls: tlsOf([specOf(pair)]), lingerMs: 20 });
    listeners.push(listener);
    const relay = await Relay.before(listener.port);
    const [idle, busy] = [open(relay.port, { maxVersion: 'TLSv1.2' }), open(listener.port)];
    let text = '';
    idle.resume();
    busy.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 1);
    answer(exchanges[0]!, 200, 'ok');
    busy.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 2 && listener.activeExchanges === 1);
    const silent = new RawClient(listener.port);
    await until(() => listener.connections === 3);
    const drained = listener.drain();
    await until(() => idle.destroyed && silent.closed);
    expect(relay.records.at(-1)).toBe(ALERT);
    relay.close();
    expect(busy.destroyed).toBe(false);
    answer(exchanges[1]!, 200, 'last');
    expect(await drained).toBe(0);
    await until(() => busy.destroyed);
    expect(text).toMatch(/connection: close.*last$/is);
  });
});

/** A listener whose answers stop in the middle. */
async function openTorn(listeners: Http1Listener[], exchanges: Exchange[]): Promise<Http1Listener> {
  const listener = await openListener(
    (x) => {
      exchanges.push(x);
      const probe = new SinkProbe(x.sink);
      probe.head(200, [], false);
      x.sink.data(Buffer.from('half'));
    },
    { tls: tlsOf([specOf(pair)]) },
  );
  listeners.push(listener);
  return listener;
}

/** Type of the records of TLS in which a connection is closed in form. */
const ALERT = 21;

/** Stands between a client and a listener, and sees what kinds of records the listener sends. */
class Relay {
  /** Types of the records; of TLS 1.2, where they are not hidden. */
  readonly records: number[] = [];
  readonly #server: Server;
  #rest = Buffer.alloc(0);

  static async before(target: number): Promise<Relay> {
    const relay = new Relay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const upstream = connect(target, '127.0.0.1');
      upstream.on('data', (chunk: Buffer) => this.#note(chunk));
      for (const socket of [client, upstream]) socket.on('error', () => {});
      upstream.on('close', () => client.destroy());
      client.pipe(upstream).pipe(client);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }

  #note(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5 && this.#rest.length >= 5 + this.#rest.readUInt16BE(3)) {
      this.records.push(this.#rest[0]!);
      this.#rest = this.#rest.subarray(5 + this.#rest.readUInt16BE(3));
    }
  }
}
