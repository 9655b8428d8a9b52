import { callMessage, callStatus } from '../calls/call-status';
import { HttpCallResponse } from '../calls/http-call-response';
import { Status } from '../types/status';

/**
 * What happens when a call has been answered. A class, because AssemblyScript has no closures: what the handler needs,
 * such as its filter, goes into its fields.
 *
 * Exactly one of the two methods is called, once, for each call that was sent, on every host. A filter's call ends with its
 * exchange at the latest: then it fails, and what the handler asks of the filter has no effect. A call cannot be taken
 * back; a handler that has lost interest does nothing.
 *
 * While it runs, `log`, `properties` and the like are about the context that made the call.
 * @example at the top level
 * class Admission extends HttpCallHandler {
 *   constructor(private filter: HttpFilter) {
 *     super();
 *   }
 *
 *   onResponse(response: HttpCallResponse): void {
 *     const user = response.headers.get('x-user');
 *     if (user === null) {
 *       this.filter.respond(401);
 *       return;
 *     }
 *     this.filter.request.set('x-user', user);
 *     this.filter.resumeRequest();
 *   }
 *
 *   onFailure(): void {
 *     this.filter.respond(503);
 *   }
 * }
 */
export abstract class HttpCallHandler {
  /**
   * The service has answered, whatever the status; or the gateway in its place, 503 when it cannot be reached and 504
   * when it is late.
   * @example at the top level
   * class Count extends HttpCallHandler {
   *   onResponse(response: HttpCallResponse): void {
   *     log.info(`${response.status}, ${response.body.length} bytes`);
   *   }
   *
   *   onFailure(): void {}
   * }
   */
  abstract onResponse(response: HttpCallResponse): void;

  /**
   * There is no answer: it broke off, was too large, or its exchange has ended.
   * @example at the top level
   * class Report extends HttpCallHandler {
   *   onResponse(response: HttpCallResponse): void {}
   *
   *   onFailure(): void {
   *     log.warn(`${this.failureStatus}: ${this.failureReason}`);
   *   }
   * }
   */
  abstract onFailure(): void;

  /**
   * In `onFailure`: what has happened, as a status; `BrokenConnection` when the host does not say.
   * @example at the top level
   * class Retry extends HttpCallHandler {
   *   constructor(private filter: HttpFilter) {
   *     super();
   *   }
   *
   *   onResponse(response: HttpCallResponse): void {}
   *
   *   onFailure(): void {
   *     this.filter.respond(this.failureStatus == Status.BrokenConnection ? 502 : 500);
   *   }
   * }
   */
  protected get failureStatus(): Status {
    const code = callStatus();
    return code == 0 ? Status.BrokenConnection : <Status>code;
  }

  /**
   * In `onFailure`: the host's words for it, such as `reset`; `''` when it has none.
   * @example at the top level
   * class Tell extends HttpCallHandler {
   *   onResponse(response: HttpCallResponse): void {}
   *
   *   onFailure(): void {
   *     log.warn(`no answer: ${this.failureReason}`);
   *   }
   * }
   */
  protected get failureReason(): string {
    return callMessage();
  }
}
