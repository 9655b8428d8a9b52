import { PendingGrpc } from '../dispatch/pending-grpc';
import { HeaderList } from '../types/header-list';
import { Status } from '../types/status';

/** What unary calls and streams have in common. */
export abstract class GrpcRequest {
  /** Initial metadata, in lower case; values of names that end in `-bin` in base64. */
  metadata: HeaderList = new HeaderList();
  /** @internal What it was made last, under way or ended. */
  protected pending: PendingGrpc | null = null;

  constructor(
    /** As the tenant's file calls it, or `tenant/service` where the operator allows that. */
    readonly service: string,
    /** The service of gRPC, with its package. */
    readonly grpcService: string,
    /** Of that service. */
    readonly method: string,
  ) {}

  /**
   * Gives the call up; its handler hears no more of it. `NotFound` when it is not under way.
   * @example
   * const call = new GrpcCall('audit', 'test.Audit', 'Write', utf8('an entry'));
   * call.cancel();
   */
  cancel(): Status {
    const pending = this.pending;
    return pending ? pending.cancel() : Status.NotFound;
  }
}
