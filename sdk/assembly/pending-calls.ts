import { Context } from './context';
import { ContextTable } from './context-table';
import { focus } from './effective';
import { HttpCallHandler } from './http-call-handler';
import { HttpCallResponse } from './http-call-response';

/** A call on its way, under the number that the host gave it. */
@final
class PendingCall extends Context {
  /** @param owner the context that sent it */
  constructor(id: u32, readonly owner: u32, readonly handler: HttpCallHandler) {
    super();
    this.contextId = id;
  }
}

type Answer = (id: u32, failed: bool) => void;

const calls = new ContextTable();
/** Set by the first call, so that a module without calls carries none of this. */
let deliver: Answer | null = null;

/** Remembers who wants the answer to a call. */
export function waitForAnswer(id: u32, owner: u32, handler: HttpCallHandler): void {
  calls.set(new PendingCall(id, owner, handler));
  deliver = (id: u32, failed: bool): void => {
    const call = calls.get(id) as PendingCall | null;
    if (!call) return;
    calls.delete(id);
    focus(call.owner);
    if (failed) call.handler.onFailure();
    else call.handler.onResponse(new HttpCallResponse());
  };
}

/** The host has an answer, or the news that there is none. */
export function onAnswer(id: u32, failed: bool): void {
  const run = deliver;
  if (run) run(id, failed);
}
