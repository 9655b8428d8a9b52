import { LIMITS } from '../core/limits.ts';
import { BufferType, MapType } from './abi.ts';
import { CallKind, kindOf } from './call-ids.ts';
import type { CalloutOwner } from './callout.ts';
import { BytesView, type CallView, MetadataView, NOTHING_TO_VIEW } from './callout-view.ts';
import type { Context } from './context.ts';
import type { FuelBudgets } from './fuel.ts';
import type { GuestFunction } from './guest.ts';
import type { GrpcEnd, GrpcHandle, GrpcHandler, GuestGrpc, GuestGrpcRequest } from './host.ts';
import { tell } from './tell.ts';
import { CALL_FINE, type Vm } from './vm.ts';

/** How calls end whose exchange is over before them. */
const WITHOUT_EXCHANGE: GrpcEnd = {
  // CANCELLED
  status: 1,
  message: 'the exchange has ended',
  trailers: [],
  result: 'cancelled',
};

/** And those that were answered before that, by their only message. */
const ANSWERED: GrpcEnd = { status: 0, message: '', trailers: [], result: 'success' };

/** One gRPC call of a guest. */
class LiveCall implements GrpcHandler {
  readonly id: number;
  /** Whose it is: it ends with this context. */
  context: Context;
  handle: GrpcHandle | null = null;
  /** The guest hears no more of it. */
  silent = false;
  /** A unary call whose message has come: it ended well. */
  answered = false;
  readonly #table: GrpcTable;

  constructor(id: number, context: Context, table: GrpcTable) {
    this.id = id;
    this.context = context;
    this.#table = table;
  }

  onGrpcMetadata(metadata: readonly string[]): void {
    this.#table.deliver(() => this.#table.onMetadata(this, metadata));
  }

  onGrpcMessage(message: Uint8Array): void {
    this.#table.deliver(() => this.#table.onMessage(this, message));
  }

  onGrpcEnd(end: GrpcEnd): void {
    this.#table.deliver(() => this.#table.onEnd(this, end));
  }
}

/**
 * The gRPC calls of one VM that are under way. The guest is told of each on its root context and never while it runs:
 * initial metadata, messages, trailing metadata, and then exactly once of the end, unless it has ended the call itself.
 */
export class GrpcTable implements GuestGrpc {
  readonly #vm: Vm;
  readonly #root: Context;
  readonly #owner: CalloutOwner;
  readonly #fuel: FuelBudgets;
  readonly #calls = new Map<number, LiveCall>();
  /** What came while the guest was running. */
  readonly #waiting: (() => void)[] = [];

  constructor(vm: Vm, root: Context, owner: CalloutOwner, fuel: FuelBudgets) {
    this.#vm = vm;
    this.#root = root;
    this.#owner = owner;
    this.#fuel = fuel;
  }

  /** Calls under way. */
  get size(): number {
    return this.#calls.size;
  }

  open(contextId: number, request: GuestGrpcRequest): number {
    const context = this.#vm.contexts.get(contextId) ?? this.#root;
    // What an exchange asks for at its end goes on without it.
    const owner = context.ended ? this.#root : context;
    const crowded = !owner.isRoot && owner.callouts >= LIMITS.pluginCalloutsPerExchange;
    if (crowded || this.#calls.size >= LIMITS.pluginGrpcCalls) {
      this.#owner.onCalloutEnded('refused');
      return -2;
    }
    const kind = request.message === null ? CallKind.grpcStream : CallKind.grpcCall;
    const call = new LiveCall(
      this.#vm.callIds.next(kind, (id) => this.#calls.has(id)),
      owner,
      this,
    );
    this.#calls.set(call.id, call);
    owner.callouts++;
    const { caller } = this.#vm.host.permissions;
    call.handle = this.#owner.callouts.openGrpc({ ...request, caller, origin: context.host.origin }, call);
    if (call.handle !== null) return call.id;
    this.#forget(call, 'refused');
    return -1;
  }

  send(id: number, message: Buffer, end: boolean): 'sent' | 'unknown' | 'refused' {
    const call = this.#heard(id);
    if (kindOf(id) !== CallKind.grpcStream) return this.#vm.callIds.issued(id) ? 'refused' : 'unknown';
    if (call === null) return 'unknown';
    return call.handle!.send(message, end) ? 'sent' : 'refused';
  }

