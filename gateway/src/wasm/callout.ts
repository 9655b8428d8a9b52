import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import { CallKind } from './call-ids.ts';
import { CalloutView } from './callout-view.ts';
import type { Context } from './context.ts';
import type { FuelBudgets } from './fuel.ts';
import type { CalloutHandle, CalloutHandler, CalloutResponse, CalloutResult, Callouts, GuestRequest } from './host.ts';
import type { CalloutCaller } from './permissions.ts';
import { type News, tell } from './tell.ts';
import { CALL_FINE, type CallStatus, type Vm } from './vm.ts';

/** What the callouts of one VM need of its plugin. */
export interface CalloutOwner {
  readonly callouts: Callouts;
  /** For the statistics: one more has ended so. */
  onCalloutEnded(result: CalloutResult): void;
}

/** Callouts that cannot be made: for hosts without services. */
export const NO_CALLOUTS: Callouts = { send: () => null, openGrpc: () => null };

/** Of a callout whose answer broke off, or never will be. */
const RESET: CallStatus = { code: Status.brokenConnection, message: 'reset' };

/** What guests get in place of an answer that never began: as other gateways do it, one of a gateway's own. */
const ANSWERS: Readonly<Partial<Record<CalloutResult, readonly [status: string, words: string]>>> = {
  'connect-failed': ['503', 'no connection to the service could be opened'],
  'no-endpoint': ['503', 'the service has no usable endpoint'],
  overloaded: ['503', 'too much is under way'],
  timeout: ['504', 'the service did not answer in time'],
};

/** null: the callout was reset. */
function answerFor(result: CalloutResult): CalloutResponse | null {
  const answer = ANSWERS[result];
  if (answer === undefined) return null;
  const [status, words] = answer;
  const headers = [':status', status, 'content-type', 'text/plain', 'content-length', String(words.length)];
  return { headers, body: Buffer.from(words), trailers: [] };
}

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
  readonly #fuel: FuelBudgets;
  readonly #pending = new Map<number, Pending>();

  constructor(vm: Vm, root: Context, owner: CalloutOwner, fuel: FuelBudgets) {
    this.#vm = vm;
    this.#root = root;
    this.#owner = owner;
    this.#caller = vm.host.permissions.caller;
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
    const id = this.#vm.callIds.next(CallKind.http, (taken) => this.#pending.has(taken));
    const pending = new Pending(id, owner, this);
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
    if (this.#forget(pending, result)) this.#tell(pending, response ?? answerFor(result));
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
    const failed = response === null;
    const view = new CalloutView(response);
    const owner = pending.context;
    const budget = owner.isRoot ? this.#fuel.rootCallout : this.#fuel.callout;
    const status = failed ? RESET : CALL_FINE;
    const news: News = { run, name: 'proxy_on_http_call_response', view, status, owner, budget };
    tell(vm, this.#root, news, pending.id, view.headers.size, view.body.length, view.trailers.size);
  }
}
