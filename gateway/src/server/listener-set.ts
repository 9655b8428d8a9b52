import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { MetricSlots } from '../core/metrics.ts';
import type { ListenerFailure, ListenerPlace, ListenerSpec } from '../runtime/listener-feed.ts';
import { type Http1Listener, listen } from './listener-http1.ts';
import type { ExchangeHandler, Listener, RefusalHandler } from './listener.ts';

export interface ListenerSetOptions {
  readonly handler: ExchangeHandler;
  readonly onRefused: RefusalHandler;
  readonly metrics: MetricSlots;
  readonly log: Log;
}

/** What became of a wanted set of listeners. */
export interface Applied {
  readonly places: readonly ListenerPlace[];
  readonly failures: readonly ListenerFailure[];
}

interface Open {
  spec: ListenerSpec;
  readonly listener: Http1Listener;
}

/** The listeners of one worker, brought from one wanted set to the next without losing a request. */
export class ListenerSet {
  readonly #options: ListenerSetOptions;
  #open = new Map<string, Open>();
  /** Not wanted any more, and busy still. */
  readonly #leaving = new Set<Http1Listener>();
  #turn: Promise<unknown> = Promise.resolve();
  #drained: Promise<number> | null = null;

  constructor(options: ListenerSetOptions) {
    this.#options = options;
  }

  /** All that have connections: those that are wanted, and those that drain. */
  *listeners(): Iterable<Listener> {
    for (const { listener } of this.#open.values()) yield listener;
    yield* this.#leaving;
  }

  /** Open connections by the name of the listener. */
  connections(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { name, connections } of this.listeners()) counts.set(name, (counts.get(name) ?? 0) + connections);
    return counts;
  }

  /**
   * Opens what is new, changes what stays in place, then drains what is not wanted any more. A listener that cannot be
   * opened or changed stays as it was, and the others are not touched by that. One call after the other.
   */
  apply(specs: readonly ListenerSpec[]): Promise<Applied> {
    const result = this.#turn.then(() => this.#apply(specs));
    this.#turn = result.catch(() => {});
    return result;
  }

  /** As `Listener.drain`, of all; further sets are not opened. */
  drain(deadlineMs: number): Promise<number> {
    this.#drained ??= this.#turn.then(async () => {
      const cut = await Promise.all([...this.listeners()].map((listener) => listener.drain(deadlineMs)));
      return cut.reduce((sum, count) => sum + count, 0);
    });
    return this.#drained;
  }

  async #apply(specs: readonly ListenerSpec[]): Promise<Applied> {
    const failures: ListenerFailure[] = [];
    if (this.#drained !== null) return { places: [], failures };
    const former = this.#open;
    const next = new Map<string, Open>();
    for (const spec of specs) {
      const before = former.get(spec.name);
      try {
        next.set(spec.name, await this.#realize(spec, before));
      } catch (error) {
        failures.push(failureOf(spec.name, error));
        if (before !== undefined) next.set(spec.name, before);
      }
    }
    this.#open = next;
    for (const { spec, listener } of former.values()) {
      if (next.get(spec.name)?.listener !== listener) this.#retire(listener);
    }
    return { places: [...next.values()].map(({ listener }) => placeOf(listener)), failures };
  }

  async #realize(spec: ListenerSpec, before: Open | undefined): Promise<Open> {
    if (before === undefined || !sameSocket(spec, before)) {
      return { spec, listener: await listen({ ...spec, ...this.#options }, this.#options.handler) };
    }
    const { listener } = before;
    if (spec.tls !== null) listener.setTls(spec.tls);
    if (!isDeepStrictEqual(spec.limits, before.spec.limits)) listener.setLimits(spec.limits);
    before.spec = spec;
    return before;
  }

  #retire(listener: Http1Listener): void {
    const { name, address, port } = listener;
    this.#leaving.add(listener);
    void listener.drain().then((cut) => {
      this.#leaving.delete(listener);
      this.#options.log.info({ listener: name, address, port, cut }, 'listener closed');
    });
  }
}

/** A listener that found its own port keeps it. */
function sameSocket(spec: ListenerSpec, { spec: former, listener }: Open): boolean {
  return (
    spec.address === former.address &&
    (spec.port === former.port || spec.port === listener.port) &&
    spec.reusePort === former.reusePort &&
    (spec.tls === null) === (former.tls === null)
  );
}

function placeOf({ name, address, port }: Listener): ListenerPlace {
  return { name, address, port };
}

function failureOf(name: string, error: unknown): ListenerFailure {
  if (error instanceof GatewayError) return { name, code: error.code, reason: error.detail };
  return { name, code: 'SLUICE_LISTENER_FAILED', reason: `listener ${name}, ${String(error)}` };
}
