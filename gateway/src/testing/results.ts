import type { CalloutResult } from '../wasm/host.ts';
import type { Outcome } from './drive.ts';
import type { LogLine } from './recording-log.ts';
import type { TestCallout } from './test-services.ts';

/** What the plugin had a part in, as its manifest calls it; `other`: starting, ending, answers of services and queues. */
export type TestPhase =
  | 'requestHeaders'
  | 'requestBody'
  | 'requestTrailers'
  | 'responseHeaders'
  | 'responseBody'
  | 'responseTrailers'
  | 'log'
  | 'tick'
  | 'other';

/** Something that a callback has made different. */
export interface TestChange {
  readonly of:
    | 'requestHeader'
    | 'requestBody'
    | 'requestTrailer'
    | 'responseHeader'
    | 'responseBody'
    | 'responseTrailer'
    | 'property';
  /** Name of the header in lower case (`:path`, `:status` and the like included), path of the property; '' for a body. */
  readonly name: string;
  /** null: it was not there. Repeated fields are joined by `, `; bodies are read as UTF-8. */
  readonly before: string | null;
  /** null: it is gone. */
  readonly after: string | null;
}

/** Head or trailers, and the part of a body, that a callback was shown. */
export interface TestSight {
  /** Lower-case names, pseudo headers first; of a body callback the head of that direction. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the plugin could read of the body, as UTF-8; null: this callback is not about the body. */
  readonly body: string | null;
  /** Nothing follows. */
  readonly endOfStream: boolean;
}

/** One run of the plugin's code. */
export interface TestCall {
  readonly phase: TestPhase;
  /** The export that ran, such as `proxy_on_request_headers`. */
  readonly callback: string;
  /** What it was shown; null unless it is one of the six phases of request and response. */
  readonly saw: TestSight | null;
  /** In the order request, response, properties. */
  readonly changes: readonly TestChange[];
  /**
   * `continue`; `pause`: it holds the exchange; `respond`: it has answered, or failed and the gateway has; null: a
   * callback that decides nothing.
   */
  readonly decision: 'continue' | 'pause' | 'respond' | null;
  /** Lines of the plugin, and of the gateway about it. */
  readonly logs: readonly LogLine[];
  /** Instructions. */
  readonly fuel: number;
  /** Microseconds. */
  readonly timeUs: number;
}

/** A callout that the plugin made for an exchange. */
export interface TestCalloutResult extends TestCallout {
  /** As the plugin named it. */
  readonly service: string;
  /** Status of the answer; null: there was none. */
  readonly status: number | null;
  /** How it ended; null: the exchange was over first. */
  readonly result: CalloutResult | null;
}

/** What became of an exchange, and what the plugin did in it. */
export interface TestResult extends Outcome {
  /** Every run of the plugin's code for this exchange, in order. */
  readonly calls: readonly TestCall[];
  /** HTTP callouts that it made for this exchange, in order. */
  readonly callouts: readonly TestCalloutResult[];
  /** Properties that plugins have set, those of the test included, by dotted path; values read as UTF-8. */
  readonly properties: Readonly<Record<string, string>>;
  /** Lines of the plugin, and of the gateway about it, for this exchange. */
  readonly logs: readonly LogLine[];
  /** Instructions that the plugin took for this exchange. */
  readonly fuel: number;
  /** Microseconds that it took. */
  readonly timeUs: number;
}
