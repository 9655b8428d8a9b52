import { LIMITS } from '../core/limits.ts';
import { Status, StreamType } from './abi.ts';
import { Action, type LocalResponse } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

/** Characters that a field value may not hold; the others went through HTTP parsers already. */
// oxlint-disable-next-line no-control-regex -- the point is to find control characters
const BREAKS_HEADS = /[\0\r\n]/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Pairs fit for a head, names in lower case, pseudo headers left out; null when one would break it. */
export function plainFields(pairs: readonly string[]): string[] | null {
  const headers: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    if (name.startsWith(':')) continue;
    if (!TOKEN.test(name) || BREAKS_HEADS.test(pairs[i + 1]!)) return null;
    headers.push(name.toLowerCase(), pairs[i + 1]!);
  }
  return headers;
}

interface Span {
  readonly at: number;
  readonly length: number;
}

function span(vm: Vm, at: number, length: number): Span | null {
  return vm.memory.holds(at >>> 0, length >>> 0) ? { at: at >>> 0, length: length >>> 0 } : null;
}

/** A 1xx is no answer: the client would wait on. */
function isFinal(status: number): boolean {
  return status >= 200 && status <= 999;
}

/** No status code has gRPC beyond it. */
const LAST_GRPC_STATUS = 16;

function readReply(
  vm: Vm,
  status: number,
  details: Span,
  body: Span,
  headers: Span,
  grpc: number,
): LocalResponse | null {
  if (!isFinal(status) || body.length > LIMITS.pluginReplyBytes) return null;
  vm.spend((details.length + body.length) >> 2);
  const { bytes } = vm.memory;
  const pairs = vm.readPairs(headers.at, headers.length);
  const checked = pairs === null ? null : plainFields(pairs);
  if (checked === null) return null;
  const words = Math.min(details.length, LIMITS.accessLogValueBytes);
  return {
    status,
    details: vm.memory.readUtf8(details.at, words).replaceAll(/\s/g, '_'),
    body: body.length === 0 ? null : Buffer.from(bytes.subarray(body.at, body.at + body.length)),
    headers: checked,
    grpcStatus: grpc >= 0 && grpc <= LAST_GRPC_STATUS ? grpc : -1,
  };
}

const NO_STREAM =
  'a stream was continued, closed or answered outside of an exchange, which has no effect: call proxy_set_effective_context first';

/** Continue and close: which stream, and what it means for it. */
function act(vm: Vm, type: number, request: number, response: number): number {
  if (type >>> 0 > StreamType.last) return Status.badArgument;
  // No TCP streams here: there is nothing to resume or to close.
  if (type > StreamType.response) return Status.unimplemented;
  const context = vm.target;
  if (context === null || context.isRoot) {
    vm.hint(NO_STREAM);
    return Status.ok;
  }
  vm.request(context, type === StreamType.request ? request : response);
  return Status.ok;
}

export function streamCalls(vm: Vm): HostCalls {
  return {
    proxy_continue_stream: (type: number): number => act(vm, type, Action.continueRequest, Action.continueResponse),
    proxy_close_stream: (type: number): number => act(vm, type, Action.close, Action.close),
    // The names of 0.1.0.
    proxy_continue_request: (): number => act(vm, StreamType.request, Action.continueRequest, 0),
    proxy_continue_response: (): number => act(vm, StreamType.response, 0, Action.continueResponse),
    proxy_clear_route_cache(): number {
      vm.target?.host.stream?.clearRouteCache();
      return Status.ok;
    },

    proxy_send_local_response(
      status: number,
      details: number,
      detailsLength: number,
      body: number,
      bodyLength: number,
      headers: number,
      headersLength: number,
      grpcStatus: number,
    ): number {
      const at = span(vm, details, detailsLength);
      const bytes = span(vm, body, bodyLength);
      const pairs = span(vm, headers, headersLength);
      if (at === null || bytes === null || pairs === null) return Status.invalidMemoryAccess;
      const context = vm.target;
      if (context === null || context.isRoot || context.ended) {
        vm.hint(NO_STREAM);
        return Status.ok;
      }
      const response = readReply(vm, status, at, bytes, pairs, grpcStatus);
      if (response === null) return Status.badArgument;
      // Only the first of an exchange counts.
      if (context.replied) return vm.module.abi === '0.2.100' ? Status.badArgument : Status.ok;
      context.replied = true;
      context.localResponse = response;
      vm.request(context, Action.reply);
      return Status.ok;
    },
  };
}
