import { Body } from '../calls/body';
import { HeaderMap } from '../calls/header-map';
import { focus } from '../dispatch/effective';
import { BufferType, MapType, StreamType } from '../types/abi';
import { Action } from '../types/action';
import { HeaderList } from '../types/header-list';
import { Status } from '../types/status';
import { utf8 } from '../types/text';
import { Context } from './context';

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

// @ts-ignore: decorator
@lazy
const requestHeaders = new HeaderMap(MapType.RequestHeaders);
// @ts-ignore: decorator
@lazy
const responseHeaders = new HeaderMap(MapType.ResponseHeaders);
// @ts-ignore: decorator
@lazy
const requestTrailers = new HeaderMap(MapType.RequestTrailers);
// @ts-ignore: decorator
@lazy
const responseTrailers = new HeaderMap(MapType.ResponseTrailers);
// @ts-ignore: decorator
@lazy
const requestBody = new Body(BufferType.RequestBody);
// @ts-ignore: decorator
@lazy
const responseBody = new Body(BufferType.ResponseBody);
/** No such map: what is left of an exchange that has ended. Reads find nothing, writes answer `BadArgument`. */
// @ts-ignore: decorator
@lazy
const goneHeaders = new HeaderMap(<MapType>0xff);
// @ts-ignore: decorator
@lazy
const goneBody = new Body(<BufferType>0xff);

const DERIVE_GRPC_STATUS = -1;

/**
 * A plugin's part in one exchange. Override what you need; the other callbacks let everything pass, and what no class of a
 * plugin overrides costs nothing. The object lives from the first request byte to the log line, so what belongs to one
 * exchange is kept in its fields.
 *
 * Callbacks answer an `Action`. What is paused goes on with `resumeRequest` or `resumeResponse`, from any callback of the
 * plugin, or ends with `respond`; the gateway waits 10 s, then the failure policy of the use decides.
 * @example at the top level
 * class Guard extends HttpFilter {
 *   onRequestHeaders(endOfStream: bool): Action {
 *     if (this.request.get(':method') == 'TRACE') return this.respond(405);
 *     this.request.set('x-guarded', 'yes');
 *     return Action.Continue;
 *   }
 * }
 */
export abstract class HttpFilter extends Context {
  /**
   * The request's headers are here and have not been sent on.
   *
   * `Action.Pause` holds them, and keeps the body from being read, until `resumeRequest`.
   * @param endOfStream there is neither body nor trailers
   * @example at the top level
   * class NoTrace extends HttpFilter {
   *   onRequestHeaders(endOfStream: bool): Action {
   *     return this.request.get(':method') == 'TRACE' ? this.respond(405) : Action.Continue;
   *   }
   * }
   */
  onRequestHeaders(endOfStream: bool): Action {
    return Action.Continue;
  }

  /**
   * A piece of the request's body is here, the last one when `endOfStream`, which may be empty; not called for a request
   * without a body.
   *
   * `Action.Pause` holds what was shown, and shows it again with the next piece; `resumeRequest` lets go of what is held. The
   * headers leave with the first piece that is let go.
   * @example at the top level
   * class Whole extends HttpFilter {
   *   onRequestBody(body: Body, endOfStream: bool): Action {
   *     if (!endOfStream) return this.pause();
   *     return body.text().includes('<script') ? this.respond(400) : Action.Continue;
   *   }
   * }
   */
  onRequestBody(body: Body, endOfStream: bool): Action {
    return Action.Continue;
  }

  /**
   * The request has trailers; they end it. `Action.Pause` holds them, and what is held of the body.
   * @example at the top level
   * class Sum extends HttpFilter {
   *   onRequestTrailers(trailers: HeaderMap): Action {
   *     trailers.remove('x-debug');
   *     return Action.Continue;
   *   }
   * }
   */
  onRequestTrailers(trailers: HeaderMap): Action {
    return Action.Continue;
  }

  /**
   * The response's headers are here, from the upstream or from a local reply, and have not been sent on.
   *
   * `Action.Pause` holds them, and keeps the body from being read, until `resumeResponse`.
   * @param endOfStream there is neither body nor trailers
   * @example at the top level
   * class Hide extends HttpFilter {
   *   onResponseHeaders(endOfStream: bool): Action {
   *     this.response.remove('server');
   *     return Action.Continue;
   *   }
   * }
   */
  onResponseHeaders(endOfStream: bool): Action {
    return Action.Continue;
  }

  /**
   * A piece of the response's body; the headers leave with the first piece that is let go. Actions as of `onRequestBody`, with
   * `resumeResponse`.
   * @example at the top level
   * class Exclaim extends HttpFilter {
   *   onResponseBody(body: Body, endOfStream: bool): Action {
   *     if (endOfStream) body.append(utf8('!'));
   *     return Action.Continue;
   *   }
   * }
   */
  onResponseBody(body: Body, endOfStream: bool): Action {
    return Action.Continue;
  }

  /**
   * The response has trailers; they end it. `Action.Pause` holds them, and what is held of the body.
   * @example at the top level
   * class GrpcLog extends HttpFilter {
   *   onResponseTrailers(trailers: HeaderMap): Action {
   *     log.info(trailers.get('grpc-status') || 'no status');
   *     return Action.Continue;
   *   }
   * }
   */
  onResponseTrailers(trailers: HeaderMap): Action {
    return Action.Continue;
  }

