import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { formatAddress } from '../core/endpoint.ts';
import { describeError, type ErrorCode, GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { METRICS_CONTENT_TYPE } from '../telemetry/metrics.ts';
import { isLoopback, refusalOf } from './admin-guard.ts';
import type { AdminState } from './admin-state.ts';

/** Where the admin API listens; port 0 takes a free one. */
export interface AdminAddress {
  readonly address: string;
  readonly port: number;
}

export interface AdminServer extends AdminAddress {
  /** Closes the port and all connections. */
  close(): Promise<void>;
}

/** A probe or scraper answers in seconds; whoever needs longer to send a GET is stuck. */
const REQUEST_TIMEOUT_MS = 10_000;

/** The API is read by tools; a browser that is brought to it shall neither keep, frame nor embed an answer. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Starts the admin API: read only, without authentication, meant for a loopback or pod address.
 * @throws GatewayError SLUICE_LISTENER_PORT_TAKEN, SLUICE_LISTENER_FAILED
 */
export async function startAdmin({ address, port }: AdminAddress, state: AdminState, log: Log): Promise<AdminServer> {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT_MS,
    bodyLimit: 1024,
    // A target that cannot be decoded reaches neither hooks nor handlers.
    frameworkErrors: (_error, _request, reply) =>
      void sendError(reply.headers(SECURITY_HEADERS), 'SLUICE_REQUEST_INVALID'),
  });
  app.server.maxConnections = LIMITS.adminConnections;
  const loopback = isLoopback(address);
  if (!loopback) log.warn({ address, port }, 'the admin API has no authentication and listens beyond loopback');
  guard(app, loopback, log);
  registerProbes(app, state);
  registerViews(app, state);
  try {
    await app.listen({ host: address, port });
  } catch (error) {
    await app.close();
    throw listenError(error, address, port);
  }
  const bound = app.server.address();
  return {
    address,
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () => app.close(),
  };
}

/** What every answer shares: refusals, headers, and errors in the gateway's own shape. */
function guard(app: FastifyInstance, loopback: boolean, log: Log): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    const refusal = refusalOf(request.method, request.headers.host, loopback);
    if (refusal === null) done();
    else sendError(reply, refusal);
  });
  app.setNotFoundHandler((_request, reply) => sendError(reply, 'SLUICE_ADMIN_NOT_FOUND'));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error.statusCode !== undefined && error.statusCode < 500) return sendError(reply, 'SLUICE_REQUEST_INVALID');
    log.error({ url: request.url, error }, 'the admin API failed');
    return sendError(reply, 'SLUICE_GATEWAY_INTERNAL');
  });
}

function sendError(reply: FastifyReply, code: ErrorCode): FastifyReply {
  const { status, message } = describeError(code);
  if (status === 405) reply.header('allow', 'GET, HEAD');
  return reply.code(status).send({ error: { code, message } });
}

function registerProbes(app: FastifyInstance, state: AdminState): void {
  app.get('/healthz', () => ({ status: 'live' }));
  app.get('/readyz', (_request, reply) => {
    const reasons = state.readiness();
    const ready = reasons.length === 0;
    const status = ready ? 'ready' : 'not ready';
    return reply.code(ready ? 200 : 503).send({ status, reasons, warnings: state.warnings() });
  });
  app.get('/metrics', async (_request, reply) => reply.type(METRICS_CONTENT_TYPE).send(await state.metrics()));
}

function registerViews(app: FastifyInstance, state: AdminState): void {
  app.get('/api/tenants', () => ({ tenants: state.tenants() }));
  app.get('/api/routes', () => ({ routes: state.routes() }));
  app.get('/api/services', () => ({ services: state.services(), registries: state.registries() }));
  app.get('/api/listeners', () => ({ listeners: state.listeners() }));
  app.get('/api/plugins', () => ({ plugins: state.plugins(), modules: state.modules() }));
  app.get('/api/snapshot', () => {
    const { version, builtAt, lastError, lastErrorAt } = state.snapshot();
    return {
      version,
      builtAt,
      ageMs: builtAt === 0 ? 0 : Math.max(0, Date.now() - builtAt),
      lastError,
      lastErrorAt,
      gateway: state.gatewayFile(),
      workers: state.workers(),
    };
  });
}

function listenError(error: unknown, address: string, port: number): GatewayError {
  const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const place = `admin ${formatAddress(address, port)}`;
  return new GatewayError(taken ? 'SLUICE_LISTENER_PORT_TAKEN' : 'SLUICE_LISTENER_FAILED', place, { cause: error });
}
