import { HttpCallResponse } from '../calls/http-call-response';
import { Context } from '../contexts/context';
import { HttpCallHandler } from '../contexts/http-call-handler';
import { focus } from './effective';
import { NumberedTable } from './numbered-table';
import { PendingCall } from './pending-call';

/** Exported for the count of what is under way. */
// @ts-ignore: decorator
@lazy
export const httpCalls = new NumberedTable();

@final
class PendingHttpCall extends PendingCall {
  constructor(readonly handler: HttpCallHandler) {
    super();
  }

  finish(): void {
    httpCalls.delete(this.hostId);
    super.finish();
  }

  abandon(): void {
    this.handler.onFailure();
  }
}

/** Remembers who wants the answer to a call that the host has taken. */
export function waitForAnswer(id: u32, owner: Context, handler: HttpCallHandler): void {
  const call = new PendingHttpCall(handler);
  call.begin(id, owner);
  httpCalls.set(call);
}

/** The host has an answer, or the news that there is none. */
export function onAnswer(id: u32, failed: bool): void {
  const call = httpCalls.get(id) as PendingHttpCall | null;
  if (!call) return;
  const owner = call.owner;
  call.finish();
  if (owner) focus(owner.hostId);
  if (failed) call.handler.onFailure();
  else call.handler.onResponse(new HttpCallResponse());
}
