import type { OverloadConfig } from '../config/schema-overload.ts';
import type { Log } from '../core/log.ts';
import type { OverloadReport } from '../runtime/feed.ts';
import type { Listener } from './listener.ts';
import { OverloadLevel, type Pressures, RESOURCES } from './overload-level.ts';
import { HeapReading, openDescriptors, readDescriptorLimit } from './overload-readings.ts';

/** What a worker tells its overload manager of itself, and lets it do. */
export interface OverloadSubject {
  /** Its listeners now. */
  listeners(): Iterable<Listener>;
  /** Bytes that plugins hold. */
  pluginBytes(): number;
  /** True: new exchanges get 503. */
  refuse(refusing: boolean): void;
}

const INTERVAL_MS = 100;
/** Bytes are counted connection by connection, so less often. */
const TICKS_PER_COUNT = 10;
/** Weight of the newest delay in the average: it follows a lasting delay in about a second. */
const DELAY_WEIGHT = 0.25;
/** One long stall is over when it is seen, and says little of what comes. */
const DELAY_CAP = 3;

/**
 * Watches what one worker may run short of, and acts in steps before it does. Ten looks a second, and nothing in the way of
 * a request but a flag.
 */
export class OverloadManager {
  readonly #config: OverloadConfig;
  readonly #subject: OverloadSubject;
  readonly #log: Log;
  readonly #level = new OverloadLevel();
  readonly #heap = new HeapReading();
  readonly #descriptorLimit = readDescriptorLimit();
  #pressures: Pressures = { loop_delay: 0, buffered_bytes: 0, connections: 0, descriptors: 0, heap: 0 };
  #timer: NodeJS.Timeout | null = null;
  #lookedAt = 0;
  #delay = 0;
  #bytes = 0;
  #ticks = 0;

  constructor(config: OverloadConfig, subject: OverloadSubject, log: Log) {
    this.#config = config;
    this.#subject = subject;
    this.#log = log;
  }

  start(): void {
    this.#heap.start();
    this.#lookedAt = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const late = Math.max(0, now - this.#lookedAt - INTERVAL_MS);
      this.#lookedAt = now;
      this.look(now, late);
    }, INTERVAL_MS).unref();
  }

  stop(): void {
    this.#heap.stop();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  report(): OverloadReport {
    return { level: this.#level.level, pressures: this.#pressures };
  }

  /** @internal Reads everything, and acts. @param late how many milliseconds the event loop was late */
  look(now: number, late: number): void {
    this.act(this.#read(late), now);
  }

  /** @internal Takes the steps that the pressures ask for. */
  act(pressures: Pressures, now: number): void {
    const before = this.#level.level;
    this.#pressures = pressures;
    this.#level.update(pressures, now);
    const { level, refusing } = this.#level;
    this.#subject.refuse(refusing);
    // Again and again while it lasts: listeners come, and get new limits.
    if (level > 0 || before > 0) for (const listener of this.#subject.listeners()) this.#defend(listener);
    if (level !== before) this.#tell(level, before);
  }

  #defend(listener: Listener): void {
    const { idleTimeout } = listener.limits;
    listener.setIdleTimeout(this.#level.shortening ? Math.min(idleTimeout, this.#config.idleTimeout) : idleTimeout);
    listener.setAccepting(!this.#level.stopping);
  }

  #tell(level: number, before: number): void {
    const pressures = Object.fromEntries(RESOURCES.map((name) => [name, Number(this.#pressures[name].toFixed(2))]));
    const fields = { level, before, pressures };
    if (level > before) this.#log.warn(fields, STEPS_UP[level]!);
    else this.#log.info(fields, level === 0 ? 'no overload any more' : 'overload is easing');
  }

  #read(late: number): Pressures {
    let connections = 0;
    let allowed = 0;
    for (const listener of this.#subject.listeners()) {
      connections += listener.connections;
      allowed += listener.limits.connections;
    }
    if (this.#ticks++ % TICKS_PER_COUNT === 0) this.#bytes = this.#countBytes();
    const { loopDelay, bufferedBytes, connections: most, descriptors, heap } = this.#config;
    this.#delay += (Math.min(late, loopDelay * DELAY_CAP) - this.#delay) * DELAY_WEIGHT;
    return {
      loop_delay: share(this.#delay, loopDelay),
      buffered_bytes: share(this.#bytes, bufferedBytes),
      connections: share(connections, most === 0 ? allowed : most),
      descriptors: descriptors === 0 ? 0 : share(openDescriptors(), (this.#descriptorLimit * descriptors) / 100),
      heap: share(this.#heap.share() * 100, heap),
    };
  }

  #countBytes(): number {
    let bytes = this.#subject.pluginBytes();
    for (const listener of this.#subject.listeners()) bytes += listener.bufferedBytes;
    return bytes;
  }
}

const STEPS_UP: readonly string[] = [
  '',
  'overload: idle connections are closed sooner',
  'overload: new requests are refused',
  'overload: new connections are refused',
];

/** A bound of 0 is none. */
function share(value: number, bound: number): number {
  return bound === 0 ? 0 : value / bound;
}
