import { formatAddress } from '../core/endpoint.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { PropertyValue } from '../wasm/host.ts';
import { pairsByteLength, writePairs } from '../wasm/pairs.ts';

function int(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(Math.round(value)));
  return bytes;
}

function bool(value: boolean): Uint8Array {
  return Buffer.of(value ? 1 : 0);
}

const NS_PER_MS = 1_000_000;

function headers(list: HeaderList | null, name: string | undefined): PropertyValue | null {
  if (list === null) return null;
  if (name !== undefined) {
    const values = list.getAll(name.toLowerCase());
    return values.length === 0 ? null : values.join(',');
  }
  const pairs: string[] = [];
  for (let i = 0; i < list.size; i++) pairs.push(list.nameAt(i).toLowerCase(), list.valueAt(i));
  const bytes = Buffer.alloc(pairsByteLength(pairs));
  writePairs(pairs, bytes, 0);
  return bytes;
}

function requestProperty(exchange: Exchange, name: string, argument: string | undefined): PropertyValue | null {
  const list = exchange.requestHeaders;
  switch (name) {
    case 'path':
      return exchange.target;
    case 'url_path':
      return exchange.path;
    case 'query':
      return exchange.query;
    case 'host':
      return exchange.authority;
    case 'scheme':
      return exchange.scheme;
    case 'method':
      return exchange.method;
    case 'protocol':
      return exchange.protocol;
    case 'headers':
      return headers(list, argument);
    case 'referer':
      return list.get('referer') ?? null;
    case 'useragent':
      return list.get('user-agent') ?? null;
    case 'id':
      return list.get('x-request-id') ?? exchange.trace?.traceId ?? null;
    case 'time':
      return int(exchange.startTime * NS_PER_MS);
    case 'duration':
      return int((performance.now() - exchange.startedAt) * NS_PER_MS);
    case 'size':
      return int(exchange.body === null ? 0 : Math.max(exchange.body.length, exchange.bytesReceived));
    case 'total_size':
      return int(exchange.bytesReceived);
    default:
      return null;
  }
}

function responseProperty(exchange: Exchange, name: string, argument: string | undefined): PropertyValue | null {
  switch (name) {
    case 'code':
      return exchange.status === 0 ? null : int(exchange.status);
    case 'code_details':
      return exchange.details === '' ? (exchange.error ?? null) : exchange.details;
    case 'flags':
      return int(0);
    case 'headers':
      return headers(exchange.responseHeaders, argument);
    case 'size':
    case 'total_size':
      return int(exchange.bytesSent);
    case 'backend_latency':
      return exchange.upstreamMs < 0 ? null : int(exchange.upstreamMs * NS_PER_MS);
    default:
      return null;
  }
}

function connectionProperty(exchange: Exchange, name: string): PropertyValue | null {
  const { connection } = exchange;
  switch (name) {
    case 'id':
      return int(connection.id);
    case 'mtls':
      return bool(false);
    case 'requested_server_name':
      return connection.serverName;
    default:
      return null;
  }
}

function peerProperty(address: string, port: number, name: string): PropertyValue | null {
  if (name === 'address') return formatAddress(address, port);
  return name === 'port' ? int(port) : null;
}

function upstreamProperty({ upstreamAddress }: Exchange, name: string): PropertyValue | null {
  if (upstreamAddress === '') return null;
  if (name === 'address') return upstreamAddress;
  return name === 'port' ? int(Number(upstreamAddress.slice(upstreamAddress.lastIndexOf(':') + 1))) : null;
}

function sluiceProperty(exchange: Exchange, name: string): PropertyValue | null {
  switch (name) {
    case 'tenant':
      return exchange.tenant;
    case 'lane':
      return exchange.lane;
    case 'trace_id':
      return exchange.trace?.traceId ?? null;
    case 'client_address':
      return exchange.clientAddress;
    default:
      return null;
  }
}

function nested(exchange: Exchange, segments: readonly string[]): PropertyValue | null {
  const [area = '', name = '', argument] = segments;
  const { connection } = exchange;
  switch (area) {
    case 'request':
      return requestProperty(exchange, name, argument);
    case 'response':
      return responseProperty(exchange, name, argument);
    case 'connection':
      return connectionProperty(exchange, name);
    case 'source':
      return peerProperty(connection.remoteAddress, connection.remotePort, name);
    case 'destination':
      return peerProperty(connection.localAddress, connection.localPort, name);
    case 'upstream':
      return upstreamProperty(exchange, name);
    case 'sluice':
      return sluiceProperty(exchange, name);
    case 'xds':
      return name === 'route_name' ? exchange.route : name === 'cluster_name' ? exchange.service : null;
    default:
      return null;
  }
}

/**
 * An attribute of an exchange, encoded as the ABI asks; null when there is none.
 * @param path segments separated by NUL, one NUL at the end allowed; a single segment may be dotted instead.
 */
export function exchangeProperty(exchange: Exchange, path: string): PropertyValue | null {
  const segments = path.split('\0');
  if (segments.length > 1 && segments.at(-1) === '') segments.pop();
  if (segments.length > 1) return nested(exchange, segments);
  if (path === 'route_name') return exchange.route;
  if (path === 'cluster_name') return exchange.service;
  return segments[0]!.includes('.') ? nested(exchange, segments[0]!.split('.')) : null;
}
