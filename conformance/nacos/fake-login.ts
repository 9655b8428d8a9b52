import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface FakeAuth {
  readonly username: string;
  readonly password: string;
  /** Default 18 000. */
  readonly tokenTtlSeconds?: number;
  /** Status for a wrong password: 403 (the default) as servers up to 3.0, 500 as 3.1. */
  readonly refusal?: 403 | 500;
}

/** Which login the server knows: that of 3.x, of 2.x, or the oldest. */
export type FakeLoginPath = '/nacos/v3/auth/user/login' | '/nacos/v1/auth/users/login' | '/nacos/v1/auth/login';

/** The HTTP half of the fake server: password login, and nothing else. */
export class FakeLogin {
  readonly #auth: FakeAuth | undefined;
  readonly #path: FakeLoginPath;
  readonly #server: Server;
  readonly #tokens = new Set<string>();
  readonly #failures: number[] = [];
  /** Logins that were granted. */
  granted = 0;
  /** Paths and queries of all requests, in order. */
  readonly urls: string[] = [];

  constructor(auth: FakeAuth | undefined, path: FakeLoginPath) {
    this.#auth = auth;
    this.#path = path;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  /** Whether a request with this token may pass; without `auth` every request may. */
  admits(token: string | undefined): boolean {
    return this.#auth === undefined || (token !== undefined && this.#tokens.has(token));
  }

  /** All tokens given out so far are void. */
  revoke(): void {
    this.#tokens.clear();
  }

  /** The next `times` logins are answered with `status`. */
  fail(status: number, times: number): void {
    for (let i = 0; i < times; i++) this.#failures.push(status);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.urls.push(request.url ?? '');
    const path = request.url?.split('?')[0];
    const status = path === this.#path && request.method === 'POST' ? (this.#failures.shift() ?? 200) : 404;
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const wanted = this.#auth;
    if (status !== 200 || wanted === undefined) {
      response.writeHead(status === 200 ? 404 : status).end('no');
      return;
    }
    if (form.get('username') !== wanted.username || form.get('password') !== wanted.password) {
      response.writeHead(wanted.refusal ?? 403).end('unknown user or wrong password');
      return;
    }
    const accessToken = randomUUID();
    this.#tokens.add(accessToken);
    this.granted++;
    const answer = {
      accessToken,
      tokenTtl: wanted.tokenTtlSeconds ?? 18_000,
      globalAdmin: true,
      username: wanted.username,
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }
}
