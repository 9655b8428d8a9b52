import type { Exchange } from '../exchange/exchange.ts';
import { grpcMessage, grpcStatusOf, isGrpc } from '../exchange/grpc.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { LocalResponse } from '../wasm/host.ts';

/** A plugin's answer as it leaves. */
export interface Reply {
  readonly status: number;
  readonly headers: PairHeaders;
  readonly body: Buffer | null;
}

/**
 * What a caller gets of a plugin's answer: the answer itself, as plain text if it does not say what it is, or for callers
 * that speak gRPC a head alone, whose status and message are gRPC's.
 */
export function replyTo({ requestHeaders }: Exchange, { status, headers, body, grpcStatus }: LocalResponse): Reply {
  const list = new PairHeaders(headers);
  if (isGrpc(requestHeaders)) {
    list.set('content-type', 'application/grpc');
    list.set('grpc-status', String(grpcStatus === -1 ? grpcStatusOf(status) : grpcStatus));
    if (body !== null) list.set('grpc-message', grpcMessage(body));
    return { status: 200, headers: list, body: null };
  }
  const bodyless = status === 204 || status === 304;
  if (body !== null && !bodyless && !list.has('content-type')) list.append('content-type', 'text/plain');
  return { status, headers: list, body: bodyless ? null : body };
}
