import { describe, expect, it } from 'vitest';
import { DEFAULT_LISTENER_LIMITS, type ListenerLimits } from '../config/schema-limits.ts';
import type { OverloadConfig } from '../config/schema-overload.ts';
import type { LogFields } from '../core/log.ts';
import type { Listener } from './listener.ts';
import { OverloadManager } from './overload.ts';
import type { Pressures } from './overload-level.ts';
import { HeapReading, openDescriptors, parseDescriptorLimit, readDescriptorLimit } from './overload-readings.ts';

const CONFIG: OverloadConfig = {
  loopDelay: 500,
  bufferedBytes: 1000,
  connections: 0,
  descriptors: 0,
  heap: 0,
  idleTimeout: 5000,
};
const NONE: Pressures = { loop_delay: 0, buffered_bytes: 0, connections: 0, descriptors: 0, heap: 0 };

/** A listener that notes what it is told. */
class Told {
  readonly name = 'told';
  readonly address = '127.0.0.1';
  readonly port = 1;
  limits: ListenerLimits;
  connections = 0;
  readonly dropped = 0;
  readonly activeExchanges = 0;
  bufferedBytes = 0;
  idleTimeout: number;
  accepting = true;

  constructor(limits: Partial<ListenerLimits> = {}) {
    this.limits = { ...DEFAULT_LISTENER_LIMITS, ...limits };
    this.idleTimeout = this.limits.idleTimeout;
  }

  setIdleTimeout(ms: number): void {
    this.idleTimeout = ms;
  }

  setAccepting(accepting: boolean): void {
    this.accepting = accepting;
  }

  setLimits(limits: ListenerLimits): void {
    this.limits = limits;
  }

