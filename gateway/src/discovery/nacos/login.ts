import { Agent, request } from 'undici';
import { LIMITS } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import { type Clock, jitter } from '../clock.ts';
import { isJson, NacosError, numberOf, reasonOf, textOf } from './messages.ts';
import type { NacosServer } from './servers.ts';

/** Newest first; a server without the one answers 404 (or 501, where the old API is switched off). */
const LOGIN_PATHS = ['/nacos/v3/auth/user/login', '/nacos/v1/auth/users/login', '/nacos/v1/auth/login'];
const TIMEOUT_MS = 3_000;
/** Time to live of a token whose answer names none, as servers have it by default. */
const DEFAULT_TTL_S = 18_000;
/** After a refused token; a server that refuses every token must not be flooded with logins. */
const RENEWAL_PAUSE_MS = 60_000;
const RETRY_MS = 1_000;
/** Network failures are tried again soon; a wrong password seldom becomes right, and tries may lock the account. */
const RETRY_MAX_MS = { failed: 10_000, refused: 60_000 };

export interface LoginOptions {
  readonly servers: readonly NacosServer[];
  readonly username: string;
  readonly password: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** A refusal of user name and password, unlike a server that is out of reach. */
class LoginRefused extends NacosError {}

/**
 * Password login over HTTP, shared by all connections of a registry. Holds one token, renews it when a tenth of its life
 * is left, and keeps using it while renewal fails.
 */
export class NacosLogin {
  readonly #options: LoginOptions;
  readonly #agent = new Agent({ pipelining: 0, connections: 1, connect: { timeout: TIMEOUT_MS } });
  #token = '';
  #refreshAt = 0;
  #expiresAt = 0;
  #running: Promise<string> | null = null;
  #failures = 0;
  #retryAt = 0;
  #renewableAt = 0;
  #next: number;
  #lastError: NacosError | null = null;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.#next = Math.floor(options.clock.random() * options.servers.length);
  }

  /** Why the last login failed; '' when it did not. */
  get lastError(): string {
    return this.#lastError?.detail ?? '';
  }

  /**
   * The token to send.
   * @throws NacosError when there is none; the next try is made by a call after a pause of 1 s, growing to 10 s, or to
   * 60 s when the password is refused.
   */
  async token(): Promise<string> {
    const now = this.#options.clock.now();
    if (now >= this.#expiresAt) return this.#login();
    if (now >= this.#refreshAt) {
      this.#login().catch((error: unknown) => {
        this.#options.log.debug({ reason: reasonOf(error) }, 'nacos: token not renewed yet');
      });
    }
    return this.#token;
  }

  /**
   * A token instead of one that a server refused.
   * @throws NacosError as `token`, and when the last renewal is less than 60 s ago.
   */
  async renew(refused: string): Promise<string> {
    const now = this.#options.clock.now();
    if (refused !== this.#token) return this.token();
    if (this.#running !== null) return this.#running;
    if (now < this.#renewableAt) throw new NacosError('the server refuses a token that is less than 60 s old');
    this.#renewableAt = now + RENEWAL_PAUSE_MS;
    return this.#login();
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** One login at a time; while a failed one must not be repeated yet, its error stands for it. */
  #login(): Promise<string> {
    if (this.#running !== null) return this.#running;
    if (this.#lastError !== null && this.#options.clock.now() < this.#retryAt) return Promise.reject(this.#lastError);
    this.#running = this.#tryServers().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #tryServers(): Promise<string> {
    const { servers, clock, log } = this.#options;
    let failure = new NacosError('no server');
    for (let i = 0; i < servers.length; i++) {
      const server = servers[(this.#next + i) % servers.length]!;
      try {
        const token = await this.#loginAt(server);
        this.#next += i;
        this.#failures = 0;
        this.#lastError = null;
        return token;
      } catch (error) {
        failure =
          error instanceof NacosError ? error : new NacosError(`login at ${server.address}: ${reasonOf(error)}`);
        if (error instanceof LoginRefused) break;
      }
    }
    const most = RETRY_MAX_MS[failure instanceof LoginRefused ? 'refused' : 'failed'];
    this.#retryAt = clock.now() + jitter(clock, Math.min(RETRY_MS * 2 ** this.#failures++, most), 0.2);
    if (this.#lastError === null) log.warn({ reason: failure.detail }, 'nacos: login failed; trying on');
    this.#lastError = failure;
    throw failure;
  }

  async #loginAt(server: NacosServer): Promise<string> {
    for (const path of LOGIN_PATHS) {
      const { status, text } = await this.#post(`http://${server.address}${path}`);
      if (status === 404 || status === 501) continue;
      // The body is not quoted: a server or proxy may echo what was sent.
      const place = `login as ${this.#options.username} at ${server.address}`;
      if (status === 401 || status === 403) throw new LoginRefused(`${place}: refused with status ${status}`);
      // Nacos 3.1 answers so to a wrong password, with nothing in the body to tell it from a fault of the server.
      if (status === 500) throw new NacosError(`${place}: status 500; the password may be wrong`);
      if (status !== 200) throw new NacosError(`${place}: status ${status}`);
      return this.#accept(text, place);
    }
    throw new NacosError(`login at ${server.address}: the server has no login`);
  }

  async #post(url: string): Promise<{ status: number; text: string }> {
    const { username, password } = this.#options;
    const response = await request(url, {
      method: 'POST',
      dispatcher: this.#agent,
      headersTimeout: TIMEOUT_MS,
      // The other limit is of silence; an answer that trickles in for hours would hold every request.
      signal: AbortSignal.timeout(2 * TIMEOUT_MS),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ username, password }).toString(),
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LIMITS.nacosLoginBytes)
        throw new NacosError(`login answer of more than ${LIMITS.nacosLoginBytes} bytes`);
      chunks.push(chunk);
    }
    return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
  }

  #accept(text: string, place: string): string {
    const json = parse(text);
    // Some servers wrap the answer of the newer API: { code, message, data }.
    const data = isJson(json) && isJson(json['data']) ? json['data'] : json;
    const token = isJson(data) ? textOf(data, 'accessToken') : '';
    if (!isJson(data) || token === '') throw new NacosError(`${place}: the answer has no accessToken`);
    const life = Math.max(1, numberOf(data, 'tokenTtl', DEFAULT_TTL_S)) * 1000;
    const now = this.#options.clock.now();
    this.#token = token;
    this.#expiresAt = now + life;
    this.#refreshAt = now + life * (0.9 + 0.03 * this.#options.clock.random());
    return token;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
