import { beforeEach, describe, expect, it } from 'vitest';
import type { TlsFacts } from '../core/tls-facts.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { fakeExchange, type TestRequest } from '../testing/fake-exchange.ts';
import type { PropertyValue } from '../wasm/host.ts';
import { parsePairs } from '../wasm/pairs.ts';
import { type Destination, NOWHERE } from './filter.ts';
import { PluginProperties } from './plugin-properties.ts';

const FACTS: TlsFacts = {
  version: 'TLSv1.3',
  local: { subject: 'CN=app', dnsName: 'app.example', uri: '', sha256: 'aa' },
  peer: { subject: 'CN=device', dnsName: '', uri: 'spiffe://home/device', sha256: 'bb' },
};
const IDENTITY = new Map([
  ['plugin_name', 'guard'],
  ['plugin_root_id', ''],
  ['node\0id', 'host-1'],
]);

let exchange: Exchange;
let destination: Destination;

function given(request: TestRequest): void {
  exchange = fakeExchange(request);
}

beforeEach(() => {
  given({
    method: 'POST',
    path: '/a/b?x=1',
    authority: 'app.example:8080',
    headers: [
      ['User-Agent', 'curl'],
      ['X-Twice', '1'],
      ['x-twice', '2'],
      ['X-Request-Id', 'r-1'],
    ],
    body: 'hello',
  });
  destination = NOWHERE;
});

function properties(ofGateway = false): PluginProperties {
  return new PluginProperties(exchange, destination, IDENTITY, ofGateway);
}

function get(path: string): PropertyValue | null {
  return properties().get(path.replaceAll('/', '\0'));
}

function int(path: string): bigint | null {
  const value = get(path);
  return value === null ? null : Buffer.from(value as Uint8Array).readBigInt64LE();
}

function pairs(path: string): string[] | null {
  return parsePairs(Buffer.from(get(path) as Uint8Array));
}

function answered(status: number, headers: string[] = [], trailers: string[] = []): void {
  exchange.status = status;
  exchange.responseHeaders = new PairHeaders(headers);
  exchange.responseTrailers = new PairHeaders(trailers);
}

describe('request', () => {
  it.each([
    ['request/url_path', '/a/b'],
    ['request/query', 'x=1'],
    ['request/host', 'app.example:8080'],
    ['request/scheme', 'http'],
    ['request/method', 'POST'],
    ['request/protocol', 'HTTP/1.1'],
    ['request/useragent', 'curl'],
    ['request/id', 'r-1'],
    ['request/headers/X-Twice', '1,2'],
    ['request/headers/:method', 'POST'],
    ['request/referer', null],
    ['request/headers/x-none', null],
    ['request/nope', null],
    ['request', null],
    ['nope', null],
    ['', null],
  ])('%s', (path, value) => {
    expect(get(path)).toBe(value);
  });

  it('path has its query', () => {
    expect(properties().get('request\0path')).toBe('/a/b?x=1');
  });

  it('headers are a map with pseudo headers first', () => {
    expect(pairs('request/headers')?.slice(0, 10)).toEqual([
      ':method',
      'POST',
      ':path',
      '/a/b?x=1',
      ':authority',
      'app.example:8080',
      ':scheme',
      'http',
      'user-agent',
      'curl',
    ]);
  });

  it('sizes and times are integers, and the duration is known at the end', () => {
    const fieldBytes = [
      'User-Agent',
      'curl',
      'X-Twice',
      '1',
      'x-twice',
      '2',
      'X-Request-Id',
      'r-1',
      'content-length',
      '5',
    ].join('').length;
    expect([int('request/size'), int('request/total_size')]).toEqual([5n, BigInt(fieldBytes)]);
    expect(int('request/time')).toBe(BigInt(exchange.startTime) * 1_000_000n);
    expect(int('request/duration')).toBeNull();
    exchange.endedAt = exchange.startedAt + 2.5;
    expect(int('request/duration')).toBe(2_500_000n);
  });
});

