import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import { NOT_OURS } from '../upstream/request-wire.ts';
import type {
  CalloutHandle,
  CalloutHandler,
  CalloutOrigin,
  CalloutRequest,
  CalloutResult,
  Callouts,
  GrpcHandle,
  GrpcHandler,
  GrpcRequest,
} from '../wasm/host.ts';
import type { TestUpstream } from './drive.ts';
import { bodyChunks, headerList, messageHeaders } from './fake-exchange.ts';
import { openTestGrpc, type TestGrpcService } from './test-grpc.ts';

/** A callout as a service of a test sees it. */
export interface TestCallout {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Lower-case names; of repeated fields the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How long the plugin is ready to wait. */
  readonly timeoutMs: number;
}

/** Answers a callout, at once or later; null: the callout fails. What it throws fails the exchange of the test. */
export type TestService = (callout: TestCallout) => TestUpstream | null | Promise<TestUpstream | null>;

/** What is told of the callouts that the plugin makes. */
export interface CalloutWatcher {
  /** It asks for this. What is returned hears how it ended; `status` null: without an answer. */
  onCallout(
    origin: CalloutOrigin | null,
    service: string,
    callout: TestCallout,
  ): (result: CalloutResult, status: number | null) => void;
  /** A service of the test threw. */
  onFault(origin: CalloutOrigin | null, fault: unknown): void;
}

export interface TestServicesOptions {
  readonly services: Readonly<Record<string, TestService>>;
  readonly grpcServices: Readonly<Record<string, TestGrpcService>>;
  /** For time limits. */
  readonly wheel: TimerWheel;
  readonly watcher: CalloutWatcher;
}

/** The services that a plugin under test may call. */
export class TestServices implements Callouts {
  readonly #options: TestServicesOptions;

  constructor(options: TestServicesOptions) {
    this.#options = options;
  }

  openGrpc(request: GrpcRequest, handler: GrpcHandler): GrpcHandle | null {
    const { grpcServices, wheel } = this.#options;
    const service = Object.hasOwn(grpcServices, request.service) ? grpcServices[request.service] : undefined;
    return service === undefined ? null : openTestGrpc(service, request, handler, wheel);
  }

  send(request: CalloutRequest, handler: CalloutHandler): CalloutHandle | null {
    const { services, watcher } = this.#options;
    const { origin } = request;
    const callout = seen(request);
    const ended = watcher.onCallout(origin, request.service, callout);
    const service = Object.hasOwn(services, request.service) ? services[request.service] : undefined;
    if (service === undefined) {
      ended('refused', null);
      return null;
    }
    const call = new Call(this.#options.wheel, request, handler, ended);
    // Asked in a promise, so that what it throws is caught there, too.
    void Promise.try(service, callout).then(
      (answer) => call.answer(answer),
      (fault: unknown) => {
        watcher.onFault(origin, fault);
        call.answer(null);
      },
    );
    return call;
  }
}

/** A callout under way. */
class Call implements CalloutHandle, Expirable {
  readonly #wheel: TimerWheel;
  readonly #timer: WheelTimer;
  readonly #method: string;
  readonly #handler: CalloutHandler;
  readonly #ended: (result: CalloutResult, status: number | null) => void;
  #over = false;

  constructor(
    wheel: TimerWheel,
    { method, timeoutMs }: CalloutRequest,
    handler: CalloutHandler,
    ended: (result: CalloutResult, status: number | null) => void,
  ) {
    this.#wheel = wheel;
    this.#method = method;
    this.#timer = wheel.schedule(this, timeoutMs);
    this.#handler = handler;
    this.#ended = ended;
  }

  answer(answer: TestUpstream | null): void {
    const response = answer === null ? null : responseOf(answer, this.#method);
    const tooLarge = response !== null && response.body.length > LIMITS.pluginCalloutBodyBytes;
    const result = response === null ? 'reset' : tooLarge ? 'too-large' : 'success';
    const whole = result === 'success' ? response : null;
    if (this.#finish(result, whole === null ? null : (answer?.status ?? 200)))
      this.#handler.onCalloutDone(whole, result);
  }

  onTimeout(): void {
    if (this.#finish('timeout', null)) this.#handler.onCalloutDone(null, 'timeout');
  }

  cancel(): void {
    this.#finish('cancelled', null);
  }

  /** False: it was over before. */
  #finish(result: CalloutResult, status: number | null): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#wheel.cancel(this.#timer);
    this.#ended(result, status);
    return true;
  }
}

/** What a plugin says of framing and connections has no effect. */
const NOT_SENT: ReadonlySet<string> = new Set([...NOT_OURS, 'content-length']);

function seen({ method, path, authority, headers, body, timeoutMs }: CalloutRequest): TestCallout {
  const fields = new Map<string, string>();
  for (let i = 0; i < headers.length; i += 2) if (!NOT_SENT.has(headers[i]!)) fields.set(headers[i]!, headers[i + 1]!);
  return {
    method,
    path,
    authority,
    headers: Object.fromEntries(fields),
    body: body?.toString('utf8') ?? '',
    timeoutMs,
  };
}

function responseOf(answer: TestUpstream, method: string) {
  const { status = 200 } = answer;
  const bodyless = status === 204 || status === 304;
  const headers = bodyless ? headerList(answer.headers) : messageHeaders(answer);
  const none = bodyless || method === 'HEAD';
  const body = none ? Buffer.alloc(0) : Buffer.concat(bodyChunks(answer.body ?? ''));
  const trailers = none ? [] : lowerNames(headerList(answer.trailers).toPairs());
  return { headers: [':status', String(status), ...lowerNames(headers.toPairs())], body, trailers };
}

/** Flat pairs as plugins get them. */
function lowerNames(pairs: readonly string[]): string[] {
  return pairs.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
}
