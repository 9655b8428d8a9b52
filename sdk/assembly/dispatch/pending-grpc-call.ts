import { Body } from '../calls/body';
import { GrpcStatus } from '../calls/grpc-status';
import { GrpcCallHandler } from '../contexts/grpc-call-handler';
import { PendingGrpc } from './pending-grpc';

/** A unary call under way. Some hosts do not tell its end when it went well, so that its message is the end. */
@final
export class PendingGrpcCall extends PendingGrpc {
  constructor(handler: GrpcCallHandler) {
    super(handler);
  }

  onMessage(message: Body): void {
    this.finish();
    (this.handler as GrpcCallHandler).onReply(message);
  }

  onEnd(status: GrpcStatus): void {
    (this.handler as GrpcCallHandler).onFailure(status);
  }
}
