import type { Exchange } from '../exchange/exchange.ts';
import { grpcStatusOf } from '../exchange/grpc.ts';
import { responseCodeDetails, responseFlagBits } from '../telemetry/response-flags.ts';
import type { PropertyValue } from '../wasm/host.ts';
import { fieldBytes, fields, int, NS_PER_MS, timestamp } from './property-values.ts';

function requestPseudo({ method, target, authority, scheme }: Exchange): string[] {
  return [':method', method, ':path', target, ':authority', authority, ':scheme', scheme];
}

/** `request.…`. */
export function requestProperty(exchange: Exchange, name: string, argument?: string): PropertyValue | null {
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
      return fields(list, requestPseudo(exchange), argument);
    case 'referer':
      return list.get('referer') ?? null;
    case 'useragent':
      return list.get('user-agent') ?? null;
    case 'id':
      return list.get('x-request-id') ?? exchange.trace?.traceId ?? null;
    case 'time':
      return timestamp(exchange.startTime);
    default:
      return requestNumber(exchange, name);
  }
}

function requestNumber(exchange: Exchange, name: string): PropertyValue | null {
  const { body, bytesReceived, endedAt, startedAt, requestHeaders } = exchange;
  switch (name) {
    case 'duration':
      return endedAt === 0 ? null : int((endedAt - startedAt) * NS_PER_MS);
    case 'size':
      return int(body === null ? 0 : Math.max(body.length, bytesReceived));
    case 'total_size':
      return int(bytesReceived + fieldBytes(requestHeaders));
    default:
      return null;
  }
}

/** `response.…`. */
export function responseProperty(exchange: Exchange, name: string, argument?: string): PropertyValue | null {
  const { status, responseHeaders, responseTrailers, bytesSent, upstreamMs } = exchange;
  switch (name) {
    case 'code':
      return status === 0 ? null : int(status);
    case 'code_details':
      return status === 0 ? null : responseCodeDetails(exchange);
    case 'flags':
      return int(responseFlagBits(exchange.error));
    case 'grpc_status':
      return status === 0 ? null : int(grpcStatus(exchange));
    case 'headers':
      return fields(responseHeaders, [':status', String(status)], argument);
    case 'trailers':
      return fields(responseTrailers, [], argument);
    case 'size':
      return int(bytesSent);
    case 'total_size':
      return int(bytesSent + fieldBytes(responseHeaders) + fieldBytes(responseTrailers));
    case 'backend_latency':
      return upstreamMs < 0 ? null : int(upstreamMs * NS_PER_MS);
    default:
      return null;
  }
}

/** What trailers or headers say, else what the status stands for. */
function grpcStatus({ status, responseHeaders, responseTrailers }: Exchange): number {
  const text = responseTrailers?.get('grpc-status') ?? responseHeaders?.get('grpc-status');
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : grpcStatusOf(status);
}
