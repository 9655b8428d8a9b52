import { Body } from '../calls/body';
import { GrpcStatus } from '../calls/grpc-status';
import { GrpcStream } from '../calls/grpc-stream';
import { GrpcStreamHandler } from '../contexts/grpc-stream-handler';
import { Status } from '../types/status';
import { PendingGrpc } from './pending-grpc';

// @ts-ignore: decorator
@external('env', 'proxy_grpc_send')
declare function proxy_grpc_send(id: u32, message: usize, size: i32, last: i32): Status;
// @ts-ignore: decorator
@external('env', 'proxy_grpc_close')
declare function proxy_grpc_close(id: u32): Status;

/** An open stream. */
@final
export class PendingGrpcStream extends PendingGrpc {
  constructor(handler: GrpcStreamHandler, private stream: GrpcStream) {
    super(handler);
  }

  onMessage(message: Body): void {
    (this.handler as GrpcStreamHandler).onMessage(message, this.stream);
  }

  onEnd(status: GrpcStatus): void {
    (this.handler as GrpcStreamHandler).onClose(status);
  }

  send(message: ArrayBuffer, last: bool): Status {
    if (!this.focus()) return Status.NotFound;
    return proxy_grpc_send(this.hostId, changetype<usize>(message), message.byteLength, last ? 1 : 0);
  }

  close(): Status {
    if (!this.focus()) return Status.NotFound;
    this.finish();
    return proxy_grpc_close(this.hostId);
  }
}
