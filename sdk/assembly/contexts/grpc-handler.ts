import { HeaderMap } from '../calls/header-map';

/** What handlers of unary calls and of streams have in common. */
export abstract class GrpcHandler {
  /**
   * The head of the response is there, before any message. A view, for the length of the callback. Some hosts do not show
   * it for unary calls.
   * @example at the top level
   * class Versioned extends GrpcCallHandler {
   *   onMetadata(metadata: HeaderMap): void {
   *     log.info(metadata.get('x-version') || 'no version');
   *   }
   *
   *   onReply(message: Body): void {}
   *
   *   onFailure(status: GrpcStatus): void {}
   * }
   */
  onMetadata(metadata: HeaderMap): void {}

  /**
   * The trailers are there: the end follows. A view, for the length of the callback. Of a unary call only when it fails.
   * @example at the top level
   * class Detailed extends GrpcCallHandler {
   *   onReply(message: Body): void {}
   *
   *   onTrailers(trailers: HeaderMap): void {
   *     log.info(trailers.get('grpc-status-details-bin') || 'no details');
   *   }
   *
   *   onFailure(status: GrpcStatus): void {}
   * }
   */
  onTrailers(trailers: HeaderMap): void {}
}
