/** A plugin that asks services over gRPC what the request's `x-do` header says; for grpc.test.ts. */
import {
  Action, Body, GrpcCall, GrpcCallHandler, GrpcStatus, GrpcStream, GrpcStreamHandler, HeaderMap, HttpFilter, Plugin, Status,
  fromUtf8, log, register, utf8,
} from '@sluice/plugin-sdk';
import { contexts } from '@sluice/plugin-sdk/assembly/dispatch/dispatcher';
import { grpcCalls } from '@sluice/plugin-sdk/assembly/dispatch/pending-grpc';

class Asking extends Plugin {
  /** One stream for all exchanges. */
  audit: GrpcStream = new GrpcStream('auth', 'test.Audit', 'Record');

  createFilter(): HttpFilter {
    return new AskingFilter(this);
  }
}

class AskingFilter extends HttpFilter {
  constructor(private plugin: Asking) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const what = this.request.get('x-do') || '';
    const call = new GrpcCall(this.request.get('x-service') || 'auth', 'test.Judge', 'Ask', utf8(what));
    call.metadata.append('x-key', 'k').append('x-id-bin', 'AAE=');
    call.timeout = 250;
    if (what == 'count') return this.respond(200, null, `${contexts.size},${grpcCalls.size}`);
    if (what == 'cancel') return this.cancelled(call);
    if (what == 'twice') this.callGrpc(call, new Silent());
    if (what == 'stream') return this.talk();
    if (what == 'audit') return this.record();
    if (what == 'many') return this.many(call);
    const status = this.callGrpc(call, new Verdict(this));
    if (status != Status.Ok) return this.respond(500, null, `status ${status}`);
    return what == 'abandon' ? this.respond(204) : this.pause();
  }

  private cancelled(call: GrpcCall): Action {
    const before = call.cancel();
    const sent = this.callGrpc(call, new Verdict(this));
    return this.respond(200, null, `${before},${sent},${call.cancel()},${call.cancel()}`);
  }

  private many(call: GrpcCall): Action {
    let refused = 0;
    for (let i = 0; i < 20; i++) if (this.callGrpc(call, new Silent()) != Status.Ok) refused++;
    return this.respond(200, null, `${refused}`);
  }

  private talk(): Action {
    const stream = new GrpcStream('auth', 'test.Echo', 'Chat');
    const early = stream.send(utf8('too early'));
    const opened = this.openStream(stream, new Chat(this));
    if (opened != Status.Ok) return this.respond(500, null, `status ${opened}`);
    log.info(`${early},${this.openStream(stream, new Chat(this))},${stream.isOpen},${stream.send(utf8('one'))}`);
    return this.pause();
  }

  private record(): Action {
    const audit = this.plugin.audit;
    if (!audit.isOpen) this.plugin.openStream(audit, new Chat(this));
    return this.respond(200, null, `${audit.send(utf8(this.request.get(':path') || ''))}`);
  }
}

class Silent extends GrpcCallHandler {
  onReply(message: Body): void {}

  onFailure(status: GrpcStatus): void {}
}

class Verdict extends GrpcCallHandler {
  private version: string = 'none';

  constructor(private filter: AskingFilter) {
    super();
  }

  onMetadata(metadata: HeaderMap): void {
    this.version = metadata.get('x-version') || 'unknown';
  }

  onReply(message: Body): void {
    this.filter.request.set('x-verdict', `${message.text()} ${message.length} ${this.version}`);
    this.filter.request.set('x-write', `${message.clear()}`);
    this.filter.resumeRequest();
  }

  onTrailers(trailers: HeaderMap): void {
    log.info(`trailers: ${trailers.get('x-detail') || ''}`);
  }

  onFailure(status: GrpcStatus): void {
    log.info(`failed ${status.code} ${status.message}`);
    this.filter.respond(403, null, `${status.code} ${status.message}`);
  }
}

class Chat extends GrpcStreamHandler {
  private said: string = '';

  constructor(private filter: AskingFilter) {
    super();
  }

  onMessage(message: Body, stream: GrpcStream): void {
    const text = fromUtf8(message.bytes());
    this.said += text + ';';
    if (text == 'bye') {
      const results = `${stream.close()},${stream.close()},${stream.send(utf8('late'))},${stream.isOpen}`;
      this.filter.respond(200, null, this.said + results);
    } else if (text == 'last') stream.send(utf8('mine too'), true);
    else stream.send(utf8(text + '!'));
  }

  onClose(status: GrpcStatus): void {
    log.info(`closed ${status.code} ${status.message}`);
    this.filter.respond(200, null, `${this.said}${status.code} ${status.message}`);
  }
}

register((): Plugin => new Asking());
