import { log } from '../calls/log';
import { SharedQueue } from '../calls/shared-queue';
import { Timer } from '../calls/timer';
import { focus } from '../dispatch/effective';
import { setHostTick, Ticks } from '../dispatch/ticks';
import { TimerQueue } from '../dispatch/timer-queue';
import { Status } from '../types/status';
import { Context } from './context';
import { HttpFilter } from './http-filter';
import { TimerHandler } from './timer-handler';

/**
 * One plugin configuration: made when the configuration is loaded, replaced as a whole when it changes. Each worker of the
 * gateway has one of its own; what all must see belongs into `sharedData`.
 * @example at the top level
 * class HelloFilter extends HttpFilter {
 *   onResponseHeaders(endOfStream: bool): Action {
 *     this.response.set('x-hello', 'world');
 *     return Action.Continue;
 *   }
 * }
 *
 * class Hello extends Plugin {
 *   createFilter(): HttpFilter {
 *     return new HelloFilter();
 *   }
 * }
 *
 * register((): Plugin => new Hello());
 */
export abstract class Plugin extends Context {
  /** @internal Set by the first timer. */
  hostTicks: Ticks | null = null;
  /** @internal */
  hostTickPeriod: u32 = 0;

  /**
   * The virtual machine is up. False refuses the plugin.
   * @param configuration of the virtual machine, which most hosts leave empty
   * @example at the top level
   * class Starting extends Plugin {
   *   onStart(configuration: string): bool {
   *     log.info('up');
   *     return true;
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new StartingFilter();
   *   }
   * }
   *
   * class StartingFilter extends HttpFilter {}
   */
  onStart(configuration: string): bool {
    return true;
  }

  /**
   * The plugin's configuration as JSON text, `''` when there is none. Read it with `Settings`, keep what the exchanges
   * need, and answer true, or `this.refuse(reason)`. `ConfiguredPlugin` does that by itself.
   * @example at the top level
   * class Quoting extends Plugin {
   *   private quote: string = '';
   *
   *   onConfigure(configuration: string): bool {
   *     const settings = Settings.parse(configuration);
   *     this.quote = settings.requiredText('quote');
   *     return this.acceptUnless(settings.problems());
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new QuotingFilter(this.quote);
   *   }
   * }
   *
   * class QuotingFilter extends HttpFilter {
   *   constructor(private quote: string) {
   *     super();
   *   }
   *
   *   onResponseHeaders(endOfStream: bool): Action {
   *     this.response.set('x-quote', this.quote);
   *     return Action.Continue;
   *   }
   * }
   */
  onConfigure(configuration: string): bool {
    return true;
  }

  /**
   * Comes every `setTickPeriod` milliseconds. Host calls are about the plugin; a filter's own methods are about its exchange.
   * @example at the top level
   * class Ticking extends Plugin {
   *   onConfigure(configuration: string): bool {
   *     return this.setTickPeriod(1000) == Status.Ok;
   *   }
   *
   *   onTick(): void {
   *     log.info('a second has passed');
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new TickingFilter();
   *   }
   * }
   *
   * class TickingFilter extends HttpFilter {}
   */
  onTick(): void {}

  /**
   * A message waits in a queue that the plugin has registered. Comes once for many messages; who takes one out is called
   * again while there are more.
   * @example at the top level
   * class Worker extends Plugin {
   *   onConfigure(configuration: string): bool {
   *     return SharedQueue.register('jobs') != null;
   *   }
   *
   *   onQueueReady(queue: SharedQueue): void {
   *     const job = queue.dequeue();
   *     if (job) log.info(fromUtf8(job)); // null: another worker was faster
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new WorkerFilter();
   *   }
   * }
   *
   * class WorkerFilter extends HttpFilter {}
   */
  onQueueReady(queue: SharedQueue): void {}

