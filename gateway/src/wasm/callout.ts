import { Status } from './abi.ts';
import { CallKind } from './call-ids.ts';
import { CalloutView } from './callout-view.ts';
import type { Context } from './context.ts';
import type { FuelBudgets } from './fuel.ts';
import type { CalloutResponse, CalloutResult, Callouts, GuestRequest } from './host.ts';
import { type CallCallback, type CallEnd, type CallOwner, PendingCalls } from './pending-calls.ts';
import type { CalloutCaller } from './permissions.ts';
import { CALL_FINE, type CallStatus, type Vm } from './vm.ts';

/** What the callouts of one VM need of its plugin. */
export interface CalloutOwner extends CallOwner {
  readonly callouts: Callouts;
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

/** The HTTP callouts of one VM that are under way. */
export class CalloutTable extends PendingCalls<CalloutResponse> {
  readonly #owner: CalloutOwner;
  readonly #caller: CalloutCaller;

  constructor(vm: Vm, root: Context, owner: CalloutOwner, fuel: FuelBudgets) {
    super(vm, root, owner, fuel, CallKind.http);
    this.#owner = owner;
    this.#caller = vm.host.permissions.caller;
  }

  /** See `PluginHost.sendCallout`. */
  send(contextId: number, request: GuestRequest): number {
    return this.begin(contextId, (pending, context) => {
      const all = { ...request, caller: this.#caller, origin: context.host.origin };
      return this.#owner.callouts.send(all, pending);
    });
  }

  protected get callback(): CallCallback {
    return { name: 'proxy_on_http_call_response', run: this.vm.exports.httpCallResponse };
  }

  protected endOfCall(answer: CalloutResponse | null, result: CalloutResult): CallEnd {
    const response = answer ?? answerFor(result);
    const view = new CalloutView(response);
    const status = response === null ? RESET : CALL_FINE;
    return { view, status, values: [view.headers.size, view.body.length, view.trailers.size] };
  }
}
