import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import { plainFields } from './calls-stream.ts';
import { readGrpcService } from './grpc-service.ts';
import type { GuestGrpcRequest } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import { CALLOUT_PRICE, type Vm } from './vm.ts';

/** A service or a method, as it stands in a path. */
const NAME = /^[\w.$-]{1,512}$/;
const AUTHORITY = /^[A-Za-z0-9._~%!$&'()*+,;=:[\]-]{1,300}$/;

/** What gRPC and HTTP/2 themselves set, or do not know. */
const NOT_THEIRS = new Set([
  'te',
  'content-type',
  'content-length',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
]);

type Span = readonly [address: number, length: number];

/** What a call names. */
interface Spans {
  readonly upstream: Span;
  readonly service: Span;
  readonly method: Span;
  readonly metadata: Span;
}

function span(address: number, length: number): Span {
  return [address >>> 0, length >>> 0];
}

/** A call without its message; null when it cannot be made as it is. */
function readCall(vm: Vm, spans: Spans): Omit<GuestGrpcRequest, 'message' | 'timeoutMs'> | null {
  const [metadata, metadataLength] = spans.metadata;
  const named = spans.upstream[1] + spans.service[1] + spans.method[1];
  if (named > LIMITS.pluginPropertyBytes) return null;
  vm.spend(CALLOUT_PRICE + named * 4);
  const { memory } = vm;
  const [upstream, service, method] = [spans.upstream, spans.service, spans.method].map(([at, length]) =>
    memory.readLatin1(at, length),
  ) as [string, string, string];
  const pairs = vm.readPairs(metadata, metadataLength);
  const fields = pairs === null ? null : plainFields(pairs);
  if (pairs === null || fields === null || !NAME.test(service) || !NAME.test(method)) return null;
  const target = readGrpcService(upstream);
  const authority = ownAuthority(pairs) ?? target.authority;
  if (!AUTHORITY.test(authority)) return null;
  return { service: target.service, authority, path: `/${service}/${method}`, metadata: withoutOurs(fields) };
}

function ownAuthority(pairs: readonly string[]): string | null {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i]!.toLowerCase() === ':authority') return pairs[i + 1]!;
  return null;
}

function withoutOurs(fields: readonly string[]): string[] {
  const rest: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (!NOT_THEIRS.has(fields[i]!)) rest.push(fields[i]!, fields[i + 1]!);
  }
  return rest;
}

/** Opens a call, and hands its number over. */
function open(vm: Vm, spans: Spans, message: Span | null, timeoutMs: number, slot: number): number {
  const context = vm.target;
  if (context === null) return Status.internalFailure;
  const call = readCall(vm, spans);
  if (call === null) return Status.parseFailure;
  const bytes = message === null ? null : copy(vm, message[0], message[1]);
  if (message !== null && bytes === null) return Status.internalFailure;
  const id = vm.host.grpc.open(context.id, { ...call, message: bytes, timeoutMs });
  // The statuses that SDKs expect of these two calls, and no others.
  if (id < 0) return id === -1 ? Status.parseFailure : Status.internalFailure;
  vm.memory.writeU32(slot, id);
  return Status.ok;
}

/** A message of the guest; null when it is too large. */
function copy(vm: Vm, at: number, length: number): Buffer | null {
  if (length > LIMITS.pluginGrpcMessageBytes) return null;
  vm.spend(500 + (length >> 2));
  return Buffer.from(vm.memory.bytes.subarray(at, at + length));
}

function holdsAll(vm: Vm, spans: Spans, slot: number): boolean {
  for (const [at, length] of [spans.upstream, spans.service, spans.method, spans.metadata]) {
    if (!vm.memory.holds(at, length)) return false;
  }
  return vm.memory.holds(slot, 4);
}

export function grpcCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_grpc_call(
      upstream: number,
      upstreamLength: number,
      service: number,
      serviceLength: number,
      method: number,
      methodLength: number,
      metadata: number,
      metadataLength: number,
      message: number,
      messageLength: number,
      timeout: number,
      slot: number,
    ): number {
      const spans: Spans = {
        upstream: span(upstream, upstreamLength),
        service: span(service, serviceLength),
        method: span(method, methodLength),
        metadata: span(metadata, metadataLength),
      };
      const body = span(message, messageLength);
      if (!holdsAll(vm, spans, slot >>> 0) || !memory.holds(...body)) return Status.invalidMemoryAccess;
      const wanted = timeout === 0 ? LIMITS.pluginCalloutMs : timeout >>> 0;
      return open(vm, spans, body, Math.min(wanted, LIMITS.pluginCalloutMs), slot >>> 0);
    },

    proxy_grpc_stream(
      upstream: number,
      upstreamLength: number,
      service: number,
      serviceLength: number,
      method: number,
      methodLength: number,
      metadata: number,
      metadataLength: number,
      slot: number,
    ): number {
      const spans: Spans = {
        upstream: span(upstream, upstreamLength),
        service: span(service, serviceLength),
        method: span(method, methodLength),
        metadata: span(metadata, metadataLength),
      };
      return holdsAll(vm, spans, slot >>> 0) ? open(vm, spans, null, 0, slot >>> 0) : Status.invalidMemoryAccess;
    },

    proxy_grpc_send(id: number, message: number, length: number, end: number): number {
      if (!memory.holds(message >>> 0, length >>> 0)) return Status.invalidMemoryAccess;
      const bytes = copy(vm, message >>> 0, length >>> 0);
      if (bytes === null) return Status.badArgument;
      const outcome = vm.host.grpc.send(id >>> 0, bytes, end !== 0);
      if (outcome === 'sent') return Status.ok;
      return outcome === 'unknown' ? Status.notFound : Status.badArgument;
    },

    proxy_grpc_cancel: (id: number): number => (vm.host.grpc.end(id >>> 0, false) ? Status.ok : Status.notFound),
    proxy_grpc_close: (id: number): number => (vm.host.grpc.end(id >>> 0, true) ? Status.ok : Status.notFound),
  };
}
