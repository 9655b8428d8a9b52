import { createWriteStream } from 'node:fs';
import proxy from '@fastify/http-proxy';
import fastify from 'fastify';

// @fastify/http-proxy with as many connections as the load has, and one line of JSON for each request.
// argv: port, port of the service.

const [, , port, upstreamPort] = process.argv;
const app = fastify({
  logger: { stream: createWriteStream('/dev/null') },
  disableRequestLogging: true,
  keepAliveTimeout: 75_000,
});
app.addHook('onResponse', (request, reply, done) => {
  request.log.info({
    method: request.method,
    path: request.url,
    authority: request.host,
    response_code: reply.statusCode,
    duration: reply.elapsedTime,
    route_name: 'data',
    request_id: request.headers['x-request-id'],
    downstream_remote_address: request.ip,
    user_agent: request.headers['user-agent'],
  });
  done();
});
await app.register(proxy, {
  upstream: `http://127.0.0.1:${upstreamPort}`,
  prefix: '/data',
  rewritePrefix: '/data',
  undici: { connections: 256, pipelining: 1, keepAliveTimeout: 60_000 },
  replyOptions: {
    // It would pass on what is between two neighbours only, and fail where a client says close.
    rewriteHeaders: withoutConnection,
    rewriteRequestHeaders: (request, headers) => ({
      ...withoutConnection(headers),
      'x-forwarded-for': request.ip,
      'x-forwarded-proto': request.protocol,
      'x-forwarded-host': request.host,
    }),
  },
});
await app.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 });

function withoutConnection(headers) {
  const { connection, ...others } = headers;
  return connection === undefined ? headers : others;
}
