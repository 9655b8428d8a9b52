/** What a timer wheel calls when time is up. Implemented by the long-lived object itself, so that no closure is made. */
export interface Expirable {
  onTimeout(kind: number): void;
}

/** A scheduled expiry. Belongs to the wheel; `kind` tells an owner with several timers apart. */
export class WheelTimer {
  owner: Expirable | null = null;
  kind = 0;
  /** Tick at which it fires. */
  due = 0;
  slot = -1;
  previous: WheelTimer | null = null;
  next: WheelTimer | null = null;
}

const SLOTS = 1024;

/**
 * One coarse timer for all deadlines of a worker: one native interval, O(1) schedule and cancel. A timer fires between
 * its time and one resolution later, never before. The interval runs only while timers are set and never keeps the
 * process alive.
 */
export class TimerWheel {
  readonly #resolution: number;
  readonly #now: () => number;
  readonly #slots: (WheelTimer | null)[] = Array.from({ length: SLOTS }, () => null);
  #tick = 0;
  #count = 0;
  #origin: number;
  #interval: NodeJS.Timeout | null = null;
  /** Taken off their slots and not called yet. A field, so that an owner that throws costs the others one tick only. */
  #batch: WheelTimer | null = null;
  /** While firing the clock must not be stopped: a restart would move the origin under the running turn. */
  #advancing = false;

  /** @param resolution milliseconds per tick; default 10. */
  constructor(resolution = 10, now: () => number = () => performance.now()) {
    this.#resolution = resolution;
    this.#now = now;
    this.#origin = now();
  }

  /** Timers that are set. */
  get size(): number {
    return this.#count;
  }

  /** Calls `owner.onTimeout(kind)` once after `delay` milliseconds. */
  schedule(owner: Expirable, delay: number, kind = 0): WheelTimer {
    if (this.#interval === null) this.#start();
    const timer = new WheelTimer();
    timer.owner = owner;
    timer.kind = kind;
    const elapsed = this.#now() - this.#origin;
    timer.due = Math.max(this.#tick + 1, Math.ceil((elapsed + delay) / this.#resolution));
    this.#link(timer);
    this.#count++;
    return timer;
  }

  /** Does nothing when the timer has fired or is cancelled already. */
  cancel(timer: WheelTimer | null): void {
    if (timer === null || timer.owner === null) return;
    timer.owner = null;
    this.#count--;
    // Without a slot it is in the batch that fires right now, which skips it.
    if (timer.slot !== -1) this.#unlink(timer);
    if (this.#count === 0 && !this.#advancing) this.#stop();
  }

  /** Fires what is due now. Runs on the interval; tests with a clock of their own call it directly. */
  advance(): void {
    const target = Math.floor((this.#now() - this.#origin) / this.#resolution);
    // After a long stall one turn of the wheel visits every slot; more turns would find nothing new.
    if (target - this.#tick > SLOTS) this.#tick = target - SLOTS;
    this.#advancing = true;
    try {
      this.#fire();
      while (this.#tick < target) {
        this.#tick++;
        this.#collect(this.#tick % SLOTS, target);
        this.#fire();
      }
    } finally {
      this.#advancing = false;
    }
    if (this.#count === 0) this.#stop();
  }

  /** Moves what is due from a slot to the batch, the oldest first. */
  #collect(slot: number, target: number): void {
    let timer = this.#slots[slot] ?? null;
    while (timer !== null) {
      const next: WheelTimer | null = timer.next;
      if (timer.due <= target) {
        this.#unlink(timer);
        timer.next = this.#batch;
        this.#batch = timer;
      }
      timer = next;
    }
  }

  #fire(): void {
    while (this.#batch !== null) {
      const timer: WheelTimer = this.#batch;
      this.#batch = timer.next;
      timer.next = null;
      const owner = timer.owner;
      if (owner === null) continue;
      timer.owner = null;
      this.#count--;
      owner.onTimeout(timer.kind);
    }
  }

  #link(timer: WheelTimer): void {
    const slot = timer.due % SLOTS;
    timer.slot = slot;
    const head = this.#slots[slot]!;
    timer.next = head;
    if (head !== null) head.previous = timer;
    this.#slots[slot] = timer;
  }

  #unlink(timer: WheelTimer): void {
    if (timer.previous === null) this.#slots[timer.slot] = timer.next;
    else timer.previous.next = timer.next;
    if (timer.next !== null) timer.next.previous = timer.previous;
    timer.previous = null;
    timer.next = null;
    timer.slot = -1;
  }

  #start(): void {
    this.#origin = this.#now() - this.#tick * this.#resolution;
    this.#interval = setInterval(() => this.advance(), this.#resolution);
    this.#interval.unref();
  }

  #stop(): void {
    if (this.#interval !== null) clearInterval(this.#interval);
    this.#interval = null;
  }
}
