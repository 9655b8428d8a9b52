import { Body } from '../calls/body';
import { GrpcCall } from '../calls/grpc-call';
import { GrpcStream } from '../calls/grpc-stream';
import { HttpCall } from '../calls/http-call';
import { focus } from '../dispatch/effective';
import { Numbered } from '../dispatch/numbered';
import { PendingCall } from '../dispatch/pending-call';
import { Status } from '../types/status';
import { GrpcCallHandler } from './grpc-call-handler';
import { GrpcStreamHandler } from './grpc-stream-handler';
import { HttpCallHandler } from './http-call-handler';

// @ts-ignore: decorator
@external('env', 'proxy_done')
declare function proxy_done(): Status;

/**
 * What plugins and filters have in common. Names that begin with `host` are the SDK's own.
 * @example at the top level
 * class Greeting extends HttpFilter {
 *   onResponseHeaders(endOfStream: bool): Action {
 *     this.response.set('x-hello', 'world');
 *     return Action.Continue;
 *   }
 * }
 */
export abstract class Context extends Numbered {
  /** @internal The calls it has under way. */
  hostCalls: PendingCall | null = null;
  /** @internal Of a filter, its plugin; null: it is a plugin itself. */
  hostPlugin: Context | null = null;
  /** @internal Its end has begun. */
  hostEnded: bool = false;
  /** @internal It has asked for time at its end. */
  hostDeferred: bool = false;

  /**
   * The end: of a filter, its exchange has ended, whatever happened before; of a plugin, its configuration was replaced, or
   * the gateway stops. What the plugin still wants to send is sent now, or after `deferDone`.
   * @example at the top level
   * class Timed extends HttpFilter {
   *   private started: u64 = time.nanoseconds();
   *
   *   onDone(): void {
   *     log.info(`${(time.nanoseconds() - this.started) / 1000} µs`);
   *   }
   * }
   */
  onDone(): void {}

  /**
   * In `onDone`: puts the end off until `done()`, for what has to be waited for. The gateway waits 5 s at most.
   * @example at the top level
   * class Last extends Plugin {
   *   onDone(): void {
   *     if (this.call(new HttpCall('log-service', '/bye'), new LastWord(this)) == Status.Ok) this.deferDone();
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new LastFilter();
   *   }
   * }
   *
   * class LastFilter extends HttpFilter {}
   *
   * class LastWord extends HttpCallHandler {
   *   constructor(private plugin: Plugin) {
   *     super();
   *   }
   *
   *   onResponse(response: HttpCallResponse): void {
   *     this.plugin.done();
   *   }
   *
   *   onFailure(): void {
   *     this.plugin.done();
   *   }
   * }
   */
  deferDone(): void {
    this.hostDeferred = true;
  }

  /**
   * Ends what `deferDone` has put off; `NotFound` when nothing was.
   * @example
   * this.done();
   */
  done(): Status {
    return focus(this.hostId) ? proxy_done() : Status.NotFound;
  }

  /**
   * The host calls the plugin by itself, with a number and bytes that both sides have agreed on. Our gateway never does.
   * @example at the top level
   * class Callee extends Plugin {
   *   onForeignFunction(id: u32, argument: Body): void {
   *     log.info(`${id}: ${argument.text()}`);
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new CalleeFilter();
   *   }
   * }
   *
   * class CalleeFilter extends HttpFilter {}
   */
  onForeignFunction(id: u32, argument: Body): void {}

  /**
   * Makes `properties`, `foreign` and whatever else names no exchange be about this one until the callback ends; false when
   * it has ended. What is asked of a filter itself needs this not. Several filters of different exchanges meet in timers and
   * queues, for instance.
   * @example at the top level
   * class Late extends TimerHandler {
   *   constructor(private filter: HttpFilter) {
   *     super();
   *   }
   *
   *   onTimer(timer: Timer): void {
   *     if (this.filter.activate()) log.warn(`slow: ${properties.text('request.path') || ''}`);
   *   }
   * }
   */
  activate(): bool {
    return focus(this.hostId);
  }