describe('response', () => {
  it('is not there before it has come', () => {
    const names = ['code', 'code_details', 'grpc_status', 'headers', 'trailers', 'backend_latency'];
    expect(names.map((name) => get(`response/${name}`))).toEqual(names.map(() => null));
    expect([int('response/flags'), int('response/size')]).toEqual([0n, 0n]);
  });

  it('has a code, headers, trailers and sizes', () => {
    answered(503, ['Content-Type', 'text/plain'], ['x-sum', '1']);
    exchange.bytesSent = 10;
    exchange.upstreamMs = 1.5;
    expect([int('response/code'), get('response/code_details')]).toEqual([503n, 'via_upstream']);
    expect(pairs('response/headers')).toEqual([':status', '503', 'content-type', 'text/plain']);
    expect([get('response/headers/content-type'), get('response/trailers/X-Sum')]).toEqual(['text/plain', '1']);
    expect([int('response/size'), int('response/total_size')]).toEqual([10n, 10n + 22n + 6n]);
    expect(int('response/backend_latency')).toBe(1_500_000n);
  });

  it('says why the gateway itself answered, in words and in flags', () => {
    answered(404);
    exchange.error = 'SLUICE_ROUTE_NOT_FOUND';
    expect([get('response/code_details'), int('response/flags')]).toEqual(['SLUICE_ROUTE_NOT_FOUND', 0x100n]);
  });

  it.each([
    ['of the trailers', 200, ['grpc-status', '5'], ['grpc-status', '7'], 7n],
    ['of the headers', 200, ['grpc-status', '5'], [], 5n],
    ['that the status stands for', 503, [], [], 14n],
    ['of no strange text', 200, ['grpc-status', 'x'], [], 0n],
  ])('has the gRPC status %s', (_name, status, headers, trailers, grpcStatus) => {
    answered(status, headers, trailers);
    expect(int('response/grpc_status')).toBe(grpcStatus);
  });
});

describe('connections', () => {
  it('have addresses as ip:port, and ports', () => {
    expect([get('source/address'), int('source/port')]).toEqual(['192.0.2.1:40000', 40_000n]);
    expect([get('destination/address'), int('destination/port')]).toEqual(['192.0.2.254:8080', 8080n]);
  });

  it('show the caller behind trusted proxies, whose port is not known', () => {
    exchange.clientAddress = '2001:db8::7';
    expect([get('source/address'), int('source/port')]).toEqual(['[2001:db8::7]:0', 0n]);
  });

  it('show an address of IPv4 as one', () => {
    const connection = { ...exchange.connection, remoteAddress: '::ffff:203.0.113.9', localAddress: '::1' };
    Object.assign(exchange, { connection, clientAddress: '203.0.113.9' });
    expect([get('source/address'), get('destination/address')]).toEqual(['203.0.113.9:40000', '[::1]:8080']);
  });

  it('know their number, name and TLS', () => {
    expect(int('connection/id')).toBe(BigInt(exchange.connection.id));
    expect(get('connection/requested_server_name')).toBe('');
    expect([get('connection/mtls'), get('connection/tls_version')]).toEqual([Buffer.of(0), null]);
    Object.assign(exchange, { connection: { ...exchange.connection, tlsFacts: FACTS } });
    expect([get('connection/mtls'), get('connection/tls_version')]).toEqual([Buffer.of(1), 'TLSv1.3']);
    expect(get('connection/subject_local_certificate')).toBe('CN=app');
    expect(get('connection/dns_san_local_certificate')).toBe('app.example');
    expect(get('connection/uri_san_local_certificate')).toBeNull();
    expect(get('connection/uri_san_peer_certificate')).toBe('spiffe://home/device');
    expect(get('connection/sha256_peer_certificate_digest')).toBe('bb');
    expect(get('connection/termination_details')).toBeNull();
  });

  it('to endpoints are there once one was tried', () => {
    const names = ['address', 'port', 'local_address', 'local_port', 'tls_version', 'transport_failure_reason'];
    expect(names.map((name) => get(`upstream/${name}`))).toEqual(names.map(() => null));
    exchange.upstreamAddress = '[::1]:9000';
    expect([get('upstream/address'), int('upstream/port'), get('upstream/local_address')]).toEqual([
      '[::1]:9000',
      9000n,
      null,
    ]);
    const connection = { localAddress: '::ffff:10.0.0.1', localPort: 5000, tlsFacts: FACTS };
    destination = { ...NOWHERE, connection };
    expect([get('upstream/local_address'), int('upstream/local_port')]).toEqual(['10.0.0.1:5000', 5000n]);
    expect([get('upstream/tls_version'), get('upstream/subject_peer_certificate')]).toEqual(['TLSv1.3', 'CN=device']);
    exchange.error = 'SLUICE_UPSTREAM_RESET';
    expect(get('upstream/transport_failure_reason')).toBe('SLUICE_UPSTREAM_RESET');
  });
});

