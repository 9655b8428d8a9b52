import { Body } from '../calls/body';
import { GrpcStatus } from '../calls/grpc-status';
import { GrpcStream } from '../calls/grpc-stream';
import { GrpcHandler } from './grpc-handler';

/**
 * What happens on a gRPC stream: `onMessage` for each message of the service, and `onClose` once at the end, unless the
 * plugin has closed or cancelled the stream itself. A filter's stream ends with its exchange at the latest, with
 * `Cancelled`.
 * @example at the top level
 * class Echo extends GrpcStreamHandler {
 *   onMessage(message: Body, stream: GrpcStream): void {
 *     stream.send(message.bytes());
 *   }
 *
 *   onClose(status: GrpcStatus): void {
 *     log.info(`ended: ${status.code}`);
 *   }
 * }
 */
export abstract class GrpcStreamHandler extends GrpcHandler {
  /**
   * A message of the service.
   * @param message without the bytes that frame it; a view, for the length of the callback
   * @example at the top level
   * class Watcher extends GrpcStreamHandler {
   *   onMessage(message: Body, stream: GrpcStream): void {
   *     sharedData.set('rules', message.bytes());
   *   }
   *
   *   onClose(status: GrpcStatus): void {}
   * }
   */
  abstract onMessage(message: Body, stream: GrpcStream): void;

  /**
   * The stream has ended, well or not; the object can be opened again.
   * @example at the top level
   * class Keeper extends GrpcStreamHandler {
   *   onMessage(message: Body, stream: GrpcStream): void {}
   *
   *   onClose(status: GrpcStatus): void {
   *     if (status.code != GrpcCode.Ok) log.warn(`the stream broke: ${status.message}`);
   *   }
   * }
   */
  abstract onClose(status: GrpcStatus): void;
}
