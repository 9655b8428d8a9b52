import { GrpcRequest } from './grpc-request';
import { Context } from '../contexts/context';
import { GrpcCallHandler } from '../contexts/grpc-call-handler';
import { OUT_NUMBER } from '../dispatch/memory';
import { grpcCalls } from '../dispatch/pending-grpc';
import { PendingGrpcCall } from '../dispatch/pending-grpc-call';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

// @ts-ignore: decorator
@external('env', 'proxy_grpc_call')
declare function proxy_grpc_call(
  service: usize, serviceSize: i32, grpcService: usize, grpcServiceSize: i32, method: usize, methodSize: i32,
  metadata: usize, metadataSize: i32, message: usize, messageSize: i32, timeout: u32, outId: usize,
): Status;

/**
 * A unary gRPC call of the plugin's own, with one message each way. Hand it to `callGrpc` of the filter or the plugin,
 * together with a handler for the answer. It may be sent more than once; `cancel` is then about the last time.
 * @example at the top level
 * class Judge extends GrpcCallHandler {
 *   constructor(private filter: HttpFilter) {
 *     super();
 *   }
 *
 *   onReply(message: Body): void {
 *     this.filter.resumeRequest();
 *   }
 *
 *   onFailure(status: GrpcStatus): void {
 *     this.filter.respond(403, null, status.message);
 *   }
 * }
 *
 * class AskJudge extends HttpFilter {
 *   onRequestHeaders(endOfStream: bool): Action {
 *     const call = new GrpcCall('auth', 'test.Judge', 'Ask', utf8(this.request.get(':path') || ''));
 *     call.metadata.append('x-key', 'k');
 *     call.timeout = 1000;
 *     return this.callGrpc(call, new Judge(this)) == Status.Ok ? this.pause() : this.respond(500);
 *   }
 * }
 */
@final
export class GrpcCall extends GrpcRequest {
  /** Milliseconds until the call has failed, 1 to 30 000; 0 is 30 000. */
  timeout: u32 = 5000;

  /**
   * @param service as the tenant's file calls it
   * @param grpcService of gRPC, with its package
   * @param message as the service reads it, such as protobuf; up to 1 MiB, without the bytes that frame it
   */
  constructor(
    service: string,
    grpcService: string,
    method: string,
    /** What is asked. */
    public message: ArrayBuffer,
  ) {
    super(service, grpcService, method);
  }

  /** @internal Sends it on behalf of the context that the host's calls are about. */
  send(owner: Context, handler: GrpcCallHandler): Status {
    const service = utf8(this.service);
    const grpcService = utf8(this.grpcService);
    const method = utf8(this.method);
    const metadata = this.metadata.serialize();
    const status = proxy_grpc_call(
      changetype<usize>(service), service.byteLength,
      changetype<usize>(grpcService), grpcService.byteLength,
      changetype<usize>(method), method.byteLength,
      changetype<usize>(metadata), metadata.byteLength,
      changetype<usize>(this.message), this.message.byteLength,
      this.timeout,
      OUT_NUMBER,
    );
    if (status != Status.Ok) return status;
    const pending = new PendingGrpcCall(handler);
    pending.begin(load<u32>(OUT_NUMBER), owner);
    grpcCalls.set(pending);
    this.pending = pending;
    return status;
  }
}
