/** A plugin that asks a service about requests and on ticks; for callouts.test.ts. */
import {
  Action, HttpCall, HttpCallHandler, HttpCallResponse, HttpFilter, Plugin, Status, log, register, utf8,
} from '@sluice/plugin-sdk';

class Callouts extends Plugin {
  asks: string = '';

  onConfigure(configuration: string): bool {
    this.asks = configuration;
    if (configuration.length) this.setTickPeriod(10);
    return true;
  }

  onTick(): void {
    this.setTickPeriod(0);
    log.info(`tick: ${this.call(new HttpCall(this.asks, '/tick'), new TickAnswer(this))}`);
  }

  createFilter(): HttpFilter {
    return new CalloutsFilter();
  }
}

class TickAnswer extends HttpCallHandler {
  constructor(private plugin: Callouts) {
    super();
  }

  onResponse(response: HttpCallResponse): void {
    log.info(`tick answered ${response.status}: ${response.body.text()}`);
  }

  onFailure(): void {
    log.info(`tick failed: ${this.plugin.asks}`);
  }
}

class CalloutsFilter extends HttpFilter {
  onRequestHeaders(endOfStream: bool): Action {
    const service = this.request.get('x-service');
    return service === null ? Action.Continue : this.ask(new HttpCall(service, '/check?a=b'));
  }

  private ask(call: HttpCall): Action {
    const how = this.request.get('x-how') || '';
    if (how == 'post') {
      call.method = 'POST';
      call.authority = 'auth.internal:8080';
      call.timeout = 250;
      call.body = utf8('the body – é');
      call.header('x-key', 'right').header('x-key', 'too');
    }
    if (how == 'bad') call.method = 'GET it';
    const status = this.call(call, new CheckAnswer(this, how));
    if (status != Status.Ok) return this.respond(500, null, `status ${status}`);
    if (how == 'abandon') return this.respond(204);
    return this.pause();
  }
}

class CheckAnswer extends HttpCallHandler {
  constructor(private filter: CalloutsFilter, private how: string) {
    super();
  }

  onResponse(response: HttpCallResponse): void {
    const filter = this.filter;
    if (this.how == 'again') {
      this.how = '';
      filter.call(new HttpCall('second', '/more'), this);
      return;
    }
    if (response.status != 200) {
      filter.respond(403, null, response.body.text());
      return;
    }
    filter.request.set('x-user', response.headers.get('x-user') || 'nobody');
    filter.request.set('x-headers', response.headers.entries().length.toString());
    filter.request.set('x-write', response.body.append(utf8('no')).toString());
    filter.request.set('x-trailer', response.trailers.get('x-sum') || 'none');
    filter.resumeRequest();
  }

  onFailure(): void {
    log.info('check failed');
    this.filter.respond(503, null, 'no answer');
  }
}

register((): Plugin => new Callouts());
