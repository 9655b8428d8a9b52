import { focus } from './effective';
import { HttpCall } from './http-call';
import { HttpCallHandler } from './http-call-handler';
import { Status } from './types';

/** What the host has a number for: a plugin or a filter. */
export abstract class Context {
  /** Number of this context within its virtual machine; 0 before it is known to the host. */
  contextId: u32 = 0;

  /**
   * Sends a request to a service of the tenant; the handler learns what came of it, never before this callback has
   * ended. Any status but `Ok` means that nothing was sent and the handler will not be called: `BadArgument` for a
   * service that is unknown or not allowed, or a request that cannot be sent; `InternalFailure` for too many at once.
   *
   * A filter's call ends with its exchange. To let the exchange wait for the answer, `return this.pause()`, and have the
   * handler resume or answer it.
   */
  call(call: HttpCall, handler: HttpCallHandler): Status {
    return focus(this.contextId) ? call.send(this.contextId, handler) : Status.BadArgument;
  }
}
