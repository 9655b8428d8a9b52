import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { type Direction, REQUEST, RESPONSE } from '../filters/filter.ts';
import type { GuestBuffer } from '../wasm/host.ts';
import { type Fields, fieldsOf } from './fake-exchange.ts';
import type { LogLine } from './recording-log.ts';
import type { TestCall, TestCalloutResult, TestChange, TestPhase, TestSight } from './results.ts';

type Kind = TestChange['of'];
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A run of the plugin's code while it is being recorded. */
export type OpenCall = Omit<Writable<TestCall>, 'logs'> & { readonly logs: LogLine[] };

const PHASES: Readonly<Record<string, TestPhase>> = {
  proxy_on_request_headers: 'requestHeaders',
  proxy_on_request_body: 'requestBody',
  proxy_on_request_trailers: 'requestTrailers',
  proxy_on_response_headers: 'responseHeaders',
  proxy_on_response_body: 'responseBody',
  proxy_on_response_trailers: 'responseTrailers',
  proxy_on_log: 'log',
  proxy_on_tick: 'tick',
};

/** What a callback is recorded as. */
export function newCall(callback: string, fuel: number, timeUs: number): OpenCall {
  const phase = Object.hasOwn(PHASES, callback) ? PHASES[callback]! : 'other';
  return { phase, callback, saw: null, changes: [], decision: null, logs: [], fuel, timeUs };
}

/** Follows one exchange: after each run of the plugin it notes what is different. */
export class ExchangeRecord {
  readonly calls: OpenCall[] = [];
  readonly callouts: TestCalloutResult[] = [];
  /** What a service of the test threw. */
  fault: unknown = null;
  readonly #exchange: Exchange;
  readonly #bodies: [GuestBuffer | null, GuestBuffer | null] = [null, null];
  readonly #trailers: [HeaderList | null, HeaderList | null] = [null, null];
  #before: ReadonlyMap<Kind, Fields>;
  #sight: TestSight | null = null;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#before = this.#snapshot();
  }

  /** A phase begins: this is what the plugin is shown. */
  show(direction: Direction, body: GuestBuffer | null, endOfStream: boolean): void {
    this.#bodies[direction] = body ?? this.#bodies[direction];
    this.#look({ headers: this.#head(direction), body: body === null ? null : textOf(body), endOfStream });
  }

  showTrailers(direction: Direction, trailers: HeaderList): void {
    this.#trailers[direction] = trailers;
    this.#look({ headers: fieldsOf(trailers), body: null, endOfStream: true });
  }

  /** The plugin has been given trailers that it may fill. */
  track(direction: Direction, trailers: HeaderList): void {
    if (this.#trailers[direction] === trailers) return;
    this.#trailers[direction] = trailers;
    this.#before = this.#snapshot();
  }

  /** The plugin holds nothing of this body any more. */
  release(direction: Direction): void {
    this.#bodies[direction] = null;
    this.#before = this.#snapshot();
  }

  /** The phase is over; what the plugin did not look at is forgotten. */
  endPhase(): void {
    this.#sight = null;
  }

  /** The plugin has run. */
  add(call: OpenCall): void {
    const after = this.#snapshot();
    if (call.phase !== 'other' && call.phase !== 'log') {
      call.saw = this.#sight;
      this.#sight = null;
    }
    call.changes = KINDS.flatMap((kind) => {
      const before = this.#before.get(kind);
      // What was not there the gateway has brought since.
      return before === undefined ? [] : changesOf(kind, before, after.get(kind) ?? {});
    });
    this.#before = after;
    this.calls.push(call);
  }

  /** What the last run has led to, unless it was told by its result. */
  decide(decision: TestCall['decision']): void {
    const last = this.calls.at(-1);
    if (last !== undefined) last.decision ??= decision;
  }

  /** Properties that plugins have set. */
  properties(): Record<string, string> {
    const { gatewayProperties, properties } = this.#exchange;
    const set = [...(gatewayProperties ?? []), ...(properties ?? [])];
    return Object.fromEntries(
      set.map(([path, value]) => [utf8(path).replaceAll('\0', '.'), Buffer.from(value).toString('utf8')]),
    );
  }

  /** What there is to tell when the exchange is over. */
  read() {
    const { calls, callouts, fault } = this;
    return {
      calls: [...calls],
      callouts: callouts.map((callout) => ({ ...callout })),
      fault,
      properties: this.properties(),
    };
  }

  #look(sight: TestSight): void {
    this.#sight = sight;
    this.#before = this.#snapshot();
  }

  #head(direction: Direction): Record<string, string> {
    const { method, target, authority, scheme, requestHeaders, responseHeaders, status } = this.#exchange;
    if (direction === REQUEST) {
      return fieldsOf(requestHeaders, {
        ':authority': authority,
        ':method': method,
        ':path': target,
        ':scheme': scheme,
      });
    }
    return responseHeaders === null ? {} : fieldsOf(responseHeaders, { ':status': String(status) });
  }

  #snapshot(): ReadonlyMap<Kind, Fields> {
    const body = (direction: Direction): Fields => {
      const buffer = this.#bodies[direction];
      return buffer === null ? {} : { '': textOf(buffer) };
    };
    const trailers = (direction: Direction): Fields => {
      const list = this.#trailers[direction];
      return list === null ? {} : fieldsOf(list);
    };
    return new Map<Kind, Fields>([
      ['requestHeader', this.#head(REQUEST)],
      ['requestBody', body(REQUEST)],
      ['requestTrailer', trailers(REQUEST)],
      ['responseHeader', this.#head(RESPONSE)],
      ['responseBody', body(RESPONSE)],
      ['responseTrailer', trailers(RESPONSE)],
      ['property', this.properties()],
    ]);
  }
}

const KINDS: readonly Kind[] = [
  'requestHeader',
  'requestBody',
  'requestTrailer',
  'responseHeader',
  'responseBody',
  'responseTrailer',
  'property',
];

function changesOf(of: Kind, before: Fields, after: Fields): TestChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const valueIn = (fields: Fields, name: string): string | null => (Object.hasOwn(fields, name) ? fields[name]! : null);
  return [...names]
    .map((name) => ({ of, name, before: valueIn(before, name), after: valueIn(after, name) }))
    .filter((change) => change.before !== change.after);
}

function textOf(buffer: GuestBuffer): string {
  return Buffer.from(buffer.read(0, buffer.length)).toString('utf8');
}

/** Paths are bytes to the host, one character each. */
function utf8(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}
