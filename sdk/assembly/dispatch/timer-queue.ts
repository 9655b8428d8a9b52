import { time } from '../calls/time';
import { Timer } from '../calls/timer';
import { Plugin } from '../contexts/plugin';
import { Status } from '../types/status';
import { focus } from './effective';
import { setHostTick, Ticks } from './ticks';

/** Hosts may tick this much too early: what is due within it is due. */
const EARLY: u64 = 1000;

/** Shorter would be due again within the same run. */
const SHORTEST: u64 = 2000;

/**
 * The timers of one plugin, soonest first, over the host's tick, which is set to come when the first of them is due.
 *
 * Times are microseconds of a clock that never goes back, made from the host's clock and its ticks.
 */
@final
export class TimerQueue extends Ticks {
  private first: Timer | null = null;
  private last: Timer | null = null;
  /** What `setTickPeriod` has asked for. */
  private tick: Timer | null = null;
  /** Milliseconds to which the host's tick is set. */
  private armed: u32 = 0;
  private running: bool = false;
  private wall: u64 = time.nanoseconds();
  private now: u64 = 0;

  constructor(private plugin: Plugin) {
    super();
  }

  /** Starts a timer. It is not active if the host has no ticks. */
  start(timer: Timer, delay: u64): void {
    this.advance(0);
    this.insert(timer, delay);
    if (this.first != timer || this.running) return;
    if (this.arm() != Status.Ok) this.remove(timer);
  }

  /** Takes a timer out. The tick that was meant for it comes, and finds nothing to do. */
  remove(timer: Timer): void {
    const previous = timer.previous;
    const next = timer.next;
    if (previous) previous.next = next;
    else this.first = next;
    if (next) next.previous = previous;
    else this.last = previous;
    timer.previous = null;
    timer.next = null;
    timer.queue = null;
  }

  setTickPeriod(milliseconds: u32): Status {
    const old = this.tick;
    if (old) old.cancel();
    this.tick = null;
    if (milliseconds == 0) return Status.Ok;
    const timer = new Timer(null, max(<u64>milliseconds * 1000, SHORTEST));
    this.tick = timer;
    this.start(timer, timer.period);
    return timer.isActive ? Status.Ok : Status.InternalFailure;
  }

  run(): void {
    this.advance(this.armed);
    this.running = true;
    for (let timer = this.first; timer && timer.due <= this.now + EARLY; timer = this.first) this.fire(timer);
    this.running = false;
    if (this.first || this.armed) this.rearm();
  }

  private fire(timer: Timer): void {
    this.remove(timer);
    if (timer.period) this.insert(timer, this.untilNext(timer));
    focus(this.plugin.hostId);
    const handler = timer.handler;
    if (handler) handler.onTimer(timer);
    else this.plugin.onTick();
  }

  /** Microseconds. What was missed while the host was busy does not come all at once. */
  private untilNext(timer: Timer): u64 {
    const next = timer.due + timer.period;
    return next > this.now + EARLY ? next - this.now : timer.period;
  }

  /** Puts a timer in its place; most belong at the end. */
  private insert(timer: Timer, delay: u64): void {
    timer.due = this.now + max(delay, SHORTEST);
    timer.queue = this;
    let before = this.last;
    while (before && before.due > timer.due) before = before.previous;
    const after = before ? before.next : this.first;
    timer.previous = before;
    timer.next = after;
    if (before) before.next = timer;
    else this.first = timer;
    if (after) after.previous = timer;
    else this.last = timer;
  }

  /** @param ticked milliseconds that have passed at least, should the host's clock have stood still or gone back */
  private advance(ticked: u32): void {
    const wall = time.nanoseconds();
    if (wall == 0 || wall < this.wall) {
      this.now += <u64>ticked * 1000;
      this.wall = wall;
    } else {
      const passed = (wall - this.wall) / 1000;
      this.now += passed;
      this.wall += passed * 1000;
    }
  }

  /** Milliseconds until the first timer is due, 1 or more; 0: there is none. */
  private wait(): u32 {
    const first = this.first;
    if (!first) return 0;
    const left = first.due > this.now ? first.due - this.now : 0;
    return <u32>max<u64>(1, min<u64>((left + 999) / 1000, u32.MAX_VALUE));
  }

  /** The host's tick comes every `armed` milliseconds by itself. */
  private rearm(): void {
    if (this.wait() != this.armed) this.arm();
  }

  private arm(): Status {
    const wait = this.wait();
    const status = focus(this.plugin.hostId) ? setHostTick(wait) : Status.BadArgument;
    if (status == Status.Ok) this.armed = wait;
    return status;
  }
}
