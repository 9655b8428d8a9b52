import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issue } from '../config/certificate.suite.ts';
import { DEFAULT_LISTENER_LIMITS } from '../config/schema-limits.ts';
import { silentLog } from '../core/log.ts';
import { until } from '../exchange/probes.suite.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ListenerSpec } from '../runtime/listener-feed.ts';
import { ListenerSet } from './listener-set.ts';
import { answer, RawClient, testSlots, TRACE_ID } from './listener.suite.ts';
import { open, rawOf, specOf, tlsOf, visit } from './tls.suite.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function spec(name: string, more: Partial<ListenerSpec> = {}): ListenerSpec {
  const fixed = { address: '127.0.0.1', port: 0, reusePort: true, limits: DEFAULT_LISTENER_LIMITS, tls: null };
  return { name, ...fixed, ...more };
}

describe('ListenerSet', () => {
  let set: ListenerSet;
  let exchanges: Exchange[];
  const clients: RawClient[] = [];
  beforeEach(() => {
    exchanges = [];
    set = new ListenerSet({
      handler: (x) => void exchanges.push(x),
      onRefused: () => TRACE_ID,
      metrics: testSlots(),
      log: silentLog,
    });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    await set.drain(0);
  });

  async function apply(...specs: ListenerSpec[]): Promise<Map<string, number>> {
    const { places, failures } = await set.apply(specs);
    expect(failures).toEqual([]);
    expect(places.map(({ name }) => name)).toEqual(specs.map(({ name }) => name));
    return new Map(places.map(({ name, port }) => [name, port]));
  }

  /** A client whose request has become an exchange. */
  async function request(port: number): Promise<RawClient> {
    const client = new RawClient(port);
    clients.push(client);
    const before = exchanges.length;
    client.send(GET);
    await until(() => exchanges.length > before);
    return client;
  }

  async function refuses(port: number): Promise<void> {
    const client = new RawClient(port);
    await until(() => client.closed);
    expect(client.failed).toBe(true);
  }

  it('opens listeners, and leaves those that stay alone', async () => {
    const first = await apply(spec('a'), spec('b'));
    const client = await request(first.get('a')!);
    const second = await apply(spec('b'), spec('a'), spec('c'));
    expect([second.get('a'), second.get('b')]).toEqual([first.get('a'), first.get('b')]);
    answer(exchanges[0]!, 200, 'one');
    await until(() => client.text.endsWith('one'));
    client.send(GET);
    await until(() => exchanges.length === 2);
    expect(client.closed).toBe(false);
  });

  it('moves a listener: the new port is open first, requests of the old one are finished', async () => {
    const before = await apply(spec('a'));
    const busy = await request(before.get('a')!);
    const idle = await request(before.get('a')!);
    answer(exchanges[1]!, 200, 'idle');
    await until(() => idle.text.endsWith('idle'));
    const other = createServer().listen(0, '127.0.0.1');
    await until(() => other.listening);
    const { port } = other.address() as { port: number };
    await new Promise((resolve) => other.close(resolve));
    const after = await apply(spec('a', { port }));
    expect(after.get('a')).toBe(port);
    await until(() => idle.closed);
    await refuses(before.get('a')!);
    expect([...set.listeners()]).toHaveLength(2);
    expect(set.connections()).toEqual(new Map([['a', 1]]));
    const moved = await request(port);
    answer(exchanges[2]!, 200, 'moved');
    await until(() => moved.text.endsWith('moved'));
    expect(busy.closed).toBe(false);
    answer(exchanges[0]!, 200, 'old');
    await until(() => busy.closed && [...set.listeners()].length === 1);
    expect(busy.text).toMatch(/connection: close.*old$/is);
  });

  it('changes the address on the same port', async () => {
    const before = await apply(spec('a', { address: '127.0.0.1' }));
    const port = before.get('a')!;
    const busy = await request(port);
    expect(await apply(spec('a', { address: '::', port }))).toEqual(before);
    answer(exchanges[0]!, 200, 'old');
    await until(() => busy.closed);
    const later = await request(port);
    answer(exchanges[1]!, 200, 'new');
    await until(() => later.text.endsWith('new'));
  });

  it('drains what is not wanted any more', async () => {
    const before = await apply(spec('a'), spec('b'));
    const busy = await request(before.get('b')!);
    await apply(spec('a'));
    await refuses(before.get('b')!);
    answer(exchanges[0]!, 200, 'last');
    await until(() => busy.closed);
    expect(busy.text.endsWith('last')).toBe(true);
  });

  it('keeps what it has where something new cannot be opened, and does the rest', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await until(() => taken.listening);
    const { port } = taken.address() as { port: number };
    const before = await apply(spec('a'), spec('b'));
    const { places, failures } = await set.apply([spec('a', { port }), spec('c', { port }), spec('d')]);
    const reason = (name: string): string => `listener ${name} (127.0.0.1:${port})`;
    expect(failures).toEqual([
      { name: 'a', code: 'SLUICE_LISTENER_PORT_TAKEN', reason: reason('a') },
      { name: 'c', code: 'SLUICE_LISTENER_PORT_TAKEN', reason: reason('c') },
    ]);
    expect(places.map(({ name }) => name)).toEqual(['a', 'd']);
    const client = await request(before.get('a')!);
    expect(client.closed).toBe(false);
    await refuses(before.get('b')!);
    taken.close();
    const after = await set.apply([spec('a', { port })]);
    expect(after).toEqual({ places: [{ name: 'a', address: '127.0.0.1', port }], failures: [] });
  });

  it('exchanges certificates in place, and keeps them where the new ones are no good', async () => {
    const [one, two] = [issue(), issue()];
    const port = (await apply(spec('a', { tls: tlsOf([specOf(one)]) }))).get('a')!;
    const client = open(port);
    client.write(GET);
    await until(() => exchanges.length === 1);
    expect(await apply(spec('a', { tls: tlsOf([specOf(two)]) }))).toEqual(new Map([['a', port]]));
    const broken = await set.apply([spec('a', { tls: tlsOf([{ ...specOf(issue()), key: one.key }]) })]);
    expect(broken).toMatchObject({ places: [{ port }], failures: [{ code: 'SLUICE_TLS_CERTIFICATE_UNUSABLE' }] });
    let text = '';
    client.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    answer(exchanges[0]!, 200, 'same');
    await until(() => text.endsWith('same'));
    client.destroy();
    const later = visit(port);
    await until(() => exchanges.length === 2);
    answer(exchanges[1]!, 200, 'ok');
    expect((await later).certificate).toBe(rawOf(two));
  });

  it('takes TLS on and off a port', async () => {
    const plain = await apply(spec('a'));
    const port = plain.get('a')!;
    await apply(spec('a', { port, tls: tlsOf([specOf(issue())]) }));
    const secure = visit(port);
    await until(() => exchanges.length === 1);
    answer(exchanges[0]!, 200, 'tls');
    expect((await secure).text).toContain('tls');
    await apply(spec('a', { port }));
    await request(port);
    expect(exchanges[1]!.scheme).toBe('http');
  });

  it('applies limits in place', async () => {
    const port = (await apply(spec('a'))).get('a')!;
    const first = await request(port);
    await apply(
      spec('a', { limits: { ...DEFAULT_LISTENER_LIMITS, connections: 1, requestHeaders: 1, requestHead: 100 } }),
    );
    const second = new RawClient(port);
    await until(() => second.closed);
    answer(exchanges[0]!, 200, 'ok');
    await until(() => first.text.endsWith('ok'));
    first.send('GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n');
    await until(() => first.closed);
    expect(first.text).toContain('HTTP/1.1 431');
    const later = new RawClient(port);
    clients.push(later);
    later.send(`GET / HTTP/1.1\r\nHost: ${'a'.repeat(200)}\r\n\r\n`);
    await until(() => later.closed);
    expect(later.text).toContain('HTTP/1.1 431');
  });

  it('takes one set after the other, and none after the drain', async () => {
    const [first, second] = await Promise.all([set.apply([spec('a')]), set.apply([spec('a'), spec('b')])]);
    expect(second.places[0]).toEqual(first.places[0]);
    const drained = set.drain(1000);
    expect(await set.apply([spec('c')])).toEqual({ places: [], failures: [] });
    expect(await drained).toBe(0);
    for (const { port } of second.places) await refuses(port);
  });
});
