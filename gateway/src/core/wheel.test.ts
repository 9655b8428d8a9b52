import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Expirable, TimerWheel, type WheelTimer } from './wheel.ts';

let clock = 0;

class Recorder implements Expirable {
  readonly fired: [kind: number, at: number][] = [];
  react: (kind: number) => void = () => {};

  onTimeout(kind: number): void {
    this.fired.push([kind, clock]);
    this.react(kind);
  }
}

function manualWheel(): TimerWheel {
  clock = 0;
  return new TimerWheel(10, () => clock);
}

function runTo(wheel: TimerWheel, time: number): void {
  while (clock < time) {
    clock += 10;
    wheel.advance();
  }
}

afterEach(() => void vi.useRealTimers());

describe('TimerWheel', () => {
  it('fires once, at its time or up to one resolution later', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    clock = 3;
    wheel.schedule(owner, 25, 7);
    clock = 27;
    wheel.advance();
    expect(owner.fired).toEqual([]);
    clock = 33;
    wheel.advance();
    wheel.advance();
    expect(owner.fired).toEqual([[7, 33]]);
    expect(wheel.size).toBe(0);
  });

  it('fires a delay of 0 with the next tick, not within schedule', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    wheel.schedule(owner, 0);
    expect(owner.fired).toEqual([]);
    runTo(wheel, 10);
    expect(owner.fired).toEqual([[0, 10]]);
  });

  it('keeps delays longer than one turn of the wheel', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    wheel.schedule(owner, 25_000, 1);
    wheel.schedule(owner, 10_240, 2);
    runTo(wheel, 26_000);
    expect(owner.fired).toEqual([
      [2, 10_240],
      [1, 25_000],
    ]);
  });

  it('fires everything that is due after a stall of many turns, and nothing else', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    for (let kind = 0; kind < 50; kind++) wheel.schedule(owner, 1 + kind * 997, kind);
    wheel.schedule(owner, 100_050, 99);
    clock = 100_000;
    wheel.advance();
    expect(owner.fired.map(([kind]) => kind).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    runTo(wheel, 100_050);
    expect(owner.fired.at(-1)).toEqual([99, 100_050]);
  });

  it('keeps the order of schedule within one tick', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    for (let kind = 1; kind <= 4; kind++) wheel.schedule(owner, 20, kind);
    runTo(wheel, 20);
    expect(owner.fired.map(([kind]) => kind)).toEqual([1, 2, 3, 4]);
  });

  it('does not fire what was cancelled, before or in the same batch', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    const timers: WheelTimer[] = [1, 2, 3, 4].map((kind) => wheel.schedule(owner, 20, kind));
    wheel.cancel(timers[1]!);
    owner.react = (kind) => {
      if (kind === 1) wheel.cancel(timers[2]!);
    };
    runTo(wheel, 20);
    expect(owner.fired.map(([kind]) => kind)).toEqual([1, 4]);
    expect(wheel.size).toBe(0);
  });

  it('takes a second cancel, a cancel after firing and null', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    const kept = wheel.schedule(owner, 50, 1);
    const fired = wheel.schedule(owner, 10, 2);
    const cancelled = wheel.schedule(owner, 10, 3);
    wheel.cancel(cancelled);
    wheel.cancel(cancelled);
    runTo(wheel, 20);
    wheel.cancel(fired);
    wheel.cancel(null);
    expect(wheel.size).toBe(1);
    wheel.cancel(kept);
    expect(wheel.size).toBe(0);
  });

  it('removes the first, a middle and the last timer of a slot', () => {
    for (const victim of [0, 1, 2]) {
      const wheel = manualWheel();
      const owner = new Recorder();
      const timers = [0, 1, 2].map((kind) => wheel.schedule(owner, 30, kind));
      wheel.cancel(timers[victim]!);
      runTo(wheel, 30);
      expect(owner.fired.map(([kind]) => kind)).toEqual([0, 1, 2].filter((kind) => kind !== victim));
    }
  });

  it('re-schedules from a callback, also when it was the only timer', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    owner.react = () => {
      if (owner.fired.length < 3) wheel.schedule(owner, 100, owner.fired.length);
    };
    wheel.schedule(owner, 100, 0);
    runTo(wheel, 400);
    expect(owner.fired).toEqual([
      [0, 100],
      [1, 200],
      [2, 300],
    ]);
  });

  it('never fires early what is scheduled from a callback after a stall', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    owner.react = (kind) => {
      if (kind === 1) wheel.schedule(owner, 500, 2);
    };
    wheel.schedule(owner, 10, 1);
    clock = 1000;
    wheel.advance();
    expect(owner.fired).toEqual([[1, 1000]]);
    runTo(wheel, 1500);
    expect(owner.fired.at(-1)).toEqual([2, 1500]);
  });

  it('never fires early after a callback cancelled the last timer and set a new one', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    const other = wheel.schedule(owner, 5000, 3);
    owner.react = (kind) => {
      if (kind !== 1) return;
      wheel.cancel(other);
      wheel.schedule(owner, 500, 2);
    };
    wheel.schedule(owner, 10, 1);
    clock = 1000;
    wheel.advance();
    runTo(wheel, 1500);
    expect(owner.fired).toEqual([
      [1, 1000],
      [2, 1500],
    ]);
  });

  it('loses no timer when an owner throws', () => {
    const wheel = manualWheel();
    const owner = new Recorder();
    owner.react = (kind) => {
      if (kind === 1) throw new Error('owner failed');
    };
    wheel.schedule(owner, 10, 1);
    wheel.schedule(owner, 10, 2);
    wheel.schedule(owner, 20, 3);
    clock = 20;
    expect(() => wheel.advance()).toThrow('owner failed');
    wheel.advance();
    expect(owner.fired.map(([kind]) => kind)).toEqual([1, 2, 3]);
    expect(wheel.size).toBe(0);
  });

  it('agrees with a plain list under random schedules, cancels and stalls', () => {
    let seed = 12_345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const wheel = manualWheel();
    const owner = new Recorder();
    const expected = new Map<number, { due: number; timer: WheelTimer }>();
    owner.react = (kind) => {
      const { due } = expected.get(kind)!;
      expect(clock).toBeGreaterThanOrEqual(due);
      expected.delete(kind);
    };
    for (let kind = 0; kind < 3000; kind++) {
      const delay = random(30_000);
      expected.set(kind, { due: clock + delay, timer: wheel.schedule(owner, delay, kind) });
      if (random(3) === 0) {
        const victim = random(kind + 1);
        wheel.cancel(expected.get(victim)?.timer ?? null);
        expected.delete(victim);
      }
      clock += random(100) === 0 ? 20_000 : random(15);
      wheel.advance();
      let overdue = 0;
      for (const { due } of expected.values()) if (due + 10 <= clock) overdue++;
      expect(overdue).toBe(0);
      expect(wheel.size).toBe(expected.size);
    }
  });

  it('runs its interval only while timers are set', () => {
    vi.useFakeTimers();
    const wheel = new TimerWheel(10, () => Date.now());
    const owner = new Recorder();
    expect(vi.getTimerCount()).toBe(0);
    const timer = wheel.schedule(owner, 50);
    expect(vi.getTimerCount()).toBe(1);
    wheel.cancel(timer);
    expect(vi.getTimerCount()).toBe(0);
    wheel.schedule(owner, 50);
    vi.advanceTimersByTime(60);
    expect(owner.fired).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(60_000);
    wheel.schedule(owner, 50);
    vi.advanceTimersByTime(40);
    expect(owner.fired).toHaveLength(1);
    vi.advanceTimersByTime(20);
    expect(owner.fired).toHaveLength(2);
  });
});
