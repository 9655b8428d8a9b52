import { describe, expect, it } from 'vitest';
import { type Connection, Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { MemorySink } from '../exchange/memory.ts';
import { applyForwarded, TrustedProxies } from './forwarded.ts';
import { removeHopByHop } from './hop-by-hop.ts';

const connection: Connection = {
  id: 1,
  listener: 'http',
  remoteAddress: '::ffff:10.0.0.9',
  remotePort: 5000,
  localAddress: '10.0.0.1',
  localPort: 8080,
  tls: false,
  serverName: '',
};

function exchange(pairs: string[]): Exchange {
  return new Exchange(
    connection,
    'HTTP/1.1',
    'GET',
    '/',
    'a.example:8080',
    new PairHeaders(pairs),
    null,
    new MemorySink(),
  );
}

function forwardedOf(x: Exchange): (string | undefined)[] {
  return ['for', 'proto', 'host', 'port'].map((name) => x.requestHeaders.get(`x-forwarded-${name}`));
}

describe('forwarded fields', () => {
  it('overwrites what an untrusted peer claims', () => {
    const x = exchange(['X-Forwarded-For', '1.2.3.4', 'X-Forwarded-Proto', 'https', 'Forwarded', 'for=1.2.3.4']);
    applyForwarded(x, new TrustedProxies([]));
    expect(x.clientAddress).toBe('10.0.0.9');
    expect(forwardedOf(x)).toEqual(['10.0.0.9', 'http', 'a.example:8080', '8080']);
    expect(x.requestHeaders.has('forwarded')).toBe(false);
  });

  it('believes a trusted peer and appends it', () => {
    const x = exchange([
      'X-Forwarded-For',
      '1.2.3.4, 5.6.7.8',
      'X-Forwarded-For',
      '10.1.1.1',
      'X-Forwarded-Proto',
      'https',
    ]);
    applyForwarded(x, new TrustedProxies(['10.0.0.0/8']));
    expect(x.clientAddress).toBe('5.6.7.8');
    expect(x.scheme).toBe('https');
    expect(forwardedOf(x)).toEqual(['1.2.3.4, 5.6.7.8,10.1.1.1, 10.0.0.9', 'https', 'a.example:8080', '8080']);
  });

  it('does not look past a hop that is no address', () => {
    const x = exchange(['X-Forwarded-For', '1.2.3.4, unknown, 10.1.1.1']);
    applyForwarded(x, new TrustedProxies(['10.0.0.0/8']));
    expect(x.clientAddress).toBe('10.1.1.1');
  });

  it('takes IPv6 addresses and single addresses as proxies', () => {
    const trusted = new TrustedProxies(['::1', 'fd00::/8', '192.0.2.1']);
    expect(['::1', 'fd12::1', '192.0.2.1', '192.0.2.2', 'x'].map((address) => trusted.has(address))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('hop-by-hop fields', () => {
  it('go, with those that Connection names', () => {
    const headers = new PairHeaders([
      'Connection',
      'close, X-Secret',
      'X-Secret',
      '1',
      'TE',
      'trailers',
      'Keep-Alive',
      'timeout=5',
      'Transfer-Encoding',
      'chunked',
      'Upgrade',
      'websocket',
      'Accept',
      '*/*',
    ]);
    removeHopByHop(headers);
    expect(headers.toPairs()).toEqual(['Accept', '*/*']);
  });

  it('cannot be used to strip the fields of the message itself', () => {
    const headers = new PairHeaders(['Connection', 'host, content-length', 'Host', 'a', 'Content-Length', '1']);
    removeHopByHop(headers);
    expect(headers.toPairs()).toEqual(['Host', 'a', 'Content-Length', '1']);
  });
});
