/** A plugin with timers, queues, foreign functions and second thoughts at its end; for background.test.ts. */
import {
  Action, Context, HttpCall, HttpCallHandler, HttpCallResponse, HttpFilter, Plugin, SharedQueue, Status, Timer, TimerHandler,
  foreign, fromUtf8, log, properties, random, register, time, utf8,
} from '@sluice/plugin-sdk';

class Background extends Plugin {
  waiting: HttpFilter | null = null;

  onConfigure(configuration: string): bool {
    if (configuration == 'queue') {
      const jobs = SharedQueue.register('jobs');
      if (jobs) log.info(`jobs: ${jobs.id != 0}`);
    }
    if (configuration == 'timers') this.start();
    if (configuration == 'many') this.many();
    return true;
  }

  private start(): void {
    log.info(`period ${this.setTickPeriod(40)}`);
    const once = this.after(100, new Say('once'));
    this.every(30, new Say('often', 3));
    this.after(35, new Say('never')).cancel();
    this.after(70, new Chain(this));
    log.info(`active ${once.isActive}`);
    once.cancel();
    once.cancel();
    log.info(`cancelled ${once.isActive}`);
    this.after(100, new Say('late'));
  }

  /** Timers with delays that jump about, every third of which is cancelled. */
  private many(): void {
    const timers: Timer[] = [];
    for (let i = 0; i < 600; i++) {
      const delay = 10 + ((i * 7919) % 1000);
      timers.push(this.after(delay, new InTurn(delay)));
    }
    for (let i = 0; i < timers.length; i += 3) timers[i].cancel();
    this.after(2000, new Tally());
  }

  onTick(): void {
    log.info(`tick ${time.milliseconds() % 100_000}`);
    if (time.milliseconds() % 100_000 == 120) this.setTickPeriod(0);
  }

  onQueueReady(queue: SharedQueue): void {
    const job = queue.dequeue();
    log.info(job ? `job: ${fromUtf8(job)}` : 'no job');
  }

  onDone(): void {
    log.info('plugin done');
  }

  createFilter(): HttpFilter {
    return new BackgroundFilter(this);
  }
}

class Say extends TimerHandler {
  constructor(private word: string, private times: i32 = 1) {
    super();
  }

  onTimer(timer: Timer): void {
    log.info(`${this.word} ${time.milliseconds() % 100_000}`);
    if (--this.times == 0) timer.cancel();
  }
}

let fired = 0;
let last = 0;
let disorder = 0;

class InTurn extends TimerHandler {
  constructor(private delay: i32) {
    super();
  }

  onTimer(timer: Timer): void {
    fired++;
    if (this.delay < last) disorder++;
    last = this.delay;
  }
}

class Tally extends TimerHandler {
  onTimer(timer: Timer): void {
    log.info(`${fired} fired, ${disorder} in disorder`);
  }
}

/** A timer that starts another one, sooner than all that are waiting. */
class Chain extends TimerHandler {
  constructor(private plugin: Plugin) {
    super();
  }

  onTimer(timer: Timer): void {
    log.info(`chain ${timer.isActive}`);
    this.plugin.after(10, new Say('soon'));
  }
}

class BackgroundFilter extends HttpFilter {
  private what: string = '';

  constructor(private plugin: Background) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    this.what = this.request.get('x-do') || '';
    if (this.what == 'wait') return this.wait();
    if (this.what == 'enqueue') return this.enqueue();
    if (this.what == 'foreign') return this.foreign();
    if (this.what == 'random') return this.random();
    if (this.what == 'informational') return this.respond(100);
    return Action.Continue;
  }

  onDone(): void {
    if (this.what != 'defer') return;
    this.deferDone();
    this.plugin.after(50, new Finish(this));
  }

  onLog(): void {
    if (this.what == 'defer') log.info(`log of ${this.request.get(':path') || 'none'}`);
    if (this.what == 'ship') log.info(`ship ${this.call(new HttpCall('logs', '/line'), new Shipped(this))}`);
  }

  private wait(): Action {
    this.plugin.after(100, new Resume(this));
    return this.pause();
  }

  private enqueue(): Action {
    const mine = SharedQueue.find('jobs');
    const other = SharedQueue.find('inbox', 'other');
    const status = mine ? mine.enqueue(utf8('from an exchange')) : Status.NotFound;
    const sent = other ? other.enqueue(utf8('to another')) : Status.NotFound;
    const taken = other ? other.dequeue() : null;
    return this.respond(200, null, `${status},${sent},${taken ? fromUtf8(taken) : ''},${SharedQueue.find('none') === null}`);
  }

  private foreign(): Action {
    const greeting = foreign.call('greet', utf8('zoë'));
    const nothing = foreign.call('greet');
    const unknown = foreign.call('unknown');
    const packed = foreign.call('compress', utf8('a'.repeat(1000)));
    const plain = foreign.call('uncompress', packed.bytes);
    return this.respond(
      200, null,
      `${greeting.status},${fromUtf8(greeting.bytes)},${nothing.status},${unknown.status},${unknown.bytes.byteLength},` +
        `${packed.bytes.byteLength < 100},${fromUtf8(plain.bytes).length}`,
    );
  }

  private random(): Action {
    const some = random.bytes(100_000);
    let zeros = 0;
    if (some) for (let i = 0; i < some.byteLength; i++) if (load<u8>(changetype<usize>(some) + i) == 0) zeros++;
    let most: u32 = 0;
    for (let i = 0; i < 1000; i++) most = max(most, random.below(7));
    return this.respond(200, null, `${zeros > 200 && zeros < 800},${random.number() != random.number()},${most},${random.below(0)},${random.bytes(-1) === null}`);
  }
}

class Resume extends TimerHandler {
  constructor(private filter: BackgroundFilter) {
    super();
  }

  onTimer(timer: Timer): void {
    const before = properties.text('request.path') === null;
    this.filter.request.set('x-seen', `${before} ${this.filter.activate()} ${properties.text('request.path') || ''}`);
    this.filter.resumeRequest();
  }
}

class Finish extends TimerHandler {
  constructor(private context: Context) {
    super();
  }

  onTimer(timer: Timer): void {
    log.info(`finish ${this.context.done()}`);
  }
}

class Shipped extends HttpCallHandler {
  constructor(private filter: HttpFilter) {
    super();
  }

  onResponse(response: HttpCallResponse): void {
    log.info(`shipped ${response.status}, filter alive: ${this.filter.activate()}`);
  }

  onFailure(): void {
    log.info(`not shipped: ${this.failureStatus} ${this.failureReason}`);
  }
}

register((): Plugin => new Background());