  /**
   * Sends a request to a service of the tenant; the handler learns what came of it, never before this callback has
   * ended. Any status but `Ok` means that nothing was sent and the handler will not be called: `BadArgument` for a
   * service that is unknown or not allowed, or a request that cannot be sent; `InternalFailure` for too many at once.
   *
   * A filter's call ends with its exchange. To let the exchange wait for the answer, `return this.pause()`, and have the
   * handler resume or answer it. A plugin's call, and one that a filter makes in `onDone` or `onLog`, belongs to no exchange.
   * @example at the top level
   * class Fetched extends HttpCallHandler {
   *   constructor(private filter: HttpFilter) {
   *     super();
   *   }
   *
   *   onResponse(response: HttpCallResponse): void {
   *     this.filter.request.set('x-user', response.headers.get('x-user') || 'nobody');
   *     this.filter.resumeRequest();
   *   }
   *
   *   onFailure(): void {
   *     this.filter.respond(503);
   *   }
   * }
   *
   * class Fetch extends HttpFilter {
   *   onRequestHeaders(endOfStream: bool): Action {
   *     const status = this.call(new HttpCall('user-service', '/me'), new Fetched(this));
   *     return status == Status.Ok ? this.pause() : this.respond(500);
   *   }
   * }
   */
  call(call: HttpCall, handler: HttpCallHandler): Status {
    const caller = this.hostCaller();
    return focus(caller.hostId) ? call.send(caller, handler) : Status.BadArgument;
  }

  /**
   * Makes a unary gRPC call; as `call`, but `ParseFailure` for a service that is unknown or not allowed, or names or metadata
   * that cannot be sent.
   * @example at the top level
   * class Checked extends GrpcCallHandler {
   *   constructor(private filter: HttpFilter) {
   *     super();
   *   }
   *
   *   onReply(message: Body): void {
   *     this.filter.resumeRequest();
   *   }
   *
   *   onFailure(status: GrpcStatus): void {
   *     this.filter.respond(403);
   *   }
   * }
   *
   * class Check extends HttpFilter {
   *   onRequestHeaders(endOfStream: bool): Action {
   *     const call = new GrpcCall('auth', 'test.Auth', 'Check', utf8('request'));
   *     return this.callGrpc(call, new Checked(this)) == Status.Ok ? this.pause() : this.respond(500);
   *   }
   * }
   */
  callGrpc(call: GrpcCall, handler: GrpcCallHandler): Status {
    const caller = this.hostCaller();
    return focus(caller.hostId) ? call.send(caller, handler) : Status.BadArgument;
  }

  /**
   * Opens a gRPC stream; statuses as of `callGrpc`, and `BadArgument` for one that is open. Messages may be sent at once.
   * @example at the top level
   * class Notices extends GrpcStreamHandler {
   *   onMessage(message: Body, stream: GrpcStream): void {
   *     log.info(message.text());
   *   }
   *
   *   onClose(status: GrpcStatus): void {}
   * }
   *
   * class Subscriber extends Plugin {
   *   onConfigure(configuration: string): bool {
   *     const stream = new GrpcStream('notices', 'test.Notices', 'Watch');
   *     if (this.openStream(stream, new Notices()) == Status.Ok) stream.send(utf8('all'), true);
   *     return true;
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new SubscriberFilter();
   *   }
   * }
   *
   * class SubscriberFilter extends HttpFilter {}
   */
  openStream(stream: GrpcStream, handler: GrpcStreamHandler): Status {
    const caller = this.hostCaller();
    return focus(caller.hostId) ? stream.open(caller, handler) : Status.BadArgument;
  }

  /** @internal Whose the calls are that it makes now. */
  hostCaller(): Context {
    return this;
  }
}
