import { LIMITS } from '../core/limits.ts';
import type { Context } from './context.ts';
import type { FuelBudgets } from './fuel.ts';
import type { CalloutHandle, CalloutResult } from './host.ts';
import { type News, tell } from './tell.ts';
import type { Vm } from './vm.ts';

/** What the calls of one VM need of its plugin. */
export interface CallOwner {
  /** For the statistics: one more has ended so. */
  onCalloutEnded(result: CalloutResult): void;
}

/** One call of a guest, which ends with an `Answer`. */
export class PendingCall<Answer> {
  readonly id: number;
  /** Whose it is: it ends with this context. */
  readonly context: Context;
  handle: CalloutHandle | null = null;
  readonly #calls: PendingCalls<Answer>;

  constructor(id: number, context: Context, calls: PendingCalls<Answer>) {
    this.id = id;
    this.context = context;
    this.#calls = calls;
  }

  onCalloutDone(answer: Answer | null, result: CalloutResult): void {
    this.#calls.onDone(this, answer, result);
  }
}

/** What the guest is told of an end, but for whose call it was. */
export interface CallEnd extends Pick<News, 'view' | 'status'> {
  /** Behind the number of the call. */
  readonly values: readonly [number, number?, number?];
}

/** The callback that tells it. */
export interface CallCallback {
  readonly name: string;
  /** null: the guest has none. */
  readonly run: News['run'] | null;
}

/**
 * The calls of one kind of one VM that are under way. Each is answered to the guest exactly once, on its root context and
 * never while the guest runs; a guest that does not live to see it, or whose exchange is over, is told of a failure or
 * nothing.
 */
export abstract class PendingCalls<Answer> {
  protected readonly vm: Vm;
  readonly #root: Context;
  readonly #owner: CallOwner;
  readonly #fuel: FuelBudgets;
  readonly #kind: number;
  readonly #pending = new Map<number, PendingCall<Answer>>();

  /** @param kind one of `CallKind` */
  constructor(vm: Vm, root: Context, owner: CallOwner, fuel: FuelBudgets, kind: number) {
    this.vm = vm;
    this.#root = root;
    this.#owner = owner;
    this.#fuel = fuel;
    this.#kind = kind;
  }

  protected abstract get callback(): CallCallback;

  protected abstract endOfCall(answer: Answer | null, result: CalloutResult): CallEnd;

  /** Calls under way. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Makes a call for a context of the guest.
   *
   * @returns its number; -1: the host refused it, -2: too many are under way
   */
  protected begin(
    contextId: number,
    call: (pending: PendingCall<Answer>, context: Context) => CalloutHandle | null,
  ): number {
    const context = this.vm.contexts.get(contextId) ?? this.#root;
    // What an exchange asks for at its end, such as to ship a log line, goes on without it.
    const owner = context.ended ? this.#root : context;
    const crowded = !owner.isRoot && owner.callouts >= LIMITS.pluginCalloutsPerExchange;
    if (crowded || this.#pending.size >= LIMITS.pluginCallouts) {
      this.#owner.onCalloutEnded('refused');
      return -2;
    }
    const id = this.vm.callIds.next(this.#kind, (taken) => this.#pending.has(taken));
    const pending = new PendingCall(id, owner, this);
    this.#pending.set(id, pending);
    owner.callouts++;
    pending.handle = call(pending, context);
    if (pending.handle !== null) return id;
    this.#forget(pending, 'refused');
    return -1;
  }

  /** The context is gone: gives its calls up, and tells the guest, which keeps a record of each. */
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
  onDone(pending: PendingCall<Answer>, answer: Answer | null, result: CalloutResult): void {
    if (this.#forget(pending, result)) this.#tell(pending, answer, result);
  }

  /** False: it has ended before. */
  #forget(pending: PendingCall<Answer>, result: CalloutResult): boolean {
    if (!this.#pending.delete(pending.id)) return false;
    pending.context.callouts--;
    this.#owner.onCalloutEnded(result);
    return true;
  }

  #tell(pending: PendingCall<Answer>, answer: Answer | null, result: CalloutResult): void {
    const { vm } = this;
    const { run, name } = this.callback;
    if (run === null || vm.dead) return;
    if (vm.running) {
      queueMicrotask(() => this.#tell(pending, answer, result));
      return;
    }
    const { id, context: owner } = pending;
    const { view, status, values } = this.endOfCall(answer, result);
    const budget = owner.isRoot ? this.#fuel.rootCallout : this.#fuel.callout;
    tell(vm, this.#root, { run, name, view, status, owner, budget }, id, ...values);
  }
}
