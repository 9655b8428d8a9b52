/** Takes a scheduled action back; does nothing when it has run already. */
export type Cancel = () => void;

/** Time and chance as discovery sees them, so that tests can put in their own. */
export interface Clock {
  /** Epoch milliseconds; never runs backwards. */
  now(): number;
  /** Runs `action` once after `delay` milliseconds. Never keeps the process alive. */
  after(delay: number, action: () => void): Cancel;
  /** Uniform in [0, 1). */
  random(): number;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  after: (delay, action) => {
    const timer = setTimeout(action, delay);
    timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** `value` spread evenly over ±`share` of itself, so that many clients do not act at one moment. */
export function jitter(clock: Clock, value: number, share: number): number {
  return value * (1 - share + 2 * share * clock.random());
}
