import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import { plainFields } from './calls-stream.ts';
import type { GuestRequest } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import { CALLOUT_PRICE, type Vm } from './vm.ts';

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
/** Origin form, and nothing that would end the request line. */
const PATH = /^\/[!-~\x80-\xff]*$/;
const AUTHORITY = /^[A-Za-z0-9._~%!$&'()*+,;=:[\]-]{1,300}$/;

/** What the words of a guest about its callout refer to, as addresses and lengths. */
interface Spans {
  readonly service: number;
  readonly serviceLength: number;
  readonly headers: number;
  readonly headersLength: number;
  readonly body: number;
  readonly bodyLength: number;
}

/** The callout that a guest asks for; null when it cannot be sent as it is. */
function readRequest(vm: Vm, spans: Spans, timeout: number): GuestRequest | null {
  const { service, serviceLength, headers, headersLength, body, bodyLength } = spans;
  const { memory } = vm;
  if (timeout < 0 || serviceLength > LIMITS.pluginPropertyBytes || bodyLength > LIMITS.pluginCalloutBodyBytes) {
    return null;
  }
  vm.spend(CALLOUT_PRICE + (bodyLength >> 2) + serviceLength * 4);
  const pairs = vm.readPairs(headers, headersLength);
  const fields = pairs === null ? null : plainFields(pairs);
  if (pairs === null || fields === null) return null;
  const method = pseudo(pairs, ':method');
  const path = pseudo(pairs, ':path');
  const authority = pseudo(pairs, ':authority') ?? pseudo(pairs, 'host');
  if (method === null || path === null || authority === null) return null;
  // A tunnel is no request with an answer.
  if (!METHOD.test(method) || method === 'CONNECT' || !PATH.test(path) || !AUTHORITY.test(authority)) return null;
  return {
    service: memory.readLatin1(service, serviceLength),
    method,
    path,
    authority,
    headers: withoutHost(fields),
    body: bodyLength === 0 ? null : Buffer.from(memory.bytes.subarray(body, body + bodyLength)),
    timeoutMs: Math.min(timeout === 0 ? LIMITS.pluginCalloutMs : timeout, LIMITS.pluginCalloutMs),
  };
}

function pseudo(pairs: readonly string[], name: string): string | null {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i]!.toLowerCase() === name) return pairs[i + 1]!;
  return null;
}

function withoutHost(fields: readonly string[]): string[] {
  const rest: string[] = [];
  for (let i = 0; i < fields.length; i += 2) if (fields[i] !== 'host') rest.push(fields[i]!, fields[i + 1]!);
  return rest;
}

export function calloutCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_http_call(
      service: number,
      serviceLength: number,
      headers: number,
      headersLength: number,
      body: number,
      bodyLength: number,
      trailers: number,
      trailersLength: number,
      timeout: number,
      slot: number,
    ): number {
      const held =
        memory.holds(service >>> 0, serviceLength >>> 0) &&
        memory.holds(headers >>> 0, headersLength >>> 0) &&
        memory.holds(body >>> 0, bodyLength >>> 0) &&
        memory.holds(trailers >>> 0, trailersLength >>> 0) &&
        memory.holds(slot >>> 0, 4);
      if (!held) return Status.invalidMemoryAccess;
      const context = vm.target;
      if (context === null) return Status.internalFailure;
      const spans: Spans = {
        service: service >>> 0,
        serviceLength: serviceLength >>> 0,
        headers: headers >>> 0,
        headersLength: headersLength >>> 0,
        body: body >>> 0,
        bodyLength: bodyLength >>> 0,
      };
      // Requests to services go out without trailers.
      const trailing = vm.readPairs(trailers >>> 0, trailersLength >>> 0);
      if (trailing === null || trailing.length > 0) return Status.badArgument;
      const request = readRequest(vm, spans, timeout);
      if (request === null) return Status.badArgument;
      const id = vm.host.sendCallout(context.id, request);
      if (id < 0) return id === -1 ? Status.badArgument : Status.internalFailure;
      memory.writeU32(slot >>> 0, id);
      return Status.ok;
    },
  };
}