describe('routes', () => {
  it('are known by name, service and endpoint', () => {
    exchange.route = 'orders-api';
    exchange.tenant = 'shop';
    destination = {
      ...NOWHERE,
      clusterName: 'outbound|80||orders.static',
      endpointMetadata: { version: 'v2', ü: 'ä' },
    };
    expect([get('route_name'), get('xds/route_name')]).toEqual(['orders-api', 'orders-api']);
    expect([get('cluster_name'), get('xds/cluster_name')]).toEqual(Array(2).fill('outbound|80||orders.static'));
    expect([get('xds/virtual_host_name'), get('virtual_host_name')]).toEqual(['shop', null]);
    expect(get('upstream_host_metadata/filter_metadata/envoy.lb/version')).toBe('v2');
    expect(get('xds/upstream_host_metadata/filter_metadata/envoy.lb/nope')).toBeNull();
    expect(get('upstream_host_metadata/filter_metadata/other/version')).toBeNull();
    const all = pairs('upstream_host_metadata/filter_metadata/envoy.lb')!;
    expect(all.map((text) => Buffer.from(text, 'latin1').toString())).toEqual(['version', 'v2', 'ü', 'ä']);
  });

  it('without a service have no cluster', () => {
    expect(get('cluster_name')).toBeNull();
  });
});

describe('paths', () => {
  it.each(['request\0method', 'request\0method\0', 'request.method'])('may be %j', (path) => {
    expect(properties().get(path)).toBe('POST');
  });

  it('find what the plugin is, dotted or not', () => {
    expect([get('plugin_name'), get('plugin_root_id'), get('node/id'), get('node.id')]).toEqual([
      'guard',
      '',
      'host-1',
      'host-1',
    ]);
  });
});

describe('properties that plugins set', () => {
  const bytes = (text: string) => Buffer.from(text);
  const text = (value: PropertyValue | null) => (value === null ? null : Buffer.from(value as Uint8Array).toString());

  it('are shared by the plugins of an exchange, under their raw path, also as state of a filter', () => {
    properties().set('a\0b', bytes('1'));
    properties().set('a.b', bytes('2'));
    expect([text(get('a/b')), text(get('a.b'))]).toEqual(['1', '2']);
    expect(text(properties().get('filter_state\0wasm.a\0b'))).toBe('1');
    properties().set('filter_state\0key', bytes('3'));
    expect(text(properties().get('filter_state\0key'))).toBe('3');
  });

  it('hide nothing that is real', () => {
    properties().set('request\0method', bytes('GET'));
    properties().set('plugin_name', bytes('other'));
    expect([get('request/method'), get('plugin_name')]).toEqual(['POST', 'guard']);
  });

  it('of the gateway can be read by a tenant, and not be changed', () => {
    const [gateway, tenant] = [properties(true), properties(false)];
    gateway.set('consumer', bytes('app'));
    expect(text(tenant.get('consumer'))).toBe('app');
    tenant.set('consumer', bytes('admin'));
    expect([text(tenant.get('consumer')), text(gateway.get('consumer'))]).toEqual(['admin', 'app']);
    tenant.set('own', bytes('x'));
    expect(text(gateway.get('own'))).toBe('x');
  });
});
