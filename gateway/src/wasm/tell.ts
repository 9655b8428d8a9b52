import type { CallView } from './callout-view.ts';
import type { Context } from './context.ts';
import type { GuestFunction } from './guest.ts';
import { CALL_FINE, type CallStatus, type Vm } from './vm.ts';

/** What a guest is told of a call that it made. */
export interface News {
  /** Export and its name. */
  readonly run: GuestFunction;
  readonly name: string;
  /** What it can read while it is told. */
  readonly view: CallView;
  readonly status: CallStatus;
  /** Whose call it is: the time is this context's. */
  readonly owner: Context;
  readonly budget: number;
}

/**
 * Calls a callback for a call: on the root context, with the call's number and up to three more. The guest must not be
 * running.
 */
export function tell(vm: Vm, root: Context, news: News, id: number, a: number, b = 0, c = 0): void {
  const run = (context?: number): unknown => {
    vm.callout = news.view;
    vm.callStatus = news.status;
    const started = performance.now();
    try {
      return news.run(context, id, a, b, c);
    } finally {
      news.owner.host.addTime((performance.now() - started) * 1000, news.budget - vm.exports.fuel.value);
      // What the guest asked for is carried out next, and may call it again, in another matter.
      vm.callout = null;
      vm.callStatus = CALL_FINE;
    }
  };
  vm.call(run, news.name, root, news.budget, id, a);
}
