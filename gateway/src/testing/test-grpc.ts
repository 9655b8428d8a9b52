import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { GrpcHandle, GrpcHandler, GrpcRequest } from '../wasm/host.ts';
import { headerList, type TestHeaders } from './fake-exchange.ts';

/** A gRPC call as a service of a test sees it; it answers by the methods, in this turn or later. */
export interface TestGrpcCall {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly authority: string;
  /** Lower-case names; of repeated fields the last. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Of a unary call; null: it is a stream. */
  readonly message: Buffer | null;
  /** How long the plugin is ready to wait; 0: as long as it takes. */
  readonly timeoutMs: number;
  /** Head of the answer; default before the first message, and empty. */
  head(metadata: TestHeaders): void;
  /** A message; of a unary call it reaches the plugin with status 0, and only once. */
  reply(message: string | Uint8Array): void;
  /** The end, with a status from 0 to 16. Nothing follows it. */
  end(status?: number, words?: string, trailers?: TestHeaders): void;
}

/** Serves the calls to one service. What it returns hears of the messages of a stream, and of the end of its side. */
export type TestGrpcService = (call: TestGrpcCall) => void | TestGrpcListener;

export interface TestGrpcListener {
  onMessage?(message: Buffer): void;
  /** The plugin sends nothing more. */
  onEnd?(): void;
  /** The plugin, or its exchange, is gone. */
  onCancel?(): void;
}

/** Status of a call whose time is up. */
const DEADLINE_EXCEEDED = 4;

class Call implements TestGrpcCall, GrpcHandle, Expirable {
  readonly path: string;
  readonly authority: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly message: Buffer | null;
  readonly timeoutMs: number;
  listener: TestGrpcListener = {};
  readonly #handler: GrpcHandler;
  #begun = false;
  #ended = false;
  #deaf = false;
  #cancelled = false;
  #sendingOver = false;
  #answer: Buffer | null = null;
  readonly #wheel: TimerWheel;
  readonly #timer: WheelTimer | null;

  constructor(request: GrpcRequest, handler: GrpcHandler, wheel: TimerWheel) {
    const { path, authority, metadata, message, timeoutMs } = request;
    const fields: Record<string, string> = {};
    for (let i = 0; i < metadata.length; i += 2) fields[metadata[i]!] = metadata[i + 1]!;
    this.path = path;
    this.authority = authority;
    this.metadata = fields;
    this.message = message;
    this.timeoutMs = timeoutMs;
    this.#handler = handler;
    this.#wheel = wheel;
    this.#timer = timeoutMs > 0 ? wheel.schedule(this, timeoutMs) : null;
  }

  onTimeout(): void {
    if (this.#ended) return;
    this.listener.onCancel?.();
    this.#finish(DEADLINE_EXCEEDED, 'the deadline has passed', [], 'timeout');
  }

  // --- the service

  head(metadata: TestHeaders): void {
    if (this.#begun || this.#ended) return;
    this.#begun = true;
    this.#tell(() => this.#handler.onGrpcMetadata([':status', '200', ...headerList(metadata).toPairs()]));
  }

  reply(message: string | Uint8Array): void {
    if (this.#ended) return;
    this.head({});
    const bytes = Buffer.from(message as Uint8Array);
    if (this.message === null) this.#tell(() => this.#handler.onGrpcMessage(bytes));
    else this.#answer ??= bytes;
  }

  end(status = 0, words = '', trailers: TestHeaders = {}): void {
    if (this.#ended) return;
    const pairs = ['grpc-status', String(status), 'grpc-message', words, ...headerList(trailers).toPairs()];
    const answer = this.#answer;
    if (status === 0 && answer !== null) this.#tell(() => this.#handler.onGrpcMessage(answer));
    this.#finish(status, words, pairs, 'success');
  }

  #finish(status: number, message: string, trailers: readonly string[], result: 'success' | 'timeout'): void {
    this.#ended = true;
    this.#wheel.cancel(this.#timer);
    queueMicrotask(() => this.#cancelled || this.#handler.onGrpcEnd({ status, message, trailers, result }));
  }

  /** The plugin may be on the stack. */
  #tell(news: () => void): void {
    if (!this.#deaf) queueMicrotask(() => this.#deaf || news());
  }

  // --- the plugin

  send(message: Buffer, end: boolean): boolean {
    if (this.#sendingOver) return false;
    this.#sendingOver = end;
    this.listener.onMessage?.(message);
    if (end) this.listener.onEnd?.();
    return true;
  }

  close(): void {
    this.#deaf = true;
    if (!this.#sendingOver) this.listener.onEnd?.();
    this.#sendingOver = true;
  }

  cancel(): void {
    this.#deaf = true;
    this.#cancelled = true;
    if (!this.#ended) this.listener.onCancel?.();
    this.#ended = true;
    this.#wheel.cancel(this.#timer);
  }
}

/** Opens a call to a service of a test. @param wheel for its deadline */
export function openTestGrpc(
  service: TestGrpcService,
  request: GrpcRequest,
  handler: GrpcHandler,
  wheel: TimerWheel,
): GrpcHandle {
  const call = new Call(request, handler, wheel);
  call.listener = service(call) ?? {};
  return call;
}
