/** A plugin that does what the request's `x-do` header says and answers with what came out; for sdk.test.ts. */
import {
  Action, Counter, Gauge, HeaderList, Histogram, HttpFilter, Plugin, Status,
  fromUtf8, log, LogLevel, properties, registerAs, register, sharedData, SharedUpdate, time, utf8,
} from '@sluice/plugin-sdk';

const hits = new Counter('hits');
const level = new Gauge('level');
const sizes = new Histogram('sizes');

class Probe extends Plugin {
  waiting: ProbeFilter | null = null;

  onConfigure(configuration: string): bool {
    if (configuration == 'refuse') return this.refuse('refused as asked');
    return this.setTickPeriod(10) == Status.Ok;
  }

  onTick(): void {
    const waiting = this.waiting;
    if (!waiting) return;
    this.waiting = null;
    waiting.request.set('x-resumed', 'by tick');
    waiting.resumeRequest();
  }

  createFilter(): HttpFilter {
    return new ProbeFilter(this);
  }
}

class ProbeFilter extends HttpFilter {
  constructor(private plugin: Probe) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const what = this.request.get('x-do');
    if (what === null) return Action.Continue;
    if (what == 'pause') {
      this.plugin.waiting = this;
      return this.pause();
    }
    if (what == 'reset') {
      this.reset();
      return this.pause();
    }
    if (what == 'headers') return this.headers();
    if (what == 'lists') return this.lists();
    if (what == 'numbers') return this.numbers();
    if (what == 'properties') return this.properties();
    if (what == 'kept') return this.kept();
    if (what == 'shared') return this.shared();
    if (what == 'metrics') return this.metrics();
    if (what == 'log') return this.logs();
    if (what == 'time') return this.answer((time.milliseconds() / 1000).toString());
    if (what == 'index') return this.answer(what.charAt(0) + new Array<string>(0)[3]);
    if (what == 'loop') while (true) hits.value();
    throw new Error('no such thing: ' + what + ' – “é”');
  }

  onResponseHeaders(endOfStream: bool): Action {
    this.response.set('x-seen', this.response.get(':status') || 'no status');
    return Action.Continue;
  }

  onDone(): void {
    properties.set('probe.done', 'yes');
  }

  onLog(): void {
    if (this.request.has('x-log')) {
      const done = properties.text('probe.done') || 'no';
      log.info(`log: ${this.request.get(':path') || ''}, done: ${done}, code: ${properties.integer('response.code')}`);
    }
  }

  private answer(body: string): Action {
    return this.respond(200, new HeaderList().append('content-type', 'text/plain'), body, 'probe');
  }

  private headers(): Action {
    const request = this.request;
    const results: Status[] = [
      request.set('x-new', 'v1'),
      request.append('x-new', 'v2'),
      request.append('x-bad', 'a\r\nb: c'),
      request.set('x-bad', 'ab\u0100'),
      request.setBytes(utf8('x-bad'), utf8('a\0b')),
      request.remove('x-absent'),
      this.response.set('x-early', '1'),
    ];
    let body = results.join(',');
    body += `|${request.getAll('X-New').join(',')}|${request.getAll('x-absent').length}|${request.has('x-bad')}`;
    body += `|${request.get('x-absent') === null}|${request.get('x-empty') == ''}|${request.has('x-empty')}`;
    const bytes = request.getBytes(utf8('x-bytes'));
    body += `|${bytes ? Uint8Array.wrap(bytes).join(',') : 'none'}`;
    request.replaceAll(new HeaderList().append('only', 'this').append('only', '\u00e9'));
    const list = request.entries();
    for (let i = 0; i < list.length; i++) body += `|${list.nameAt(i)}=${list.valueAt(i)}`;
    return this.answer(body + '|' + (list.get('only') || '') + (list.get('none') || '-'));
  }

  private lists(): Action {
    const list = new HeaderList().append('Set-Cookie', 'a=1').append('x', '').append('set-cookie', 'b=2');
    let body = `${list.length},${list.getAll('SET-COOKIE').join('+')},${list.has('X')},${list.get('x') == ''}`;
    body += `,${list.nameAt(3)}${list.valueAt(-1)},${list.getAll('none').length},${list.get('none') === null}`;
    return this.answer(`${body},${fromUtf8(utf8('größe – 😀'))}`);
  }

  private numbers(): Action {
    const request = this.request;
    const texts = ['0', '-17', '007', '999999999999999999', '9999999999999999999', '', '-', '1 ', '+1', '1e3', '0x1', '\u00b2'];
    let body = `${request.integer('x-absent', 5)}`;
    for (let i = 0; i < texts.length; i++) {
      request.set('x-number', texts[i]);
      body += `,${request.integer('x-number', -1)}`;
    }
    request.setInteger('x-number', i64.MIN_VALUE);
    body += `,${request.get('x-number') || ''},${request.hasBytes(utf8('x-number'))},${request.hasBytes(utf8('x-absent'))}`;
    return this.answer(body);
  }

  private kept(): Action {
    const statuses: Status[] = [
      properties.setInteger('kept.integer', -3),
      properties.setFloat('kept.float', 0.25),
      properties.setFlag('kept.flag', true),
    ];
    const bytes = properties.bytes('kept.flag');
    return this.answer(
      `${statuses.join('')},${properties.integer('kept.integer')},${properties.float('kept.float')},` +
        `${properties.flag('kept.flag')},${properties.flag('kept.float', true)},${bytes ? bytes.byteLength : 0}`,
    );
  }

  private properties(): Action {
    const missing = properties.text('request.nothing');
    let body = `${properties.text('request.method') || ''}|${missing === null}|${properties.integer('source.port')}`;
    body += `|${properties.flag('connection.mtls', true)}|${properties.integer('request.path', -1)}`;
    body += `|${properties.map('request.headers').get('x-do') || ''}|${properties.set('a\0b.c', 'dotted')}`;
    return this.answer(body + `|${properties.text('a\0b.c') || ''}|${properties.float('none', 1.5)}`);
  }

  private shared(): Action {
    const sum = sharedData.add('count', 2);
    const stale = sharedData.set('count', utf8('x'), 0x7fffffff);
    sharedData.update('words', new AppendWord(sum.value.toString()));
    const words = sharedData.get('words');
    const none = sharedData.get('none');
    return this.answer(`${sum.status},${sum.value},${stale},${words ? words.text() : ''},${none === null}`);
  }

  private metrics(): Action {
    hits.increment();
    hits.increment(4);
    level.set(7);
    level.add(-9);
    return this.answer(`${hits.value()},${level.value()},${sizes.record(300)}`);
  }

  private logs(): Action {
    log.trace('at trace');
    log.debug('at debug – é');
    log.info('at info');
    log.warn('at warn');
    log.error('at error');
    return this.answer(log.enabled(LogLevel.Trace) ? 'all' : 'some');
  }
}

class AppendWord extends SharedUpdate {
  constructor(private word: string) {
    super();
  }

  apply(old: ArrayBuffer | null): ArrayBuffer {
    return utf8((old ? String.UTF8.decode(old) + ' ' : '') + this.word);
  }
}

registerAs('other', (): Plugin => {
  throw new Error('this root id was not asked for');
});
register((): Plugin => new Probe());
