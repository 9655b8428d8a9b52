import { Body } from '../calls/body';
import { GrpcStatus } from '../calls/grpc-status';
import { HeaderMap } from '../calls/header-map';
import { GrpcHandler } from '../contexts/grpc-handler';
import { BufferType, MapType } from '../types/abi';
import { GrpcCode } from '../types/grpc-code';
import { Status } from '../types/status';
import { focus } from './effective';
import { NumberedTable } from './numbered-table';
import { PendingCall } from './pending-call';

// @ts-ignore: decorator
@external('env', 'proxy_grpc_cancel')
declare function proxy_grpc_cancel(id: u32): Status;

/** Exported for the count of what is under way. */
// @ts-ignore: decorator
@lazy
export const grpcCalls = new NumberedTable();

/** A gRPC call under way, of either kind. */
export abstract class PendingGrpc extends PendingCall {
  constructor(readonly handler: GrpcHandler) {
    super();
  }

  abstract onMessage(message: Body): void;

  /** It has ended, and is out of the table. */
  abstract onEnd(status: GrpcStatus): void;

  finish(): void {
    grpcCalls.delete(this.hostId);
    super.finish();
  }

  abandon(): void {
    this.onEnd(new GrpcStatus(GrpcCode.Cancelled));
  }

  /** Has the host's calls be about its context; false when it has ended. */
  focus(): bool {
    const owner = this.owner;
    return owner != null && focus(owner.hostId);
  }

  cancel(): Status {
    if (!this.focus()) return Status.NotFound;
    this.finish();
    return proxy_grpc_cancel(this.hostId);
  }
}

/** The call a callback is about, with the host's calls about its context; null when nobody waits for it any more. */
function callOf(id: u32): PendingGrpc | null {
  const call = grpcCalls.get(id) as PendingGrpc | null;
  if (call) call.focus();
  return call;
}

export function onGrpcMetadata(id: u32): void {
  const call = callOf(id);
  if (call) call.handler.onMetadata(new HeaderMap(MapType.GrpcInitialMetadata));
}

export function onGrpcMessage(id: u32): void {
  const call = callOf(id);
  if (call) call.onMessage(new Body(BufferType.GrpcMessage));
}

export function onGrpcTrailers(id: u32): void {
  const call = callOf(id);
  if (call) call.handler.onTrailers(new HeaderMap(MapType.GrpcTrailingMetadata));
}

export function onGrpcEnd(id: u32, code: u32): void {
  const call = callOf(id);
  if (!call) return;
  call.finish();
  call.onEnd(new GrpcStatus(code));
}
