/** Who caused a failure; decides the log level and where an operator looks first. */
export type ErrorSource = 'client' | 'gateway' | 'upstream' | 'plugin' | 'config';

interface ErrorEntry {
  /** HTTP status of the local reply; 0 where the failure never becomes a response. */
  readonly status: number;
  readonly source: ErrorSource;
  /** What happened, and what to do about it. */
  readonly message: string;
}

/**
 * Every failure the gateway can report, in one place. Codes are `SLUICE_<AREA>_<WHAT>` and are never reused with
 * another meaning. `docs/errors.md` lists the same codes; a test compares both.
 */
export const ERRORS = {
  SLUICE_REQUEST_INVALID: {
    status: 400,
    source: 'client',
    message: 'The request is malformed. Send a valid HTTP/1.1 request.',
  },
  SLUICE_REQUEST_PATH_INVALID: {
    status: 400,
    source: 'client',
    message:
      'The path has dot segments, a backslash, a fragment or a NUL. Send the path resolved and encoded (RFC 3986).',
  },
  SLUICE_REQUEST_TIMEOUT: {
    status: 408,
    source: 'client',
    message: 'The request did not arrive in time. Send head and body without long pauses.',
  },
  SLUICE_REQUEST_BODY_TOO_LARGE: {
    status: 413,
    source: 'client',
    message: 'The request body is larger than allowed. Send less.',
  },
  SLUICE_REQUEST_TARGET_TOO_LONG: {
    status: 414,
    source: 'client',
    message: 'The request target is longer than allowed. Shorten path or query.',
  },
  SLUICE_REQUEST_HEAD_TOO_LARGE: {
    status: 431,
    source: 'client',
    message: 'The request headers are larger than allowed. Send fewer or shorter headers.',
  },
  SLUICE_REQUEST_UNSUPPORTED: {
    status: 501,
    source: 'client',
    message:
      'The gateway offers no tunnels by CONNECT, no transfer coding before the final chunked, no expectation but 100-continue, and no upgrade of a request with a body. Send a plain HTTP/1.1 request.',
  },
  SLUICE_UPGRADE_REFUSED: {
    status: 403,
    source: 'client',
    message: 'The route allows no switch to the protocol that Upgrade names. Have it added to upgrades of the route.',
  },
  SLUICE_UPGRADE_IDLE: {
    status: 0,
    source: 'client',
    message:
      'Nothing went over the upgraded connection for too long (limits.upgradeIdleTimeout). Send keep-alives, such as WebSocket pings.',
  },
  SLUICE_REQUEST_VERSION_UNSUPPORTED: {
    status: 505,
    source: 'client',
    message: 'The gateway speaks HTTP/1.1 and HTTP/1.0 here. Send one of them.',
  },
  SLUICE_CLIENT_ABORTED: {
    status: 499,
    source: 'client',
    message: 'The client went away before the response was complete.',
  },
  SLUICE_ROUTE_DOMAIN_UNKNOWN: {
    status: 404,
    source: 'client',
    message: 'No tenant serves this host. Check the Host header, or add the domain to a tenant.',
  },
  SLUICE_ROUTE_NOT_FOUND: {
    status: 404,
    source: 'client',
    message: 'No route of this domain matches the request. Check path, method and headers.',
  },
  SLUICE_TENANT_UNAVAILABLE: {
    status: 503,
    source: 'gateway',
    message: 'The tenant of this domain has no valid configuration yet. Run sluice check and mend its file.',
  },
  SLUICE_LANE_NO_ENDPOINT: {
    status: 503,
    source: 'upstream',
    message: 'The lane has no usable endpoint and may not fall back to baseline.',
  },
  SLUICE_UPSTREAM_NO_ENDPOINT: {
    status: 503,
    source: 'upstream',
    message: 'The service has no usable endpoint. Check its registration and health.',
  },
  SLUICE_UPSTREAM_OVERLOADED: {
    status: 503,
    source: 'upstream',
    message: 'All connections to the service are busy and its queue is full. Add endpoints or raise the limits.',
  },
  SLUICE_UPSTREAM_CONNECT_FAILED: {
    status: 502,
    source: 'upstream',
    message: 'No connection to the endpoint could be opened.',
  },
  SLUICE_UPSTREAM_CONNECT_TIMEOUT: {
    status: 504,
    source: 'upstream',
    message: 'The endpoint did not accept a connection in time.',
  },
  SLUICE_UPSTREAM_RESET: {
    status: 502,
    source: 'upstream',
    message: 'The endpoint closed the connection before the response was complete.',
  },
  SLUICE_UPSTREAM_PROTOCOL: {
    status: 502,
    source: 'upstream',
    message: 'The endpoint sent a response that is not valid HTTP.',
  },
  SLUICE_UPSTREAM_STALLED: {
    status: 504,
    source: 'upstream',
    message: 'The endpoint fell silent in the middle of its response.',
  },
  SLUICE_UPSTREAM_TIMEOUT: {
    status: 504,
    source: 'upstream',
    message: 'The service did not answer within the time limit of the route (timeouts.request).',
  },
  SLUICE_UPSTREAM_TRY_TIMEOUT: {
    status: 504,
    source: 'upstream',
    message: 'The endpoint did not answer within the time limit of one attempt (timeouts.perTry).',
  },
  SLUICE_PLUGIN_FAILED: {
    status: 503,
    source: 'plugin',
    message: 'A plugin of this route failed, and its failure policy is closed.',
  },
  SLUICE_PLUGIN_UNAVAILABLE: {
    status: 503,
    source: 'plugin',
    message: 'A plugin of this route is not running after repeated failures, and its failure policy is closed.',
  },
  SLUICE_PLUGIN_NO_ROOM: {
    status: 503,
    source: 'plugin',
    message:
      'The plugins of the tenant, or of all, have as many instances or as much memory as they may, and all are busy. Use fewer configurations, or have the operator raise tenants.limits.plugins or pluginMemory.',
  },
  SLUICE_PLUGIN_CPU_EXHAUSTED: {
    status: 503,
    source: 'plugin',
    message:
      'The plugins of the tenant have used up their share of the worker, and the failure policy of one of them is closed. Find out which is slow, or have the operator raise tenants.limits.pluginCpu.',
  },
  SLUICE_PLUGIN_CLOSED: {
    status: 503,
    source: 'plugin',
    message: 'A plugin of this route closed the exchange without an answer.',
  },
  SLUICE_PLUGIN_PAUSE_TIMEOUT: {
    status: 503,
    source: 'plugin',
    message: 'A plugin of this route held the request for too long, and its failure policy is closed.',
  },
  SLUICE_PLUGIN_BODY_LIMIT: {
    status: 503,
    source: 'plugin',
    message:
      'A plugin of this route cannot hold so much of a body, and its failure policy is closed. Raise its limits.body.',
  },
  SLUICE_TENANT_BODIES_FULL: {
    status: 503,
    source: 'gateway',
    message:
      'The plugins of the tenant hold as many bytes of bodies as the operator allows (bufferedBodies). Try again later.',
  },
  SLUICE_PLUGIN_INVALID: {
    status: 0,
    source: 'plugin',
    message: 'The module cannot run as a plugin.',
  },
  SLUICE_PLUGIN_MANIFEST_INVALID: {
    status: 0,
    source: 'plugin',
    message:
      'What the module says of itself cannot be used. It runs, and its configurations are not checked against it. Build it again.',
  },
  SLUICE_PLUGIN_NOT_ALLOWED: {
    status: 0,
    source: 'config',
    message: 'The plugin asks for more than the catalogue allows it. Allow it, or be content with what works without.',
  },
  SLUICE_PLUGIN_START_FAILED: {
    status: 0,
    source: 'plugin',
    message: 'The plugin failed while it started, or refused its configuration. Mend the configuration or the plugin.',
  },
  SLUICE_GATEWAY_OVERLOADED: {
    status: 503,
    source: 'gateway',
    message: 'The gateway has more work than it can do in time. Try again after the seconds of Retry-After.',
  },
  SLUICE_QUOTA_RATE: {
    status: 429,
    source: 'client',
    message:
      'The tenant has used up its requests per second (tenants.quotas). Try again after the seconds of Retry-After.',
  },
  SLUICE_QUOTA_CONCURRENCY: {
    status: 503,
    source: 'client',
    message:
      'The tenant has as many exchanges under way as it may (tenants.quotas). Try again after the seconds of Retry-After.',
  },
  SLUICE_GATEWAY_DRAINING: {
    status: 503,
    source: 'gateway',
    message: 'The gateway is shutting down, or closes the listener. Try again; another replica will answer.',
  },
  SLUICE_GATEWAY_INTERNAL: {
    status: 500,
    source: 'gateway',
    message: 'The gateway failed while it handled the request. See its log for the trace id.',
  },
  SLUICE_CONFIG_INVALID: {
    status: 0,
    source: 'config',
    message: 'The configuration has errors. Each is listed with its place and remedy.',
  },
  SLUICE_CONFIG_UNREADABLE: {
    status: 0,
    source: 'config',
    message: 'A configuration file cannot be read. Check path and permissions.',
  },
  SLUICE_CONFIG_SYNTAX: {
    status: 0,
    source: 'config',
    message: 'The file is not valid YAML or JSON.',
  },
  SLUICE_CONFIG_TOO_LARGE: {
    status: 0,
    source: 'config',
    message: 'The file is larger or nested deeper than allowed. Split or simplify it.',
  },
  SLUICE_CONFIG_UNKNOWN_KEY: {
    status: 0,
    source: 'config',
    message: 'The key means nothing here. Correct or remove it.',
  },
  SLUICE_CONFIG_MISSING_KEY: {
    status: 0,
    source: 'config',
    message: 'A required key is missing. Add it.',
  },
  SLUICE_CONFIG_UNSUPPORTED: {
    status: 0,
    source: 'config',
    message: 'The key is known, but what it asks for is not supported yet. Remove it.',
  },
  SLUICE_CONFIG_VALUE: {
    status: 0,
    source: 'config',
    message: 'The value is not acceptable for this key.',
  },
  SLUICE_CONFIG_CONFLICT: {
    status: 0,
    source: 'config',
    message: 'Two parts of the configuration exclude each other. Keep one.',
  },
  SLUICE_CONFIG_REFERENCE: {
    status: 0,
    source: 'config',
    message: 'The value names something that does not exist. Define it or correct the name.',
  },
  SLUICE_CONFIG_REGEX: {
    status: 0,
    source: 'config',
    message: 'The regular expression cannot be used.',
  },
  SLUICE_CONFIG_CEILING: {
    status: 0,
    source: 'config',
    message: 'The tenant asks for more than the operator allows it. Use less, or have tenants.limits raised.',
  },
  SLUICE_CONFIG_PARSER_FAILED: {
    status: 0,
    source: 'config',
    message: 'The file could not be parsed within its limits of time and memory. Simplify it.',
  },
  SLUICE_CONFIG_SECRET: {
    status: 0,
    source: 'config',
    message: 'The secret cannot be read. Put it into the secrets directory.',
  },
  SLUICE_CONFIG_VARIABLE: {
    status: 0,
    source: 'config',
    message: 'The environment variable is not set. Set it or give a default.',
  },
  SLUICE_LISTENER_PORT_TAKEN: {
    status: 0,
    source: 'config',
    message: 'The port of a listener is in use. Stop the other program or choose another port.',
  },
  SLUICE_LISTENER_FAILED: {
    status: 0,
    source: 'config',
    message: 'A listener cannot open its port. Check address, port and permissions.',
  },
  SLUICE_WORKER_CRASHED: {
    status: 0,
    source: 'gateway',
    message: 'All workers died repeatedly and none stayed healthy, so the process ends. See the log for the reasons.',
  },
  SLUICE_WORKER_STUCK: {
    status: 0,
    source: 'gateway',
    message: 'A worker neither works nor ends, so the process ends. See the log for what it did last.',
  },
  SLUICE_TLS_FILE_UNREADABLE: {
    status: 0,
    source: 'config',
    message: 'The file of a certificate or key cannot be read. Check path and permissions.',
  },
  SLUICE_TLS_CERTIFICATE_INVALID: {
    status: 0,
    source: 'config',
    message: 'The file holds no certificate that can be read. Give the certificate and its chain as PEM.',
  },
  SLUICE_TLS_CERTIFICATE_UNUSABLE: {
    status: 0,
    source: 'config',
    message: 'The certificate cannot serve TLS connections. Issue it with a stronger key or signature.',
  },
  SLUICE_TLS_CERTIFICATE_EXPIRED: {
    status: 0,
    source: 'config',
    message: 'The certificate is not valid at present, and clients refuse it. It is served all the same; renew it.',
  },
  SLUICE_TLS_KEY_INVALID: {
    status: 0,
    source: 'config',
    message: 'The file holds no private key that can be read. Give the key as PEM.',
  },
  SLUICE_TLS_KEY_ENCRYPTED: {
    status: 0,
    source: 'config',
    message: 'The private key is encrypted. Decrypt it; the gateway asks for no passphrase.',
  },
  SLUICE_TLS_KEY_MISMATCH: {
    status: 0,
    source: 'config',
    message: 'Private key and certificate do not belong together. Give files that were issued together.',
  },
  SLUICE_ACCESSLOG_UNWRITABLE: {
    status: 0,
    source: 'config',
    message: 'The access log cannot be opened for writing. Check path and permissions.',
  },
  SLUICE_ADMIN_HOST_REFUSED: {
    status: 403,
    source: 'client',
    message: 'The admin API on a loopback address answers only to localhost, 127.0.0.1 and [::1].',
  },
  SLUICE_ADMIN_METHOD_NOT_ALLOWED: {
    status: 405,
    source: 'client',
    message: 'The admin API only reads. Use GET or HEAD.',
  },
  SLUICE_ADMIN_NOT_FOUND: {
    status: 404,
    source: 'client',
    message: 'The admin API has no such path.',
  },
  SLUICE_DISCOVERY_FAILED: {
    status: 0,
    source: 'upstream',
    message: 'The registry did not answer as expected. Endpoints stay as last known.',
  },
} as const satisfies Record<`SLUICE_${string}`, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** A failure with a code of the table. `detail` names the place; the table's message says what to do. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;

  constructor(code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(detail === '' ? ERRORS[code].message : `${detail}: ${ERRORS[code].message}`, options);
    this.name = 'GatewayError';
    this.code = code;
    this.detail = detail;
  }
}

/** The table's entry for a code, typed without its literal. */
export function describeError(code: ErrorCode): ErrorEntry {
  return ERRORS[code];
}
