import {
  Action, Body, Counter, Gauge, Histogram, HttpCall, HttpCallHandler, HttpCallResponse, HttpFilter, LogLevel, Plugin,
  HeaderMap, SharedUpdate, Status, Timer, TimerHandler, fromUtf8, log, properties, register, sharedData, time, utf8,
} from '@sluice/plugin-sdk';

const tries = new Counter('probe_tries');
const level = new Gauge('probe_level');
const sizes = new Histogram('probe_sizes');

/** Properties that both gateways have, with the same meaning. */
const TEXTS: string[] = [
  'request.method', 'request.path', 'request.url_path', 'request.query', 'request.host', 'request.scheme',
  'request.protocol', 'request.headers.x-one', 'request.headers.absent', 'plugin_name', 'no.such.thing',
];

class Probe extends Plugin {
  createFilter(): HttpFilter {
    return new ProbeFilter(this);
  }
}

class Resumption extends TimerHandler {
  constructor(private filter: HttpFilter) {
    super();
  }

  onTimer(timer: Timer): void {
    this.filter.request.set('x-resumed', timer.isActive ? 'too early' : 'by timer');
    this.filter.resumeRequest();
  }
}

class Answer extends HttpCallHandler {
  constructor(private filter: HttpFilter) {
    super();
  }

  onResponse(response: HttpCallResponse): void {
    const called = response.headers.get('x-called');
    this.filter.respond(200, null, `${response.status} ${called ? called : 'absent'} ${response.body.text()}`);
  }

  onFailure(): void {
    this.filter.respond(200, null, 'failed');
  }
}

class Append extends SharedUpdate {
  constructor(private text: string) {
    super();
  }

  apply(old: ArrayBuffer | null): ArrayBuffer {
    return utf8((old ? fromUtf8(old) : '') + this.text);
  }
}

class ProbeFilter extends HttpFilter {
  private what: string = '';

