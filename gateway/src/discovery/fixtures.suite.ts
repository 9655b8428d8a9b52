import type { EndpointList, EndpointRecord } from '../core/endpoint.ts';
import type { Log, LogFields } from '../core/log.ts';
import type { Cancel, Clock } from './clock.ts';
import type { EndpointListener } from './source.ts';

interface ManualTimer {
  readonly at: number;
  readonly action: () => void;
}

/** Time that stands still until a test moves it; chance is always the middle, so jitter is none. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  readonly #timers = new Set<ManualTimer>();

  now(): number {
    return this.#now;
  }

  random(): number {
    return 0.5;
  }

  after(delay: number, action: () => void): Cancel {
    const timer = { at: this.#now + delay, action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that are set. */
  get size(): number {
    return this.#timers.size;
  }

  /** Moves time; what is due runs in order, each with a turn of the event loop for what follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.action();
      await turn();
    }
    this.#now = end;
    await turn();
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A listener that keeps what it gets and lets a test wait for it. */
export class ListRecorder {
  readonly lists: EndpointList[] = [];
  readonly #waiting = new Set<() => void>();

  readonly listener: EndpointListener = (list) => {
    this.lists.push(list);
    for (const check of this.#waiting) check();
  };

  get last(): EndpointList | undefined {
    return this.lists.at(-1);
  }

  /** Resolves with the newest list that fits; at once when the newest one does. */
  until(fits: (list: EndpointList) => boolean): Promise<EndpointList> {
    return new Promise((resolve) => {
      const check = (): void => {
        const list = this.last;
        if (list === undefined || !fits(list)) return;
        this.#waiting.delete(check);
        resolve(list);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Resolves when the newest list has exactly these ports, in this state. */
  ports(ports: readonly number[], state: EndpointList['state'] = 'fresh'): Promise<EndpointList> {
    return this.until((list) => list.state === state && String(portsOf(list)) === String(ports));
  }
}

/** Ports of a list in its order. */
export function portsOf(list: EndpointList | undefined): number[] {
  return list?.endpoints.map((endpoint) => endpoint.port) ?? [];
}

/** An endpoint on loopback. */
export function endpoint(port: number, more: Partial<EndpointRecord> = {}): EndpointRecord {
  return { address: '127.0.0.1', port, weight: 1, healthy: true, cluster: '', metadata: {}, ...more };
}

/** A log that keeps its lines and lets a test wait for one. */
export class MemoryLog implements Log {
  readonly lines: { level: string; message: string; fields: LogFields }[] = [];
  readonly #waiting = new Set<() => void>();

  debug = (fields: LogFields, message: string): void => this.#add('debug', fields, message);
  info = (fields: LogFields, message: string): void => this.#add('info', fields, message);
  warn = (fields: LogFields, message: string): void => this.#add('warn', fields, message);
  error = (fields: LogFields, message: string): void => this.#add('error', fields, message);

  /** Lines whose message or fields contain a text. */
  matching(text: string): string[] {
    return this.lines.map((line) => JSON.stringify(line)).filter((line) => line.includes(text));
  }

  /** Resolves when `count` lines contain the text. */
  until(text: string, count = 1): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.matching(text).length < count) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  #add(level: string, fields: LogFields, message: string): void {
    this.lines.push({ level, message, fields });
    for (const check of this.#waiting) check();
  }
}
