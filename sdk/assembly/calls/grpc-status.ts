import { callMessage } from './call-status';
import { GrpcCode } from '../types/grpc-code';

/**
 * How a gRPC call has ended.
 * @example at the top level
 * class Events extends GrpcStreamHandler {
 *   onMessage(message: Body, stream: GrpcStream): void {}
 *
 *   onClose(status: GrpcStatus): void {
 *     if (status.code != GrpcCode.Ok) log.warn(`${status.code}: ${status.message}`);
 *   }
 * }
 */
@final
export class GrpcStatus {
  /** @internal */
  constructor(
    /** 0 to 16, the numbers of `GrpcCode`. */
    readonly code: i32,
  ) {}

  /**
   * Words of the service or the gateway; `''` when there are none. To be read in the callback that has brought the status.
   * @example at the top level
   * class Lookup extends GrpcCallHandler {
   *   onReply(message: Body): void {}
   *
   *   onFailure(status: GrpcStatus): void {
   *     log.warn(status.message);
   *   }
   * }
   */
  get message(): string {
    return callMessage();
  }
}
