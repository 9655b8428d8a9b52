import type { ErrorCode } from '../core/errors.ts';
import type { TlsFacts } from '../core/tls-facts.ts';
import type { TraceContext } from '../core/trace.ts';
import type { BodySource } from './body.ts';
import type { HeaderList } from './headers.ts';
import type { ResponseSink } from './sink.ts';

/** The downstream connection as far as an exchange needs it. One object per connection, shared by its exchanges. */
export interface Connection {
  /** Number of the connection, unique within the worker. */
  readonly id: number;
  readonly listener: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: boolean;
  /** SNI, or '' . */
  readonly serverName: string;
  /** What TLS has agreed on; null or absent: there is none. Asking costs. */
  readonly tlsFacts?: TlsFacts | null;
  /** What lines of the access log say of it, kept by the first. */
  logPart?: string | undefined;
}

/** The connection to an endpoint. */
export interface UpstreamSocket {
  /** Of the gateway's end; '' when it is not known any more. */
  readonly localAddress: string;
  readonly localPort: number;
  readonly tlsFacts: TlsFacts | null;
}

/**
 * One request and its response: data alone, all fields set in the constructor, so that every exchange has one shape.
 * The head is mutable until it is forwarded; everything below `--- what happened` is written by the gateway on the way
 * and read by the access log, metrics and plugins.
 */
export class Exchange {
  readonly connection: Connection;
  /** 'HTTP/1.0', 'HTTP/1.1' or 'HTTP/2'. */
  readonly protocol: string;
  /** performance.now() at the first byte of the request. */
  readonly startedAt: number;
  /** Wall clock of the same moment, ms since the epoch. */
  readonly startTime: number;

  method: string;
  /** Path with query, as it is sent on; always begins with '/' (or is '*'). */
  target: string;
  /** Authority as the client sent it (host and port), from Host or the absolute target. */
  authority: string;
  readonly requestHeaders: HeaderList;
  /** null when the request has no body. */
  body: BodySource | null;
  readonly sink: ResponseSink;
  /** Protocols that the client offers to switch to, lower case, joined by ', '; '' = none. Its request has no body. */
  upgrade = '';
  /** Names of the head in lower case, pseudo headers included, that the choice of its route goes by; null: nobody asks. */
  routeInputs: ReadonlySet<string> | null = null;
  /** One of them has changed, or somebody asked for it: the route is to be chosen anew. */
  routeStale = false;
  /** Address of the one endpoint that it may go to; '' = whichever is chosen. */
  upstreamOverride = '';

  // --- what happened
  /** Target as the client sent it; `target` changes by rewrites. */
  readonly originalTarget: string;
  /** Caller's address after trusted proxies; set at the start of handling. */
  clientAddress = '';
  scheme: 'http' | 'https';
  trace: TraceContext | null = null;
  snapshotVersion = 0;
  tenant = '';
  route = '';
  service = '';
  /** '' = baseline. */
  lane = '';
  /** Which rule chose the lane: 'rule 1', 'percentage 2', 'tag', or ''. */
  laneRule = '';
  /** The lane had no endpoint and baseline served. */
  laneFallback = false;
  attempts = 0;
  upstreamAddress = '';
  /** performance.now() when the (last) attempt was sent; 0 = never. */
  upstreamStartedAt = 0;
  /** Milliseconds from there to the response head; -1 = no head came. */
  upstreamMs = -1;
  /** Status sent to the client; 0 = none yet. */
  status = 0;
  responseHeaders: HeaderList | null = null;
  /** Once they have come. */
  responseTrailers: HeaderList | null = null;
  /** Why the gateway itself answered or gave up; null when the upstream's answer went through. */
  error: ErrorCode | null = null;
  /** Free words for the access log (`response_code_details`), such as a plugin's reason. */
  details = '';
  bytesSent = 0;
  /** Bytes that came from the client after a switch of protocols. */
  tunnelReceived = 0;
  pluginTimeUs = 0;
  /** Plugins that failed over it, each as `name:reason`, with commas between them. */
  pluginFailures = '';
  /** performance.now() at the end of the response, for those that look at a finished exchange; 0 before. */
  endedAt = 0;
  /** Plugin properties of this exchange (`proxy_set_property`), made on first use. */
  properties: Map<string, Uint8Array> | null = null;
  /** Those that plugins of the gateway's own chain have set: the tenant's can read them, not change them. */
  gatewayProperties: Map<string, Uint8Array> | null = null;

  constructor(
    connection: Connection,
    protocol: string,
    method: string,
    target: string,
    authority: string,
    requestHeaders: HeaderList,
    body: BodySource | null,
    sink: ResponseSink,
  ) {
    this.connection = connection;
    this.protocol = protocol;
    this.startedAt = performance.now();
    this.startTime = Date.now();
    this.method = method;
    this.target = target;
    this.originalTarget = target;
    this.authority = authority;
    this.requestHeaders = requestHeaders;
    this.body = body;
    this.sink = sink;
    this.scheme = connection.tls ? 'https' : 'http';
  }

  /** Bytes of the request body that were read so far, or those of a tunnel that has ended. */
  get bytesReceived(): number {
    return this.body === null ? this.tunnelReceived : this.body.received;
  }

  /** Target up to the query. */
  get path(): string {
    const query = this.target.indexOf('?');
    return query === -1 ? this.target : this.target.slice(0, query);
  }

  /** Query without '?', or ''. */
  get query(): string {
    const query = this.target.indexOf('?');
    return query === -1 ? '' : this.target.slice(query + 1);
  }
}

/** Notes that a plugin could not do its part, whether the exchange goes on without it or not. */
export function notePluginFailure(exchange: Exchange, plugin: string, reason: string): void {
  const failure = `${plugin}:${reason}`;
  exchange.pluginFailures = exchange.pluginFailures === '' ? failure : `${exchange.pluginFailures},${failure}`;
}
