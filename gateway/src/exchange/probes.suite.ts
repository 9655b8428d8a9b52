import { type Duplex, duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ErrorCode } from '../core/errors.ts';
import type { BodyReader, BodySource } from './body.ts';
import { type HeaderList, PairHeaders } from './headers.ts';
import type { MemoryBody, MemorySink } from './memory.ts';
import type { ResponseSink, SinkWriter } from './sink.ts';

/** Who sends the request body. */
export interface BodySender {
  write(chunk: Buffer): void;
  end(trailers?: string[]): void;
  /** Goes away in the middle. */
  fail(): void;
}

/** Who gets the request body. */
export interface BodyReceiver {
  start(): void;
  pause(): void;
  resume(): void;
  stop(): void;
  readonly received: Buffer;
  readonly ended: boolean;
  readonly trailers: readonly string[] | null;
  readonly failed: boolean;
}

/** Who answers. */
export interface ResponseDriver {
  informational(status: number, pairs: string[]): void;
  head(status: number, pairs: string[], endOfStream: boolean): void;
  data(chunk: Buffer): boolean;
  trailers(pairs: string[]): void;
  end(): void;
  reset(): void;
  /** Switches protocols; the far side of the tunnel. */
  upgrade(pairs: string[]): Duplex;
  readonly drains: number;
  /** How often it heard that the receiver is gone. */
  readonly closed: number;
}

/** Who gets the answer. */
export interface ResponseReceiver {
  hold(): void;
  release(): void;
  close(): void;
  readonly informationals: readonly { status: number; pairs: readonly string[] }[];
  readonly status: number;
  readonly pairs: readonly string[];
  readonly body: Buffer;
  readonly trailers: readonly string[] | null;
  readonly ended: boolean;
  readonly failed: boolean;
  /** Its side of the tunnel after a switch of protocols. */
  readonly tunnel: Duplex | null;
}

/** One exchange with both of its ends in the test's hands. */
export interface ContractRig {
  readonly sender: BodySender;
  readonly bodyReceiver: BodyReceiver;
  readonly response: ResponseDriver;
  readonly client: ResponseReceiver;
  /** The answering end has the exchange. */
  readonly begun: Promise<void>;
  close(): Promise<void>;
}

export interface ContractOptions {
  readonly method: string;
  /** null = no body, -1 = length unknown. */
  readonly bodyLength: number | null;
  /** Protocol that the request offers; '' = none. */
  readonly upgrade: string;
}

/** Waits until something holds, turn by turn; fails the test after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await turn();
  }
}

/** Lets everything happen that is already under way. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

/** Reads a body source by contract: copies chunks, and counts calls that come after the last one. */
export class BodyProbe implements BodyReader, BodyReceiver {
  ended = false;
  failed = false;
  trailers: readonly string[] | null = null;
  code: ErrorCode | null = null;
  readonly #source: BodySource;
  readonly #chunks: Buffer[] = [];
  #over = false;

  constructor(source: BodySource) {
    this.#source = source;
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  start(): void {
    this.#source.read(this);
    expect(this.#chunks).toHaveLength(0);
  }

  pause(): void {
    this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }

  stop(): void {
    this.#source.stop();
    this.#over = true;
  }

  onBodyData(chunk: Buffer): void {
    this.#expectOpen();
    expect(chunk.length).toBeGreaterThan(0);
    this.#chunks.push(Buffer.from(chunk));
  }

  onBodyEnd(trailers: HeaderList | null): void {
    this.#expectOpen();
    this.#over = true;
    this.ended = true;
    this.trailers = trailers?.toPairs() ?? null;
  }

  onBodyError(code: ErrorCode): void {
    this.#expectOpen();
    this.#over = true;
    this.failed = true;
    this.code = code;
  }

  #expectOpen(): void {
    if (this.#over) throw new Error('a callback after the last one');
  }
}

/** Writes to a sink by contract, and spoils each chunk as soon as the sink has returned. */
export class SinkProbe implements SinkWriter, ResponseDriver {
  drains = 0;
  closed = 0;
  /** What it heard of the ends of tunnels: bytes sent, bytes received, failure. */
  readonly outcomes: [number, number, ErrorCode | null][] = [];
  readonly #sink: ResponseSink;
  #inside = false;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
    sink.writer = this;
  }

  informational(status: number, pairs: string[]): void {
    this.#call(() => this.#sink.informational(status, new PairHeaders(pairs)));
  }

  head(status: number, pairs: string[], endOfStream: boolean): void {
    this.#call(() => this.#sink.head(status, new PairHeaders(pairs), endOfStream));
  }

  data(chunk: Buffer): boolean {
    const lent = Buffer.from(chunk);
    const more = this.#call(() => this.#sink.data(lent));
    lent.fill(0xdd);
    return more;
  }

  trailers(pairs: string[]): void {
    this.#call(() => this.#sink.trailers(new PairHeaders(pairs)));
  }

  end(): void {
    this.#call(() => this.#sink.end());
  }

  reset(): void {
    this.#call(() => this.#sink.reset('SLUICE_UPSTREAM_RESET'));
  }

  upgrade(pairs: string[]): Duplex {
    const [near, far] = duplexPair();
    this.#call(() => this.#sink.upgrade(new PairHeaders(pairs), near));
    return far;
  }

  onDrain(): void {
    if (this.#inside) throw new Error('drain from within a call of the sink');
    this.drains++;
  }

  onSinkClosed(): void {
    if (this.#inside) throw new Error('close from within a call of the sink');
    this.closed++;
  }

  onTunnelClosed(...outcome: [number, number, ErrorCode | null]): void {
    if (this.#inside) throw new Error('the end of a tunnel from within a call of the sink');
    this.outcomes.push(outcome);
  }

  #call<T>(action: () => T): T {
    this.#inside = true;
    try {
      return action();
    } finally {
      this.#inside = false;
    }
  }
}

/** One end of a tunnel: keeps what comes. */
export class TunnelEnd {
  readonly stream: Duplex;
  readonly #chunks: Buffer[] = [];

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.allowHalfOpen = true;
    stream.on('data', (chunk: Buffer) => void this.#chunks.push(chunk));
    stream.on('error', () => {});
    stream.resume();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }

  /** Nothing more comes. */
  get over(): boolean {
    return this.stream.readableEnded || this.stream.closed;
  }
}

/** A memory sink as the end that gets the answer. */
export function sinkReceiver(sink: MemorySink): ResponseReceiver {
  return {
    hold: () => sink.hold(),
    release: () => sink.release(),
    close: () => sink.close(),
    get informationals() {
      return sink.informationals.map(({ status, headers }) => ({ status, pairs: headers.toPairs() }));
    },
    get status() {
      return sink.status;
    },
    get pairs() {
      return sink.headers?.toPairs() ?? [];
    },
    get body() {
      return sink.body;
    },
    get trailers() {
      return sink.receivedTrailers?.toPairs() ?? null;
    },
    get ended() {
      return sink.ended;
    },
    get failed() {
      return sink.resetCode !== null;
    },
    get tunnel() {
      return sink.receivedUpgrade;
    },
  };
}

/** A memory body as the end that sends. */
export function memorySender(body: MemoryBody): BodySender {
  return {
    write: (chunk) => body.write(chunk),
    end: (trailers) => body.end(trailers === undefined ? null : new PairHeaders(trailers)),
    fail: () => body.fail('SLUICE_CLIENT_ABORTED'),
  };
}

/** Bytes that show where one is missing, doubled or out of place. */
export function pattern(length: number, start = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = ((start + i) * 31 + ((start + i) >> 8)) & 0xff;
  return bytes;
}
