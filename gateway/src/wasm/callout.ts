import { LIMITS } from '../core/limits.ts';
import { CalloutView } from './callout-view.ts';
import type { Context } from './context.ts';
import type {
  CalloutCaller,
  CalloutHandle,
  CalloutHandler,
  CalloutResponse,
  CalloutResult,
  Callouts,
  GuestRequest,
} from './host.ts';
import type { Vm } from './vm.ts';

/** What the callouts of one VM need of its plugin. */
export interface CalloutOwner {
  readonly callouts: Callouts;
  /** Owner of the plugin; '' for the gateway's own chain. */
  readonly tenant: string;
  /** For the statistics: one more has ended so. */
  onCalloutEnded(result: CalloutResult): void;
}

/** What a version of a plugin may spend and reach. */
export interface CalloutLimits {
  readonly fuel: { readonly request: number; readonly tick: number };
  /** Services beyond those of its tenant that it may call, as `tenant/service`; default none. */
  readonly services?: readonly string[];
}

/** Callouts that cannot be made: for hosts without services. */
export const NO_CALLOUTS: Callouts = { send: () => null };

/** One callout of a guest. */
class Pending implements CalloutHandler {
  readonly id: number;
  /** Whose it is: it ends with this context. */
  readonly context: Context;
  handle: CalloutHandle | null = null;
  readonly #table: CalloutTable;

  constructor(id: number, context: Context, table: CalloutTable) {
    this.id = id;
    this.context = context;
    this.#table = table;
  }

  onCalloutDone(response: CalloutResponse | null, result: CalloutResult): void {
    this.#table.onDone(this, response, result);
  }
}

/**
 * The callouts of one VM that are under way. Each is answered to the guest exactly once, on its root context and never
 * while the guest runs; a guest that does not live to see it, or whose exchange is over, is told of a failure or nothing.
 */
export class CalloutTable {
  readonly #vm: Vm;
  readonly #root: Context;
  readonly #owner: CalloutOwner;
  readonly #caller: CalloutCaller;
  readonly #fuel: CalloutLimits['fuel'];
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(vm: Vm, root: Context, owner: CalloutOwner, { fuel, services = [] }: CalloutLimits) {
    this.#vm = vm;
    this.#root = root;
    this.#owner = owner;
    this.#caller = { tenant: owner.tenant, services };
    this.#fuel = fuel;
  }

  /** Callouts under way. */
  get size(): number {
    return this.#pending.size;
  }

  /** See `PluginHost.sendCallout`. */
  send(contextId: number, request: GuestRequest): number {
    const context = this.#vm.contexts.get(contextId) ?? this.#root;
    // What an exchange asks for at its end, such as to ship a log line, goes on without it.
    const owner = context.ended ? this.#root : context;
    if (this.#pending.size >= LIMITS.pluginCallouts || (!owner.isRoot && this.#full(owner))) {
      this.#owner.onCalloutEnded('refused');
      return -2;
    }
    const pending = new Pending(++this.#lastId, owner, this);
    this.#pending.set(pending.id, pending);
    owner.callouts++;
    const all = { ...request, caller: this.#caller, origin: context.host.origin };
    pending.handle = this.#owner.callouts.send(all, pending);
    if (pending.handle !== null) return pending.id;
    this.#forget(pending, 'refused');
    return -1;
  }

  #full(context: Context): boolean {
    return context.callouts >= LIMITS.pluginCalloutsPerExchange;
  }

  /** The context is gone: gives its callouts up, and tells the guest, which keeps a record of each. */
  endOf(context: Context): void {
    if (context.callouts === 0) return;
    for (const pending of this.#pending.values()) {
      if (pending.context !== context) continue;
      pending.handle!.cancel();
      this.onDone(pending, null, 'cancelled');
    }
  }

  /** The VM is no more. */
  close(): void {
    for (const { handle } of this.#pending.values()) {
      handle!.cancel();
      this.#owner.onCalloutEnded('cancelled');
    }
    this.#pending.clear();
  }

  /** @internal */
  onDone(pending: Pending, response: CalloutResponse | null, result: CalloutResult): void {
    if (this.#forget(pending, result)) this.#tell(pending, response);
  }

  /** False: it has ended before. */
  #forget(pending: Pending, result: CalloutResult): boolean {
    if (!this.#pending.delete(pending.id)) return false;
    pending.context.callouts--;
    this.#owner.onCalloutEnded(result);
    return true;
  }

  #tell(pending: Pending, response: CalloutResponse | null): void {
    const vm = this.#vm;
    const run = vm.exports.httpCallResponse;
    if (run === null || vm.dead) return;
    if (vm.running) {
      queueMicrotask(() => this.#tell(pending, response));
      return;
    }
    const view = new CalloutView(response);
    const budget = pending.context.isRoot ? this.#fuel.tick : this.#fuel.request;
    const tell = (root?: number, id?: number, headers?: number): unknown => {
      vm.callout = view;
      const started = performance.now();
      try {
        return run(root, id, headers, view.body.length, view.trailers.size);
      } finally {
        pending.context.host.addTime((performance.now() - started) * 1000);
        // What the guest asked for is carried out next, and may call it again, in another matter.
        vm.callout = null;
      }
    };
    vm.call(tell, 'proxy_on_http_call_response', this.#root, budget, pending.id, view.headers.size);
  }
}
