import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../core/endpoint.ts';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { startTrace } from '../core/trace.ts';
import { type Connection, Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { ResponseSink } from '../exchange/sink.ts';
import { ACCESS_LOG_FIELDS, formatLine, loggedTarget } from './access-log-line.ts';

interface Given {
  method?: string;
  target?: string;
  authority?: string;
  headers?: string[];
  connection?: Partial<Connection>;
}

function exchangeOf(given: Given = {}): Exchange {
  const connection: Connection = {
    id: 1,
    listener: 'http',
    remoteAddress: '203.0.113.9',
    remotePort: 40_000,
    localAddress: '::1',
    localPort: 8080,
    tls: false,
    serverName: '',
    ...given.connection,
  };
  const { method = 'GET', target = '/', authority = 'app.example.com' } = given;
  const headers = new PairHeaders(given.headers ?? []);
  return new Exchange(connection, 'HTTP/1.1', method, target, authority, headers, null, {} as ResponseSink);
}

function parsed(exchange: Exchange, now = exchange.startedAt + 12.3456): Record<string, unknown> {
  const line = formatLine(exchange, now);
  expect(line).toMatch(/^[ -~]+\n$/);
  return JSON.parse(line) as Record<string, unknown>;
}

describe('formatLine', () => {
  it('writes every field in its order', () => {
    const exchange = exchangeOf({
      target: '/device/status?x=1',
      headers: ['User-Agent', 'curl/8', 'X-Request-Id', 'r-1', 'X-Forwarded-For', '198.51.100.1, 203.0.113.9'],
    });
    exchange.trace = startTrace(undefined, undefined, undefined);
    Object.assign(exchange, {
      target: '/status?x=1',
      tenant: 'smart-home',
      route: 'device-api',
      service: 'device-service',
      lane: 'gray',
      laneRule: 'rule 1',
      laneFallback: true,
      attempts: 2,
      upstreamAddress: '10.0.0.7:8080',
      upstreamMs: 3.5,
      status: 200,
      body: { received: 10 },
      bytesSent: 1024,
      pluginTimeUs: 41.7,
      pluginFailures: 'key-auth:failed',
      clientAddress: '198.51.100.1',
      snapshotVersion: 7,
    });
    const line = parsed(exchange);
    expect(Object.keys(line)).toEqual(ACCESS_LOG_FIELDS);
    expect(line).toEqual({
      start_time: new Date(exchange.startTime).toISOString(),
      method: 'GET',
      path: '/device/status?x=1',
      authority: 'app.example.com',
      protocol: 'HTTP/1.1',
      response_code: 200,
      response_flags: '-',
      response_code_details: 'via_upstream',
      duration: 12.346,
      bytes_received: 10,
      bytes_sent: 1024,
      tenant: 'smart-home',
      route_name: 'device-api',
      lane: 'gray',
      lane_rule: 'rule 1',
      lane_fallback: true,
      upstream_cluster: 'device-service',
      upstream_host: '10.0.0.7:8080',
      upstream_service_time: 3.5,
      upstream_request_attempt_count: 2,
      upstream_transport_failure_reason: '',
      plugin_time_us: 42,
      plugin_failures: 'key-auth:failed',
      trace_id: exchange.trace.traceId,
      sw8_trace_id: '',
      request_id: 'r-1',
      downstream_remote_address: '203.0.113.9:40000',
      downstream_local_address: '[::1]:8080',
      client_address: '198.51.100.1',
      requested_server_name: '',
      user_agent: 'curl/8',
      x_forwarded_for: '198.51.100.1, 203.0.113.9',
      snapshot_version: 7,
    });
  });

  it('is documented field by field', () => {
    const docs = readFileSync(new URL('../../../docs/access-log.md', import.meta.url), 'utf8');
    const documented = [...docs.matchAll(/^\| `([a-z0-9_]+)` \|/gm)].map((match) => match[1]);
    expect(documented).toEqual(ACCESS_LOG_FIELDS);
  });

  it('names baseline on a route, and no lane where no route was found', () => {
    const exchange = exchangeOf();
    expect(parsed(exchange)).toMatchObject({ lane: '', upstream_service_time: null, trace_id: '' });
    exchange.route = 'api';
    expect(parsed(exchange).lane).toBe('baseline');
  });

  it.each<[ErrorCode | null, string, number, string, string, string]>([
    [null, '', 1, '-', 'via_upstream', ''],
    [null, '', -1, '-', 'direct_response', ''],
    [null, 'key-auth: no key', -1, '-', 'key-auth: no key', ''],
    ['SLUICE_ROUTE_NOT_FOUND', '', -1, 'NR', 'SLUICE_ROUTE_NOT_FOUND', ''],
    ['SLUICE_CLIENT_ABORTED', '', 2, 'DC', 'SLUICE_CLIENT_ABORTED', ''],
    ['SLUICE_REQUEST_BODY_TOO_LARGE', '', -1, 'DPE', 'SLUICE_REQUEST_BODY_TOO_LARGE', ''],
    ['SLUICE_PLUGIN_FAILED', 'fuel', -1, 'LR', 'SLUICE_PLUGIN_FAILED: fuel', ''],
    ['SLUICE_UPSTREAM_RESET', 'x', 2, 'UC', 'SLUICE_UPSTREAM_RESET: x', 'SLUICE_UPSTREAM_RESET'],
    ['SLUICE_UPSTREAM_TIMEOUT', '', -1, 'UT', 'SLUICE_UPSTREAM_TIMEOUT', ''],
  ])('error %s, details %j, upstream %d ms → %s, %s', (error, details, upstreamMs, flags, shown, transport) => {
    const line = parsed(Object.assign(exchangeOf(), { error, details, upstreamMs }));
    expect(line).toMatchObject({
      response_flags: flags,
      response_code_details: shown,
      upstream_transport_failure_reason: transport,
    });
  });

  it.each([
    [0, 0],
    [0.0004, 0],
    [0.9996, 1],
    [-5, 0],
    [1.5, 1.5],
    [59_999.9996, 60_000],
    [86_400_000.25, 86_400_000.25],
  ])('writes a duration of %d ms as %d', (elapsed, shown) => {
    const exchange = exchangeOf();
    Object.assign(exchange, { startedAt: 0 });
    expect(parsed(exchange, elapsed).duration).toBe(shown);
  });

  it('writes the time of any moment', () => {
    for (const time of [0, 1, 999, 1000, 1_767_225_599_999, 1_767_225_600_000, 1_767_225_600_001]) {
      expect(parsed(Object.assign(exchangeOf(), { startTime: time })).start_time).toBe(new Date(time).toISOString());
    }
  });

  it('cuts long values, not the line', () => {
    const line = parsed(exchangeOf({ target: `/${'"'.repeat(100_000)}`, headers: ['user-agent', 'é'.repeat(5000)] }));
    expect(line.path).toBe(`/${'"'.repeat(LIMITS.accessLogValueBytes - 1)}`);
    expect(line.user_agent).toBe('é'.repeat(LIMITS.accessLogValueBytes));
    expect(Object.keys(line)).toEqual(ACCESS_LOG_FIELDS);
  });

  it('cannot be forged by any value', () => {
    const pieces = [
      '"',
      '\\',
      '\n',
      '\r',
      '","status":1,"x":"',
      '\u2028',
      '\u0000',
      '\x7f',
      '\xff',
      '\ud800',
      '\udc00',
      '😀',
      '}\n{',
      '\\u0022',
      'a',
      ' ',
    ];
    let seed = 1;
    const hostile = () => {
      let text = '';
      for (let i = 0; i < 8; i++) {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
        text += pieces[(seed >>> 8) % pieces.length]!;
      }
      return text;
    };
    for (let round = 0; round < 3000; round++) {
      const given = Array.from({ length: 12 }, hostile);
      const exchange = exchangeOf({
        method: given[0]!,
        target: given[1]!,
        authority: given[2]!,
        headers: ['User-Agent', given[3]!, 'X-Request-ID', given[4]!, 'x-forwarded-for', given[5]!],
        connection: { serverName: given[6]!, remoteAddress: given[7]! },
      });
      Object.assign(exchange, {
        tenant: given[8],
        route: given[9],
        details: given[10],
        laneRule: given[11],
        upstreamMs: 1,
      });
      const line = parsed(exchange);
      expect(Object.keys(line)).toEqual(ACCESS_LOG_FIELDS);
      expect([line.method, line.path, line.authority, line.user_agent, line.request_id, line.x_forwarded_for]).toEqual(
        given.slice(0, 6),
      );
      expect([
        line.requested_server_name,
        line.tenant,
        line.route_name,
        line.response_code_details,
        line.lane_rule,
      ]).toEqual([given[6], ...given.slice(8)]);
      expect(line.downstream_remote_address).toBe(formatAddress(given[7]!, 40_000));
    }
  });
});

describe('loggedTarget', () => {
  it.each([
    ['/a?apikey=s3cret', '/a?apikey=***'],
    ['/a?x=1&API_KEY=s3cret&y=2', '/a?x=1&API_KEY=***&y=2'],
    ['/a?access_token=abc.def&refresh_token=x', '/a?access_token=***&refresh_token=***'],
    ['/a?password=', '/a?password=***'],
    ['/a?sig=1&jwt=2&pwd=3', '/a?sig=***&jwt=***&pwd=***'],
    ['/a?keyboard=1&design=2&signal=3', '/a?keyboard=1&design=2&signal=3'],
    ['/token=1/a', '/token=1/a'],
    ['/a', '/a'],
    ['/a?', '/a?'],
  ])('%s → %s', (target, logged) => {
    expect(loggedTarget(target)).toBe(logged);
  });

  it('takes a hostile query in linear time', () => {
    const started = performance.now();
    for (const part of ['?', '&', 'key', 'token-', '?key', '=']) loggedTarget(`/?${part.repeat(16_384 / part.length)}`);
    expect(performance.now() - started).toBeLessThan(500);
  });
});