  end(id: number, gently: boolean): boolean {
    const call = this.#heard(id);
    if (call === null) return false;
    call.silent = true;
    if (gently && kindOf(id) === CallKind.grpcStream) {
      this.#adopt(call);
      call.handle!.close();
    } else {
      call.handle!.cancel();
      this.#forget(call, 'cancelled');
    }
    return true;
  }

  /** The context is gone: gives its calls up, and tells the guest, which keeps a record of each. */
  endOf(context: Context): void {
    if (context.callouts === 0) return;
    for (const call of this.#calls.values()) {
      if (call.context !== context) continue;
      const end = call.answered ? ANSWERED : WITHOUT_EXCHANGE;
      call.handle!.cancel();
      this.#forget(call, end.result);
      this.#tellEnd(call, end);
    }
  }

  /** The VM is no more. */
  close(): void {
    for (const { handle } of this.#calls.values()) {
      handle!.cancel();
      this.#owner.onCalloutEnded('cancelled');
    }
    this.#calls.clear();
  }

  /** @internal Carries `news` out when the guest has returned, in order. */
  deliver(news: () => void): void {
    if (!this.#vm.running && this.#waiting.length === 0) {
      news();
      return;
    }
    this.#waiting.push(news);
    if (this.#waiting.length === 1) queueMicrotask(() => this.#carryOut());
  }

  #carryOut(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      next();
      this.#waiting.shift();
    }
  }

  /** @internal */
  onMetadata(call: LiveCall, metadata: readonly string[]): void {
    const view = new MetadataView(MapType.grpcInitialMetadata, metadata);
    const { grpcInitialMetadata: run } = this.#vm.exports;
    this.#tell(call, run, 'proxy_on_grpc_receive_initial_metadata', view, metadata.length >> 1);
  }

  /** @internal */
  onMessage(call: LiveCall, message: Uint8Array): void {
    call.answered = kindOf(call.id) === CallKind.grpcCall;
    const view = new BytesView(BufferType.grpcMessage, message);
    this.#tell(call, this.#vm.exports.grpcReceive, 'proxy_on_grpc_receive', view, message.length);
  }

  /** @internal */
  onEnd(call: LiveCall, end: GrpcEnd): void {
    const view = new MetadataView(MapType.grpcTrailingMetadata, end.trailers);
    const { grpcTrailingMetadata: run } = this.#vm.exports;
    this.#tell(call, run, 'proxy_on_grpc_receive_trailing_metadata', view, end.trailers.length >> 1);
    // The guest may have ended it there, or itself.
    if (this.#forget(call, end.result) && !call.silent) this.#tellEnd(call, end);
  }

  #tellEnd(call: LiveCall, { status, message }: GrpcEnd): void {
    const { grpcClose: run } = this.#vm.exports;
    if (run === null || this.#vm.dead) return;
    const news = { run, name: 'proxy_on_grpc_close', view: NOTHING_TO_VIEW, status: { code: status, message } };
    tell(this.#vm, this.#root, { ...news, owner: call.context, budget: this.#budget(call) }, call.id, status);
  }

  #tell(call: LiveCall, run: GuestFunction | null, name: string, view: CallView, count: number): void {
    if (run === null || this.#vm.dead || this.#heard(call.id) !== call) return;
    const news = { run, name, view, status: CALL_FINE, owner: call.context, budget: this.#budget(call) };
    tell(this.#vm, this.#root, news, call.id, count);
  }

  #budget({ context }: LiveCall): number {
    return context.isRoot ? this.#fuel.rootCallout : this.#fuel.callout;
  }

  /** The call, if the guest still has to do with it. */
  #heard(id: number): LiveCall | null {
    const call = this.#calls.get(id);
    return call === undefined || call.silent ? null : call;
  }

  /** Makes it the plugin's own affair: what its exchange has sent last arrives without it. */
  #adopt(call: LiveCall): void {
    call.context.callouts--;
    call.context = this.#root;
    this.#root.callouts++;
  }

  /** False: it has ended before. */
  #forget(call: LiveCall, result: GrpcEnd['result']): boolean {
    if (this.#calls.get(call.id) !== call) return false;
    this.#calls.delete(call.id);
    call.context.callouts--;
    this.#owner.onCalloutEnded(result);
    return true;
  }
}
