import type {
  CalloutHandle,
  CalloutHandler,
  CalloutRequest,
  Callouts,
  GrpcHandle,
  GrpcHandler,
  GrpcRequest,
} from '../wasm/host.ts';
import type { TestUpstream } from './drive.ts';
import { bodyChunks, headerList, type TestHeaders } from './fake-exchange.ts';
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

/** Answers a callout, at once or later; null: the callout fails. */
export type TestService = (callout: TestCallout) => TestUpstream | null | Promise<TestUpstream | null>;

/** The services that a plugin under test may call. */
export class TestServices implements Callouts {
  readonly #services: Readonly<Record<string, TestService>>;
  readonly #grpc: Readonly<Record<string, TestGrpcService>>;

  constructor(
    services: Readonly<Record<string, TestService>>,
    grpcServices: Readonly<Record<string, TestGrpcService>> = {},
  ) {
    this.#services = services;
    this.#grpc = grpcServices;
  }

  openGrpc(request: GrpcRequest, handler: GrpcHandler): GrpcHandle | null {
    const service = Object.hasOwn(this.#grpc, request.service) ? this.#grpc[request.service] : undefined;
    return service === undefined ? null : openTestGrpc(service, request, handler);
  }

  send(request: CalloutRequest, handler: CalloutHandler): CalloutHandle | null {
    const service = Object.hasOwn(this.#services, request.service) ? this.#services[request.service] : undefined;
    if (service === undefined) return null;
    let cancelled = false;
    void Promise.resolve(service(seen(request))).then((answer) => {
      if (!cancelled) deliver(answer, handler);
    });
    return { cancel: () => void (cancelled = true) };
  }
}

function seen({ method, path, authority, headers, body, timeoutMs }: CalloutRequest): TestCallout {
  const fields: Record<string, string> = {};
  for (let i = 0; i < headers.length; i += 2) fields[headers[i]!] = headers[i + 1]!;
  return { method, path, authority, headers: fields, body: body?.toString('utf8') ?? '', timeoutMs };
}

function deliver(answer: TestUpstream | null, handler: CalloutHandler): void {
  if (answer === null) {
    handler.onCalloutDone(null, 'reset');
    return;
  }
  const headers = [':status', String(answer.status ?? 200), ...lowerPairs(answer.headers)];
  const body = Buffer.concat(bodyChunks(answer.body ?? ''));
  handler.onCalloutDone({ headers, body, trailers: lowerPairs(answer.trailers) }, 'success');
}

/** Flat pairs with names in lower case, as plugins get them. */
function lowerPairs(headers: TestHeaders | undefined): string[] {
  return [...headerList(headers).toPairs()].map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
}
