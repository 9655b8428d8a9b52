import { type Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { Clock } from '../wasm/host.ts';

/** Where a test that gives no time begins. */
const DEFAULT_START = Date.UTC(2026, 0, 1);
const NS_PER_MS = 1_000_000n;

/**
 * A clock that a test moves. The plugin sees the time that the test has come to; ticks, time limits of callouts and of
 * pauses come while it advances, in the order in which they are due.
 */
export class TestClock implements Clock {
  /** @internal Timers that go by this clock. */
  readonly wheel: TimerWheel = new VirtualWheel();
  readonly #start: number;

  /** @param start what the plugin reads first: milliseconds since the epoch, or a date; default 2026-01-01T00:00:00Z */
  constructor(start: Date | string | number = DEFAULT_START) {
    this.#start = new Date(start).getTime();
    if (Number.isNaN(this.#start)) throw new RangeError(`${String(start)} is no date; give one such as 2026-01-01`);
  }

  /** Milliseconds since the clock was made. */
  get elapsed(): number {
    return (this.wheel as VirtualWheel).now;
  }

  now(): bigint {
    return BigInt(this.#start + this.elapsed) * NS_PER_MS;
  }

  monotonic(): bigint {
    return BigInt(this.elapsed) * NS_PER_MS;
  }

  /**
   * Lets time pass, and everything happen that is due meanwhile. Answers of services, and what the plugin does about
   * them, have been taken in when it resolves, unless they wait for something outside of the test host.
   * @param ms whole milliseconds
   */
  async advance(ms: number): Promise<void> {
    if (!Number.isInteger(ms) || ms < 0) throw new RangeError(`${ms} is no number of milliseconds to wait`);
    const wheel = this.wheel as VirtualWheel;
    const end = wheel.now + ms;
    await nextTurn();
    while (wheel.fireNext(end)) await nextTurn();
    wheel.now = end;
  }
}

/** What was promised has been answered by then. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Timers in the order of their time; nothing happens by itself. */
class VirtualWheel extends TimerWheel {
  /** Milliseconds. */
  now = 0;
  /** Soonest first; of equal ones the oldest. */
  readonly #timers: WheelTimer[] = [];

  override get size(): number {
    return this.#timers.length;
  }

  override schedule(owner: Expirable, delay: number, kind = 0): WheelTimer {
    const timer = new WheelTimer();
    timer.owner = owner;
    timer.kind = kind;
    timer.due = this.now + Math.max(Math.ceil(delay), 1);
    const after = this.#timers.findIndex(({ due }) => due > timer.due);
    this.#timers.splice(after === -1 ? this.#timers.length : after, 0, timer);
    return timer;
  }

  override cancel(timer: WheelTimer | null): void {
    if (timer === null || timer.owner === null) return;
    timer.owner = null;
    this.#timers.splice(this.#timers.indexOf(timer), 1);
  }

  /** Lets time pass up to the next timer; false: none is due by `end`. */
  fireNext(end: number): boolean {
    const timer = this.#timers[0];
    if (timer === undefined || timer.due > end) return false;
    const { owner, kind } = timer;
    this.now = timer.due;
    this.cancel(timer);
    owner?.onTimeout(kind);
    return true;
  }
}
