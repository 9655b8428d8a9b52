import { Body } from './body';
import { Context } from './context';
import { focus } from './effective';
import { HeaderList } from './header-list';
import { HeaderMap } from './header-map';
import { utf8 } from './memory';
import { Action, BufferType, MapType, Status, StreamType } from './types';

// @ts-ignore: decorator
@external('env', 'proxy_continue_stream')
declare function proxy_continue_stream(type: StreamType): Status;
// @ts-ignore: decorator
@external('env', 'proxy_close_stream')
declare function proxy_close_stream(type: StreamType): Status;
// @ts-ignore: decorator
@external('env', 'proxy_send_local_response')
declare function proxy_send_local_response(
  status: u32, details: usize, detailsSize: i32, body: usize, bodySize: i32, headers: usize, headersSize: i32, grpcStatus: i32,
): Status;

const requestHeaders = new HeaderMap(MapType.RequestHeaders);
const responseHeaders = new HeaderMap(MapType.ResponseHeaders);
const requestTrailers = new HeaderMap(MapType.RequestTrailers);
const responseTrailers = new HeaderMap(MapType.ResponseTrailers);
const requestBody = new Body(BufferType.RequestBody);
const responseBody = new Body(BufferType.ResponseBody);
/** No such map: what is left of an exchange that has ended. Reads find nothing, writes answer `BadArgument`. */
const goneHeaders = new HeaderMap(<MapType>0xff);
const goneBody = new Body(<BufferType>0xff);
const DERIVE_GRPC_STATUS = -1;

/**
 * A plugin's part in one exchange. Override what you need; the other callbacks let everything pass. The object lives from
 * the first request byte to the log line, so what belongs to one exchange is kept in its fields.
 */
export abstract class HttpFilter extends Context {
  /** The request's headers are here and have not been sent on. */
  onRequestHeaders(endOfStream: bool): Action {
    return Action.Continue;
  }

  /**
   * A piece of the request's body is here, the last one when `endOfStream`, which may be empty; not called for a request
   * without a body. Needs `export * from '@sluice/plugin-sdk/exports/request-body'`, as the next three need theirs.
   */
  onRequestBody(body: Body, endOfStream: bool): Action {
    return Action.Continue;
  }

  /** The request has trailers; they end it. */
  onRequestTrailers(trailers: HeaderMap): Action {
    return Action.Continue;
  }

  /** The response's headers are here, from the upstream or from a local reply, and have not been sent on. */
  onResponseHeaders(endOfStream: bool): Action {
    return Action.Continue;
  }

  /** A piece of the response's body; the headers leave with the first piece that is let go. */
  onResponseBody(body: Body, endOfStream: bool): Action {
    return Action.Continue;
  }

  /** The response has trailers; they end it. */
  onResponseTrailers(trailers: HeaderMap): Action {
    return Action.Continue;
  }

  /** The exchange has ended, whatever happened before. */
  onDone(): void {}

  /** After `onDone`: the place to write a log line; headers and properties can still be read. */
  onLog(): void {}

  /** The request's headers; writable until they have been sent on. */
  get request(): HeaderMap {
    return focus(this.contextId) ? requestHeaders : goneHeaders;
  }

  /** The response's headers; writable in `onResponseHeaders`. */
  get response(): HeaderMap {
    return focus(this.contextId) ? responseHeaders : goneHeaders;
  }

  /** What is held of the request's body, for as long as it is paused; in `onRequestBody` the same as its argument. */
  get requestBody(): Body {
    return focus(this.contextId) ? requestBody : goneBody;
  }

  get responseBody(): Body {
    return focus(this.contextId) ? responseBody : goneBody;
  }

  /** The request's trailers; at the end of a body that has none a write makes them. */
  get requestTrailers(): HeaderMap {
    return focus(this.contextId) ? requestTrailers : goneHeaders;
  }

  get responseTrailers(): HeaderMap {
    return focus(this.contextId) ? responseTrailers : goneHeaders;
  }

  /** `return this.pause()` holds this direction of the exchange until it is resumed or answered. */
  pause(): Action {
    return Action.Pause;
  }

  /** Lets a paused request go on, what is held of its body included. Allowed from any callback, `onTick` and handlers too. */
  resumeRequest(): Status {
    return focus(this.contextId) ? proxy_continue_stream(StreamType.Request) : Status.BadArgument;
  }

  resumeResponse(): Status {
    return focus(this.contextId) ? proxy_continue_stream(StreamType.Response) : Status.BadArgument;
  }

  /** Ends the exchange at once, without an answer. */
  reset(): Status {
    return focus(this.contextId) ? proxy_close_stream(StreamType.Request) : Status.BadArgument;
  }

  /**
   * Answers the client in place of the upstream: `return this.respond(401, headers, body)`. The gateway computes
   * content-length.
   * @param status 200 to 599
   * @param body sent as UTF-8
   * @param details a word for the access log
   */
  respond(status: u32, headers: HeaderList | null = null, body: string = '', details: string = ''): Action {
    if (!focus(this.contextId)) return Action.Pause;
    const bodyBytes = utf8(body);
    const detailsBytes = utf8(details);
    const pairs = headers ? headers.serialize() : new ArrayBuffer(0);
    proxy_send_local_response(
      status,
      changetype<usize>(detailsBytes), detailsBytes.byteLength,
      changetype<usize>(bodyBytes), bodyBytes.byteLength,
      changetype<usize>(pairs), pairs.byteLength,
      DERIVE_GRPC_STATUS,
    );
    return Action.Pause;
  }
}
