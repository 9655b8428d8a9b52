import { GrpcRequest } from './grpc-request';
import { Context } from '../contexts/context';
import { GrpcStreamHandler } from '../contexts/grpc-stream-handler';
import { OUT_NUMBER } from '../dispatch/memory';
import { grpcCalls } from '../dispatch/pending-grpc';
import { PendingGrpcStream } from '../dispatch/pending-grpc-stream';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

// @ts-ignore: decorator
@external('env', 'proxy_grpc_stream')
declare function proxy_grpc_stream(
  service: usize, serviceSize: i32, grpcService: usize, grpcServiceSize: i32, method: usize, methodSize: i32,
  metadata: usize, metadataSize: i32, outId: usize,
): Status;

/**
 * A gRPC call with any number of messages each way. Hand it to `openStream` of the filter or the plugin, together with a
 * handler for what comes. It has no deadline: it ends when either side ends it, with its exchange, or with the instance.
 * @example at the top level
 * class Ignore extends GrpcStreamHandler {
 *   onMessage(message: Body, stream: GrpcStream): void {}
 *
 *   onClose(status: GrpcStatus): void {}
 * }
 *
 * class Audit extends Plugin {
 *   private stream: GrpcStream = new GrpcStream('audit', 'test.Audit', 'Record');
 *
 *   write(entry: string): Status {
 *     if (!this.stream.isOpen) this.openStream(this.stream, new Ignore());
 *     return this.stream.send(utf8(entry));
 *   }
 *
 *   createFilter(): HttpFilter {
 *     return new AuditFilter(this);
 *   }
 * }
 *
 * class AuditFilter extends HttpFilter {
 *   constructor(private plugin: Audit) {
 *     super();
 *   }
 *
 *   onLog(): void {
 *     if (this.plugin.write(this.request.get(':path') || '') != Status.Ok) log.warn('not audited');
 *   }
 * }
 */
@final
export class GrpcStream extends GrpcRequest {
  /**
   * @param service as the tenant's file calls it
   * @param grpcService of gRPC, with its package
   */
  constructor(service: string, grpcService: string, method: string) {
    super(service, grpcService, method);
  }

  /**
   * True from `openStream` until either side has ended the stream.
   * @example
   * const stream = new GrpcStream('audit', 'test.Audit', 'Record');
   * if (!stream.isOpen) log.info('not opened yet');
   */
  get isOpen(): bool {
    const pending = this.pending;
    return pending != null && pending.owner != null;
  }

  /**
   * Sends a message, up to 1 MiB. `NotFound` when the stream is not open; `BadArgument` when the plugin's side has ended, or
   * more than 2 MiB wait to be sent.
   * @param last nothing follows; the service may go on
   * @example
   * const stream = new GrpcStream('audit', 'test.Audit', 'Record');
   * if (stream.send(utf8('an entry'), true) != Status.Ok) log.warn('not sent');
   */
  send(message: ArrayBuffer, last: bool = false): Status {
    const pending = this.pending;
    return pending ? (pending as PendingGrpcStream).send(message, last) : Status.NotFound;
  }

  /**
   * Lets what was sent arrive, and ends the stream; its handler hears no more of it. `NotFound` when it is not open.
   * @example
   * const stream = new GrpcStream('audit', 'test.Audit', 'Record');
   * stream.close();
   */
  close(): Status {
    const pending = this.pending;
    return pending ? (pending as PendingGrpcStream).close() : Status.NotFound;
  }

  /** @internal Opens it on behalf of the context that the host's calls are about. */
  open(owner: Context, handler: GrpcStreamHandler): Status {
    if (this.isOpen) return Status.BadArgument;
    const service = utf8(this.service);
    const grpcService = utf8(this.grpcService);
    const method = utf8(this.method);
    const metadata = this.metadata.serialize();
    const status = proxy_grpc_stream(
      changetype<usize>(service), service.byteLength,
      changetype<usize>(grpcService), grpcService.byteLength,
      changetype<usize>(method), method.byteLength,
      changetype<usize>(metadata), metadata.byteLength,
      OUT_NUMBER,
    );
    if (status != Status.Ok) return status;
    const pending = new PendingGrpcStream(handler, this);
    pending.begin(load<u32>(OUT_NUMBER), owner);
    grpcCalls.set(pending);
    this.pending = pending;
    return status;
  }
}