  /**
   * After `onDone`: the place to write a log line; headers and properties can still be read.
   * @example at the top level
   * class Access extends HttpFilter {
   *   onLog(): void {
   *     log.info(`${this.request.get(':path') || ''} ${properties.integer('response.code')}`);
   *   }
   * }
   */
  onLog(): void {}

  /**
   * The request's headers; writable until they have been sent on, readable to the end of the exchange.
   * @example
   * this.request.set('x-user', 'zoe');
   */
  get request(): HeaderMap {
    return focus(this.hostId) ? requestHeaders : goneHeaders;
  }

  /**
   * The response's headers; writable in `onResponseHeaders` and as long as they are held. There are none before.
   * @example
   * if (this.response.integer(':status') >= 500) this.response.set('retry-after', '5');
   */
  get response(): HeaderMap {
    return focus(this.hostId) ? responseHeaders : goneHeaders;
  }

  /**
   * What is held of the request's body, for as long as it is paused; in `onRequestBody` the same as its argument.
   * @example
   * log.info(`${this.requestBody.length} bytes are held`);
   */
  get requestBody(): Body {
    return focus(this.hostId) ? requestBody : goneBody;
  }

  /**
   * What is held of the response's body, for as long as it is paused; in `onResponseBody` the same as its argument.
   * @example
   * this.responseBody.replaceText('nothing to see');
   */
  get responseBody(): Body {
    return focus(this.hostId) ? responseBody : goneBody;
  }

  /**
   * The request's trailers; at the end of a body that has none a write makes them.
   * @example
   * this.requestTrailers.set('x-sum', '7');
   */
  get requestTrailers(): HeaderMap {
    return focus(this.hostId) ? requestTrailers : goneHeaders;
  }

  /**
   * The response's trailers; at the end of a body that has none a write makes them.
   * @example
   * this.responseTrailers.set('x-sum', '7');
   */
  get responseTrailers(): HeaderMap {
    return focus(this.hostId) ? responseTrailers : goneHeaders;
  }

  /**
   * `return this.pause()` holds this direction of the exchange until it is resumed or answered: headers with everything
   * behind them, or of a body what was shown so far.
   * @example
   * if (this.request.has('x-wait')) return this.pause();
   */
  pause(): Action {
    return Action.Pause;
  }

  /**
   * Lets a paused request go on, what is held of its body included. Allowed from any callback, `onTick` and handlers too.
   * `BadArgument` when the exchange has ended; without effect when nothing is paused.
   * @example at the top level
   * class Later extends TimerHandler {
   *   constructor(private filter: HttpFilter) {
   *     super();
   *   }
   *
   *   onTimer(timer: Timer): void {
   *     this.filter.resumeRequest();
   *   }
   * }
   */
  resumeRequest(): Status {
    return focus(this.hostId) ? proxy_continue_stream(StreamType.Request) : Status.BadArgument;
  }

  /**
   * Lets a paused response go on, in the same way.
   * @example
   * if (this.resumeResponse() != Status.Ok) log.info('the client is gone');
   */
  resumeResponse(): Status {
    return focus(this.hostId) ? proxy_continue_stream(StreamType.Response) : Status.BadArgument;
  }

  /**
   * Ends the exchange at once, without an answer: the client sees its connection or stream reset. `BadArgument` when it has
   * ended.
   * @example
   * if (this.request.get('user-agent') == 'attacker') {
   *   this.reset();
   *   return this.pause();
   * }
   */
  reset(): Status {
    return focus(this.hostId) ? proxy_close_stream(StreamType.Request) : Status.BadArgument;
  }

  /**
   * Answers the client in place of the upstream: `return this.respond(401, headers, body)`. The gateway computes
   * content-length. In the request's callbacks nothing goes upstream; in the response's it takes the place of the upstream's
   * answer while the headers have not left, and resets the exchange after that. Only the first answer of an exchange counts.
   *
   * What the host refuses, such as a header that cannot be sent, becomes a bare 500.
   * @param status 200 to 599
   * @param body sent as UTF-8
   * @param details a word for the access log
   * @example
   * if (!this.request.has('authorization')) {
   *   return this.respond(401, new HeaderList().append('www-authenticate', 'Bearer'), 'Who are you?', 'no_token');
   * }
   */
  respond(status: u32, headers: HeaderList | null = null, body: string = '', details: string = ''): Action {
    return this.respondBytes(status, headers, utf8(body), details);
  }

  /**
   * Like `respond`, with the body as bytes.
   * @param grpcStatus for callers that speak gRPC, 0 to 16; -1: what `status` stands for
   * @example
   * return this.respondBytes(429, null, utf8('slow down'), 'quota', GrpcCode.ResourceExhausted);
   */
  respondBytes(
    status: u32, headers: HeaderList | null, body: ArrayBuffer, details: string = '', grpcStatus: i32 = DERIVE_GRPC_STATUS,
  ): Action {
    if (!focus(this.hostId)) return Action.Pause;
    const words = utf8(details);
    const pairs = headers ? headers.serialize() : new ArrayBuffer(0);
    const sent = proxy_send_local_response(
      status,
      changetype<usize>(words), words.byteLength,
      changetype<usize>(body), body.byteLength,
      changetype<usize>(pairs), pairs.byteLength,
      grpcStatus,
    );
    if (sent != Status.Ok) proxy_send_local_response(500, 0, 0, 0, 0, 0, 0, DERIVE_GRPC_STATUS);
    return Action.Pause;
  }

  /** @internal What it asks for at its end goes on without it. */
  hostCaller(): Context {
    const plugin = this.hostPlugin;
    return this.hostEnded && plugin ? plugin : this;
  }
}
