import fastify, { type FastifyRequest } from 'fastify';

/** An upstream that answers with what it got. */
export interface Echo {
  /** `127.0.0.1:port`. */
  readonly address: string;
  close(): Promise<void>;
}

/** Bodies beyond this get 413. */
const BODY_BYTES = 16 * 1024 * 1024;

/** Starts one on a free port of the loopback address. */
export async function startEcho(): Promise<Echo> {
  const app = fastify({ bodyLimit: BODY_BYTES, forceCloseConnections: true, exposeHeadRoutes: false });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((request, reply) => {
    void reply
      .code(200)
      .type('application/json')
      .send(`${JSON.stringify(seenBy(request), null, 2)}\n`);
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { address: new URL(url).host, close: () => app.close() };
}

function seenBy({ method, url, headers, body }: FastifyRequest): object {
  const text = Buffer.isBuffer(body) ? body.toString('utf8') : '';
  return { method, path: url, headers, body: text };
}
