/** A plugin that uses whatever leaves something to be collected or forgotten; for memory.test.ts. */
import {
  Action, Body, Counter, Gauge, GrpcCall, GrpcCallHandler, GrpcStatus, HttpCall, HttpCallHandler, HttpCallResponse, HttpFilter,
  Plugin, Status, Timer, TimerHandler, log, properties, register, sharedData, utf8,
} from '@sluice/plugin-sdk';
import { contexts } from '@sluice/plugin-sdk/assembly/dispatch/dispatcher';
import { grpcCalls } from '@sluice/plugin-sdk/assembly/dispatch/pending-grpc';
import { httpCalls } from '@sluice/plugin-sdk/assembly/dispatch/pending-http-call';

const seen = new Counter('seen');
const failed = new Counter('failed');

class Busy extends Plugin {
  createFilter(): HttpFilter {
    return new BusyFilter(this);
  }
}

class BusyFilter extends HttpFilter {
  private timer: Timer | null = null;
  private notes: string[] = [];

  constructor(private plugin: Busy) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const what = this.request.get('x-do') || '';
    if (what == 'sizes') return this.sizes();
    seen.increment();
    const visits = sharedData.add('visits', 1);
    this.notes.push(`${visits.value} ${properties.text('request.path') || ''} ${this.request.entries().length}`);
    this.request.set('x-note', this.notes[0]);
    properties.set('busy.note', this.notes[0]);
    this.timer = this.plugin.after(60_000, new Late(this));
    if (what == 'http') return this.asked(this.call(new HttpCall('service', '/check').header('x-key', 'k'), new Answer(this)));
    if (what == 'grpc') return this.asked(this.callGrpc(new GrpcCall('service', 'test.S', 'M', utf8(what)), new Reply(this)));
    if (what != 'abandon') return Action.Continue;
    this.call(new HttpCall('silent', '/'), new Answer(this));
    this.callGrpc(new GrpcCall('silent', 'test.S', 'M', utf8('')), new Reply(this));
    return this.respond(204);
  }

  onRequestBody(body: Body, endOfStream: bool): Action {
    if (!endOfStream) return this.pause();
    body.replaceText(body.text().toUpperCase());
    return Action.Continue;
  }

  onResponseHeaders(endOfStream: bool): Action {
    this.response.append('x-notes', this.notes.join(';'));
    return Action.Continue;
  }

  onLog(): void {
    const timer = this.timer;
    if (timer) timer.cancel();
    log.info(`${this.request.get(':path') || ''} ${properties.integer('response.code')}`);
  }

  private asked(status: Status): Action {
    if (status == Status.Ok) return this.pause();
    failed.increment();
    return Action.Continue;
  }

  private sizes(): Action {
    new Gauge('contexts').set(contexts.size);
    new Gauge('http_calls').set(httpCalls.size);
    new Gauge('grpc_calls').set(grpcCalls.size);
    return this.respond(204);
  }
}

class Late extends TimerHandler {
  constructor(private filter: BusyFilter) {
    super();
  }

  onTimer(timer: Timer): void {
    this.filter.reset();
  }
}

class Answer extends HttpCallHandler {
  constructor(private filter: BusyFilter) {
    super();
  }

  onResponse(response: HttpCallResponse): void {
    this.filter.request.set('x-user', `${response.headers.get('x-user') || ''} ${response.body.text()}`);
    this.filter.resumeRequest();
  }

  onFailure(): void {
    failed.increment();
  }
}

class Reply extends GrpcCallHandler {
  constructor(private filter: BusyFilter) {
    super();
  }

  onReply(message: Body): void {
    this.filter.request.set('x-user', message.text());
    this.filter.resumeRequest();
  }

  onFailure(status: GrpcStatus): void {
    failed.increment();
  }
}

register((): Plugin => new Busy());
