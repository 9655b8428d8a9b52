import { Body } from '../calls/body';
import { GrpcStatus } from '../calls/grpc-status';
import { GrpcHandler } from './grpc-handler';

/**
 * What happens when a unary gRPC call has been answered. Exactly one of `onReply` and `onFailure` is called, once, for each
 * call that was sent and not cancelled. A filter's call ends with its exchange at the latest: then it fails with
 * `Cancelled`, and what the handler asks of the filter has no effect.
 * @example at the top level
 * class Verdict extends GrpcCallHandler {
 *   constructor(private filter: HttpFilter) {
 *     super();
 *   }
 *
 *   onReply(message: Body): void {
 *     if (message.length > 0) this.filter.resumeRequest();
 *     else this.filter.respond(403);
 *   }
 *
 *   onFailure(status: GrpcStatus): void {
 *     this.filter.respond(status.code == GrpcCode.Unavailable ? 503 : 500);
 *   }
 * }
 */
export abstract class GrpcCallHandler extends GrpcHandler {
  /**
   * The call went well.
   * @param message the answer, without the bytes that frame it; a view, for the length of the callback
   * @example at the top level
   * class Store extends GrpcCallHandler {
   *   onReply(message: Body): void {
   *     sharedData.set('record', message.bytes());
   *   }
   *
   *   onFailure(status: GrpcStatus): void {}
   * }
   */
  abstract onReply(message: Body): void;

  /**
   * The call has ended in another status than `Ok`: the service's, or the gateway's when it got no answer.
   * @example at the top level
   * class Complain extends GrpcCallHandler {
   *   onReply(message: Body): void {}
   *
   *   onFailure(status: GrpcStatus): void {
   *     log.warn(`gRPC status ${status.code}: ${status.message}`);
   *   }
   * }
   */
  abstract onFailure(status: GrpcStatus): void;
}
