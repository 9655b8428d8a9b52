import type { Exchange } from '../exchange/exchange.ts';
import type { CalloutOrigin, CalloutResult } from '../wasm/host.ts';
import { type ExchangeRecord, newCall, type OpenCall } from './exchange-record.ts';
import { RecordingLog } from './recording-log.ts';
import type { TestCalloutResult } from './results.ts';
import type { CalloutWatcher, TestCallout } from './test-services.ts';

/** Runs and callouts without an exchange that are kept. */
const KEPT_CALLS = 1000;

/** Notes what a plugin does, each thing with the exchange that it belongs to. */
export class Recorder implements CalloutWatcher {
  readonly log: RecordingLog;
  /** Runs that belong to no exchange, the last of them. */
  readonly calls: OpenCall[] = [];
  /** Callouts that belong to no exchange, the last of them. */
  readonly callouts: TestCalloutResult[] = [];
  readonly #records = new WeakMap<CalloutOrigin, ExchangeRecord>();
  readonly #counts = new Map<string, number>();
  /** The run that lines of the log belong to; null: none. */
  #current: OpenCall | null = null;

  constructor() {
    this.log = new RecordingLog((line) => this.#current?.logs.push(line));
  }

  follow(exchange: Exchange, record: ExchangeRecord): void {
    this.#records.set(exchange, record);
  }

  recordOf(exchange: Exchange): ExchangeRecord {
    return this.#records.get(exchange)!;
  }

  /** How often an export ran. */
  countOf(callback: string): number {
    return this.#counts.get(callback) ?? 0;
  }

  onCall(callback: string, origin: CalloutOrigin | null, fuel: number, timeUs: number): void {
    const call = newCall(callback, fuel, timeUs);
    this.#counts.set(callback, this.countOf(callback) + 1);
    // Ticks and queues are the plugin's own affair, whatever exchange it turns to.
    const own = origin === null || call.phase === 'tick' || callback === 'proxy_on_queue_ready';
    const record = own ? undefined : this.#records.get(origin);
    if (record !== undefined) record.add(call);
    else if (this.calls.push(call) > KEPT_CALLS) this.calls.shift();
    this.#current = call;
    // Its lines follow at once.
    queueMicrotask(() => {
      if (this.#current === call) this.#current = null;
    });
  }

  onCallout(origin: CalloutOrigin | null, service: string, callout: TestCallout) {
    const entry: { -readonly [K in keyof TestCalloutResult]: TestCalloutResult[K] } = {
      ...callout,
      service,
      status: null,
      result: null,
    };
    const callouts = (origin === null ? undefined : this.#records.get(origin)?.callouts) ?? this.callouts;
    callouts.push(entry);
    if (this.callouts.length > KEPT_CALLS) this.callouts.shift();
    return (result: CalloutResult, status: number | null): void => {
      entry.result = result;
      entry.status = status;
    };
  }

  onFault(origin: CalloutOrigin | null, fault: unknown): void {
    const record = origin === null ? undefined : this.#records.get(origin);
    if (record === undefined) throw fault;
    record.fault ??= fault;
  }
}
