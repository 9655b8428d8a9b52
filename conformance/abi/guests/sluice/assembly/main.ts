// The scenarios of scenarios.ts with the SDK of this repository.
import {
  Action,
  Body,
  Counter,
  Gauge,
  HeaderList,
  HeaderMap,
  Histogram,
  HttpCall,
  HttpCallHandler,
  HttpCallResponse,
  HttpFilter,
  log,
  Plugin,
  properties,
  register,
  sharedData,
  Status,
} from '@sluice/plugin-sdk';

const counter = new Counter('guest_counter');
const gauge = new Gauge('guest_gauge');
const histogram = new Histogram('guest_histogram');

class Answer extends HttpCallHandler {
  constructor(private filter: Scenario) {
    super();
  }

  onResponse(response: HttpCallResponse): void {
    const answer = response.headers.get('x-callout') || '';
    if (this.filter.name == 'callout-reply') {
      this.filter.respond(401, null, response.body.text());
      return;
    }
    this.filter.request.set('x-called', `${response.status} ${answer} ${response.body.text()}`);
    this.filter.resumeRequest();
  }

  onFailure(): void {
    this.filter.respond(500, null, 'failed');
  }
}

class Scenario extends HttpFilter {
  name: string = '';

  constructor(private plugin: Guest) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    this.name = this.request.get('x-scenario') || '';
    const name = this.name;
    if (name == 'headers') this.editRequest();
    else if (name == 'pairs') {
      const all = this.request.entries();
      this.request.set('x-count', all.length.toString());
    } else if (name == 'local-headers') return this.answer('headers');
    else if (name == 'config') return this.respond(200, null, this.plugin.configuration);
    else if (name == 'shared') return this.respond(200, null, sharedData.add('count', 1).value.toString());
    else if (name == 'callout' || name == 'callout-reply') return this.callOut('echo');
    else if (name == 'callout-refused') return this.callOut('nowhere');
    else if (name == 'metrics') this.measure();
    else if (name == 'property') this.readProperties();
    else if (name == 'log') this.logAll();
    else if (name == 'panic') throw new Error('panic as told');
    return Action.Continue;
  }

  onRequestBody(body: Body, endOfStream: bool): Action {
    if (this.name == 'local-body') return this.answer('body');
    if (this.name != 'body') return Action.Continue;
    if (!endOfStream) return this.pause();
    body.replaceText(`rewritten:${body.text()}`);
    return Action.Continue;
  }

  onRequestTrailers(trailers: HeaderMap): Action {
    if (this.name == 'trailers') trailers.append('x-guest-trailer', trailers.get('x-trailer') || '');
    return Action.Continue;
  }

  onResponseHeaders(endOfStream: bool): Action {
    if (this.name == 'headers') {
      this.response.set('x-up', 'changed');
      this.response.append('x-resp', '1');
      this.response.remove('x-two');
    } else if (this.name == 'local-response') return this.answer('response');
    else if (this.name == 'property') {
      this.response.set('x-prop-code', properties.integer('response.code', -1).toString());
    }
    return Action.Continue;
  }

  onResponseBody(body: Body, endOfStream: bool): Action {
    if (this.name != 'body') return Action.Continue;
    if (!endOfStream) return this.pause();
    body.replaceText(`rewritten:${body.text()}`);
    return Action.Continue;
  }

  onResponseTrailers(trailers: HeaderMap): Action {
    if (this.name == 'trailers') trailers.append('x-guest-tail', trailers.get('x-tail') || '');
    return Action.Continue;
  }

  onLog(): void {
    if (this.name == 'log') log.info(`abi logged ${this.response.get(':status') || ''}`);
  }

  private editRequest(): void {
    this.request.append('x-added', '1');
    this.request.append('x-added', '2');
    this.request.set('x-replace', 'new');
    this.request.remove('x-remove');
  }

  private answer(phase: string): Action {
    const headers = new HeaderList();
    headers.append('x-local', phase);
    return this.respond(403, headers, `local ${phase}`, 'abi_local');
  }

  private callOut(service: string): Action {
    const call = new HttpCall(service, '/callout');
    if (this.call(call, new Answer(this)) != Status.Ok) return this.respond(500, null, 'refused');
    return this.pause();
  }

  private measure(): void {
    counter.increment(2);
    gauge.set(7);
    histogram.record(5);
  }

  private readProperties(): void {
    this.request.set('x-prop-method', properties.text('request.method') || '');
    properties.set('abi.guest', 'set');
    this.request.set('x-prop-set', properties.text('abi.guest') || '');
    this.request.set('x-prop-absent', properties.text('no.such.thing') === null ? 'absent' : 'there');
  }

  private logAll(): void {
    log.trace('abi trace line');
    log.debug('abi debug line');
    log.info('abi info line');
    log.warn('abi warn line');
    log.error('abi error line');
  }
}

class Guest extends Plugin {
  configuration: string = '';
  private ticks: i32 = 0;

  onConfigure(configuration: string): bool {
    this.configuration = configuration;
    this.setTickPeriod(50);
    return true;
  }

  onTick(): void {
    if (this.ticks < 3) log.info('abi tick');
    this.ticks++;
  }

  createFilter(): HttpFilter {
    return new Scenario(this);
  }
}

register((): Plugin => new Guest());