  drain(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Line extends LogFields {
  readonly message: string;
}

class Rig {
  readonly listeners: Told[];
  readonly lines: Line[] = [];
  refusing = false;
  pluginBytes = 0;
  readonly manager: OverloadManager;
  #now = 0;

  constructor(listeners: Told[] = [new Told()], config: Partial<OverloadConfig> = {}) {
    this.listeners = listeners;
    const note = (fields: LogFields, message: string): void => void this.lines.push({ ...fields, message });
    this.manager = new OverloadManager(
      { ...CONFIG, ...config },
      {
        listeners: () => this.listeners as readonly Listener[],
        pluginBytes: () => this.pluginBytes,
        refuse: (refusing) => {
          this.refusing = refusing;
        },
      },
      { debug: note, info: note, warn: note, error: note },
    );
  }

  act(pressures: Partial<Pressures>, afterMs = 100): void {
    this.#now += afterMs;
    this.manager.act({ ...NONE, ...pressures }, this.#now);
  }

  /** Looks so often, each time so late. */
  look(lateMs: number, times = 1): Readonly<Record<string, number>> {
    for (let i = 0; i < times; i++) this.manager.look((this.#now += 100 + lateMs), lateMs);
    return this.manager.report().pressures;
  }
}

describe('the overload manager', () => {
  it('shortens idle timeouts, then refuses requests, then connections; and takes all back', () => {
    const rig = new Rig([new Told(), new Told({ idleTimeout: 2000 })]);
    const state = () => [
      rig.listeners.map(({ idleTimeout }) => idleTimeout),
      rig.refusing,
      rig.listeners[0]!.accepting,
    ];
    rig.act({ heap: 0.5 });
    expect(state()).toEqual([[75_000, 2000], false, true]);
    rig.act({ heap: 0.9 });
    expect(state()).toEqual([[5000, 2000], false, true]);
    rig.act({ heap: 1 });
    expect(state()).toEqual([[5000, 2000], true, true]);
    rig.act({ heap: 1.1 });
    expect(state()).toEqual([[5000, 2000], true, false]);
    rig.act({}, 999);
    expect(state()).toEqual([[5000, 2000], true, false]);
    rig.act({}, 1);
    expect(state()).toEqual([[75_000, 2000], false, true]);
  });

  it('tells each change once', () => {
    const rig = new Rig();
    for (const heap of [0.5, 0.9, 0.95, 1, 1.1, 1.2]) rig.act({ heap });
    rig.act({}, 2000);
    rig.act({});
    expect(rig.lines.map(({ level, before, message }) => [before, level, message])).toEqual([
      [0, 1, 'overload: idle connections are closed sooner'],
      [1, 2, 'overload: new requests are refused'],
      [2, 3, 'overload: new connections are refused'],
      [3, 0, 'no overload any more'],
    ]);
    expect(rig.lines[1]!['pressures']).toEqual({ ...NONE, heap: 1 });
    expect(rig.manager.report()).toEqual({ level: 0, pressures: NONE });
  });

  it('defends listeners that come, and those that get new limits, while it lasts', () => {
    const rig = new Rig();
    rig.act({ connections: 1 });
    rig.listeners.push(new Told());
    rig.listeners[0]!.setLimits({ ...DEFAULT_LISTENER_LIMITS, idleTimeout: 1000 });
    rig.act({ connections: 1 });
    expect(rig.listeners.map(({ idleTimeout, accepting }) => [idleTimeout, accepting])).toEqual([
      [1000, false],
      [5000, false],
    ]);
  });
});

describe('what the overload manager reads', () => {
  it('takes a lasting delay of the loop for overload, and a single long stall not', () => {
    const rig = new Rig();
    rig.look(0, 10);
    expect(rig.look(60_000)['loop_delay']).toBe(0.75);
    expect(rig.manager.report().level).toBe(0);
    expect(rig.look(0, 20)['loop_delay']).toBeLessThan(0.01);
    rig.look(600, 3);
    expect(rig.refusing).toBe(false);
    rig.look(600, 10);
    expect(rig.refusing).toBe(true);
  });

  it('lets a saturated loop that serves its clients in turn work on', () => {
    const rig = new Rig();
    rig.look(200, 1000);
    expect(rig.manager.report().level).toBe(0);
  });

  it('counts connections against what all listeners allow, or against its own bound', () => {
    const listeners = [new Told({ connections: 10 }), new Told({ connections: 30 })];
    for (const listener of listeners) listener.connections = 10;
    expect(new Rig(listeners).look(0)['connections']).toBe(0.5);
    expect(new Rig(listeners, { connections: 25 }).look(0)['connections']).toBe(0.8);
  });

  it('adds the bytes of listeners and plugins', () => {
    const rig = new Rig();
    rig.listeners[0]!.bufferedBytes = 300;
    rig.pluginBytes = 200;
    expect(rig.look(0)['buffered_bytes']).toBe(0.5);
  });

  it('watches nothing that it is not to watch', () => {
    const rig = new Rig([new Told()], { loopDelay: 0, bufferedBytes: 0 });
    rig.pluginBytes = 1e12;
    expect(rig.look(5000, 10)).toEqual(NONE);
  });

  it('starts and stops its own timer', () => {
    const { manager } = new Rig();
    manager.start();
    manager.stop();
    manager.stop();
    expect(manager.report().level).toBe(0);
  });
});

describe('readings of the process', () => {
  it('believe a measure of the heap for ten seconds', () => {
    const heap = new HeapReading();
    expect(heap.share(0)).toBe(0);
    heap.collected(1024 ** 4, 1000);
    expect(heap.share(11_000)).toBeGreaterThan(1);
    expect(heap.share(11_001)).toBe(0);
  });

  it('find the limit of open files', () => {
    const table =
      'Limit  Soft Limit  Hard Limit\nMax processes  9 9\nMax open files            1024   524288   files\n';
    expect(parseDescriptorLimit(table)).toBe(1024);
    expect(parseDescriptorLimit('Max open files   unlimited unlimited files')).toBe(Number.POSITIVE_INFINITY);
    expect(parseDescriptorLimit('')).toBe(Number.POSITIVE_INFINITY);
    expect(readDescriptorLimit()).toBeGreaterThan(0);
    expect(openDescriptors()).toBeGreaterThanOrEqual(0);
  });
});
