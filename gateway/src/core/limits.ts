/**
 * Every bound of the data path and control plane that is not configurable, with the reason for its value.
 * Sizes are bytes, times milliseconds.
 */
export const LIMITS = {
  /** Larger heads are attacks or mistakes; nginx and Envoy stand at 32–60 KiB, Node at 16 KiB. */
  requestHeadBytes: 32 * 1024,
  /** Long enough for signed URLs; RFC 9110 §4.1 asks for at least 8000. */
  requestTargetBytes: 16 * 1024,
  /** A mutable copy of each is held; Envoy's default is 100. */
  requestHeaderCount: 200,
  /** A client that sends its head slower than this holds a socket for nothing (slowloris). */
  headTimeoutMs: 10_000,
  /** Longer than the idle time of common load balancers (AWS 60 s), so that they close first, never we. */
  keepAliveTimeoutMs: 75_000,
  /** Without bound a slow endpoint collects sockets until descriptors run out. */
  connectionsPerEndpoint: 256,
  /** Requests waiting for one of those connections; beyond it an honest 503 is better than a long queue. */
  pendingPerEndpoint: 1024,
  /** Shorter than the idle time of common servers (Node 5 s), so that a reused socket is rarely a dead one. */
  upstreamKeepAliveMs: 4_000,
  connectTimeoutMs: 3_000,
  /** Whole exchange, when the route says nothing. */
  defaultRequestTimeoutMs: 30_000,
  /** One pattern; longer ones are generated or hostile. */
  regexPatternLength: 1024,
  /** Input of one pattern; header values and paths beyond it do not match. */
  regexInputLength: 8 * 1024,
  /** A configuration file; 1 MiB holds about 5 000 routes. */
  configFileBytes: 4 * 1024 * 1024,
  /** In-flight exchanges get this long after SIGTERM before their sockets are closed. */
  drainDeadlineMs: 30_000,
  /** Log lines of one worker waiting for the writer; more are counted and dropped. */
  accessLogQueueLines: 20_000,
  /** A push or file with more is refused: 26 000 instances are 10 MiB of Nacos JSON. */
  endpointsPerService: 30_000,
  /** Answer bodies of the gateway itself echo the request nowhere, so they stay small. */
  tracestateBytes: 512,
  /** Access-log values are cut to this length, so that one request cannot write megabytes of log. */
  accessLogValueBytes: 2048,
} as const;