  constructor(private plugin: Probe) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    this.what = this.request.get('x-try') || '';
    if (this.what == 'properties') return this.properties();
    if (this.what == 'shared') return this.shared();
    if (this.what == 'metrics') return this.metrics();
    if (this.what == 'log') return this.logs();
    if (this.what == 'timer') return this.timer();
    if (this.what == 'reset') return this.resetIt();
    if (this.what == 'headers') return this.headers();
    if (this.what.startsWith('call ')) return this.ask(this.what.substring(5));
    if (this.what == 'request body') this.request.remove('content-length');
    return Action.Continue;
  }

  onRequestBody(body: Body, endOfStream: bool): Action {
    if (this.what != 'request body') return Action.Continue;
    if (!endOfStream) return this.pause();
    body.replaceText(`[${body.text()}]`);
    return Action.Continue;
  }

  onRequestTrailers(trailers: HeaderMap): Action {
    if (this.what == 'trailers') trailers.set('x-seen', trailers.get('x-sum') || 'none');
    return Action.Continue;
  }

  onResponseHeaders(endOfStream: bool): Action {
    if (this.what.startsWith('body ')) this.response.remove('content-length');
    if (this.what == 'late') this.response.set('x-late', this.request.get('x-one') || 'gone');
    return Action.Continue;
  }

  onResponseBody(body: Body, endOfStream: bool): Action {
    if (!this.what.startsWith('body ')) return Action.Continue;
    if (!endOfStream) return this.pause();
    const how = this.what.substring(5);
    if (how == 'replace') body.replaceText('new');
    if (how == 'append') body.append(utf8('<'));
    if (how == 'prepend') body.prepend(utf8('>'));
    if (how == 'clear') body.clear();
    if (how == 'drain') body.drain(5);
    if (how == 'splice') body.splice(2, 3, utf8('four'));
    if (how == 'splice at the start') body.splice(0, 3, utf8('four'));
    if (how == 'splice to the end') body.splice(4, 99, utf8('end'));
    if (how == 'part') body.replaceText(fromUtf8(body.bytes(2, 3)) + body.length.toString());
    return Action.Continue;
  }

  onResponseTrailers(trailers: HeaderMap): Action {
    if (this.what == 'trailers') trailers.set('x-sum', 'changed');
    return Action.Continue;
  }

  onLog(): void {
    if (this.what == 'log') log.info(`probe: logged ${properties.integer('response.code')}`);
  }

  private answer(text: string): Action {
    return this.respond(200, null, text);
  }

  private properties(): Action {
    let text = '';
    for (let i = 0; i < TEXTS.length; i++) {
      const value = properties.text(TEXTS[i]);
      text += `${TEXTS[i]}=${value === null ? 'absent' : value}\n`;
    }
    const source = properties.text('source.address') || '';
    text += `source ${source.startsWith('127.0.0.1:')} ${properties.integer('source.port') > 0}\n`;
    text += `mtls ${properties.flag('connection.mtls', true)}\n`;
    text += `headers ${properties.map('request.headers').get('x-one') || 'absent'}\n`;
    const set = properties.set('probe_note', 'kept');
    text += `set ${set} ${properties.text('probe_note') || 'absent'}\n`;
    return this.answer(text);
  }

  private shared(): Action {
    const first = sharedData.get('probe.absent');
    let text = first ? 'there' : 'absent';
    text += ` ${sharedData.set('probe.key', utf8('one'))}`;
    const known = sharedData.get('probe.key');
    if (known) {
      text += ` ${known.text()} ${sharedData.set('probe.key', utf8('two'), known.cas)}`;
      text += ` ${sharedData.set('probe.key', utf8('three'), known.cas) == Status.CasMismatch ? 'mismatch' : 'taken'}`;
    }
    text += ` ${sharedData.update('probe.key', new Append('!'))}`;
    const last = sharedData.get('probe.key');
    text += ` ${last ? last.text() : 'absent'}`;
    const by = sharedData.add('probe.sum', 2);
    return this.answer(text + ` ${by.status} ${sharedData.add('probe.sum', 3).value - by.value}`);
  }

  private metrics(): Action {
    tries.increment();
    tries.increment(4);
    level.set(7);
    level.add(-2);
    sizes.record(100);
    return this.answer(`${tries.value()} ${level.value()}`);
  }

  private logs(): Action {
    log.trace('probe: trace');
    log.debug('probe: debug');
    log.info('probe: info');
    log.warn('probe: warn – “é”');
    log.error('probe: error');
    return this.answer(`${log.enabled(LogLevel.Debug)} ${log.enabled(LogLevel.Info)}`);
  }

  private timer(): Action {
    this.plugin.after(20, new Resumption(this));
    return this.pause();
  }

  private resetIt(): Action {
    this.reset();
    return this.pause();
  }

  private headers(): Action {
    const request = this.request;
    let text = `${request.has('x-one')} ${request.has('x-none')} ${request.get('x-none') === null}`;
    text += ` ${request.getAll('x-two').join('|')} ${request.get(':method')} ${request.get(':path')} ${request.get(':authority')}`;
    text += ` ${request.set('x-one', 'a')} ${request.append('x-one', 'b')} ${request.getAll('x-one').join('|')}`;
    text += ` ${request.remove('x-none')} ${request.remove('x-one')} ${request.has('x-one')}`;
    text += ` ${request.entries().get('x-two') || 'absent'}`;
    const now = time.milliseconds();
    return this.answer(`${text} ${now > 1_700_000_000_000}`);
  }

  private ask(service: string): Action {
    const call = new HttpCall(service, '/called?x=1').header('x-case', 'call');
    call.method = 'POST';
    call.body = utf8('asked');
    const status = this.call(call, new Answer(this));
    return status == Status.Ok ? this.pause() : this.answer(`status ${status}`);
  }
}

register((): Plugin => new Probe());
