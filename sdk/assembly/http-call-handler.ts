import { HttpCallResponse } from './http-call-response';

/**
 * What happens when a call has been answered. A class, because AssemblyScript has no closures: what the handler needs,
 * such as its filter, goes into its fields. Exactly one of the two methods is called, once, for each call that was sent;
 * by then the exchange may be over, and what is asked of its filter has no effect.
 */
export abstract class HttpCallHandler {
  /** The service has answered, whatever the status. */
  abstract onResponse(response: HttpCallResponse): void;

  /** There is no answer: no connection, a broken one, time is up, or the exchange has ended. */
  abstract onFailure(): void;
}