  /**
   * The filter of a new exchange; called once for each, before any of its callbacks. A new object each time: one that was
   * answered before ends the plugin's instance.
   * @example at the top level
   * class Counting extends Plugin {
   *   private count: u64 = 0;
   *
   *   createFilter(): HttpFilter {
   *     return new CountedFilter(++this.count);
   *   }
   * }
   *
   * class CountedFilter extends HttpFilter {
   *   constructor(private index: u64) {
   *     super();
   *   }
   *
   *   onRequestHeaders(endOfStream: bool): Action {
   *     this.request.setInteger('x-index', this.index);
   *     return Action.Continue;
   *   }
   * }
   */
  abstract createFilter(): HttpFilter;

  /**
   * Time between two `onTick`; timers do not mind. `BadArgument` before the plugin is known to the host, as in its
   * constructor.
   * @param milliseconds 10 or more, less counts as 10; 0 stops them
   * @example in a plugin
   * if (this.setTickPeriod(5000) != Status.Ok) return this.refuse('the host does not tick');
   */
  setTickPeriod(milliseconds: u32): Status {
    if (!focus(this.hostId)) return Status.BadArgument;
    this.hostTickPeriod = milliseconds;
    const ticks = this.hostTicks;
    return ticks ? ticks.setTickPeriod(milliseconds) : setHostTick(milliseconds);
  }

  /**
   * Has something happen once, not before so many milliseconds. Any number of timers share the one tick that hosts have. On
   * our gateway they come in steps of 10 ms. One that the host refuses is not active.
   * @example at the top level
   * class Expire extends TimerHandler {
   *   constructor(private filter: PatientFilter) {
   *     super();
   *   }
   *
   *   onTimer(timer: Timer): void {
   *     this.filter.respond(504);
   *   }
   * }
   *
   * class Patience extends Plugin {
   *   createFilter(): HttpFilter {
   *     return new PatientFilter(this);
   *   }
   * }
   *
   * class PatientFilter extends HttpFilter {
   *   private timer: Timer | null = null;
   *
   *   constructor(private plugin: Patience) {
   *     super();
   *   }
   *
   *   onRequestHeaders(endOfStream: bool): Action {
   *     this.timer = this.plugin.after(2000, new Expire(this));
   *     return this.pause();
   *   }
   *
   *   onDone(): void {
   *     const timer = this.timer;
   *     if (timer) timer.cancel(); // it would keep the filter in memory
   *   }
   * }
   */
  after(milliseconds: u32, handler: TimerHandler): Timer {
    const timer = new Timer(handler, 0);
    this.hostTimers().start(timer, <u64>milliseconds * 1000);
    return timer;
  }

  /**
   * Has something happen every so many milliseconds; what was missed while the gateway was busy does not come all at once.
   * @param milliseconds 10 or more, less counts as 10
   * @example at the top level
   * class Flush extends TimerHandler {
   *   onTimer(timer: Timer): void {
   *     log.info('flushed');
   *   }
   * }
   *
   * class Flushing extends Plugin {
   *   onConfigure(configuration: string): bool {
   *     return this.every(1000, new Flush()).isActive;
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new FlushingFilter();
   *   }
   * }
   *
   * class FlushingFilter extends HttpFilter {}
   */
  every(milliseconds: u32, handler: TimerHandler): Timer {
    const period = max<u64>(milliseconds, 10) * 1000;
    const timer = new Timer(handler, period);
    this.hostTimers().start(timer, period);
    return timer;
  }

  private hostTimers(): TimerQueue {
    const known = this.hostTicks;
    if (known) return known as TimerQueue;
    const timers = new TimerQueue(this);
    this.hostTicks = timers;
    if (this.hostTickPeriod) timers.setTickPeriod(this.hostTickPeriod);
    return timers;
  }

  /**
   * Refuses the configuration; the reason is logged, and shown to whoever wrote it.
   * @param reason what is wrong, and what would be right
   * @example in a plugin
   * if (configuration.length == 0) return this.refuse('a configuration is needed, such as {"quote":"…"}');
   */
  refuse(reason: string): bool {
    log.error(reason);
    return false;
  }

  /**
   * Takes the configuration when there is no problem, refuses it with the problem otherwise.
   * @param problem `''`: there is none
   * @example in a plugin
   * return this.acceptUnless(Settings.parse(configuration).problems());
   */
  acceptUnless(problem: string): bool {
    return problem.length == 0 || this.refuse(problem);
  }
}
