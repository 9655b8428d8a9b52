import { Agent, type Dispatcher } from 'undici';
import { staysHere } from '../../config/plugin-source.ts';
import { LIMITS } from '../../core/limits.ts';
import { PullError, pullError } from './pull-error.ts';

/** How the requests of one attempt are made. */
export interface HttpPullOptions {
  /** PEM of those who vouch for servers; null: whom Node.js trusts. */
  readonly ca: string | null;
  /** http may be used, on this machine only. */
  readonly plainHttp: boolean;
  /** Bound of the whole attempt, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends it from outside. */
  readonly signal: AbortSignal;
}

/** Value of an Authorization header, and the origin that may see it. */
export interface Credentials {
  readonly origin: string;
  readonly value: string;
}

export interface HttpRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly credentials?: Credentials | null;
  /** Longest body of an answer with status 200. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  /** Where it came from in the end. */
  readonly url: URL;
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  /** Empty unless the status is 200. */
  readonly body: Uint8Array;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const CONNECT_MS = 10_000;

/**
 * GET requests of one attempt to fetch a module: bounded in time, bytes and redirects, over verified TLS. Environment
 * variables that name proxies are not looked at.
 */
export class HttpPull {
  readonly #agent: Agent;
  readonly #options: HttpPullOptions;
  readonly #signal: AbortSignal;

  constructor(options: HttpPullOptions) {
    this.#options = options;
    const connect = { timeout: CONNECT_MS, ...(options.ca === null ? {} : { ca: options.ca }) };
    this.#agent = new Agent({ pipelining: 0, connect });
    this.#signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  }

  /** Follows redirects. @throws PullError: there is no whole answer. */
  async get(url: URL, request: HttpRequest): Promise<HttpAnswer> {
    let at = url;
    for (let redirects = 0; redirects <= LIMITS.pluginPullRedirects; redirects++) {
      const answer = await this.#getOnce(at, request);
      if (!REDIRECTS.includes(answer.status)) return answer;
      at = this.#target(answer);
    }
    throw new PullError(`${url.host} redirects more than ${LIMITS.pluginPullRedirects} times`, true);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #getOnce(url: URL, { headers, credentials, maxBytes }: HttpRequest): Promise<HttpAnswer> {
    this.#check(url);
    try {
      const response = await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        // A body is taken as it is: its digest is that of the bytes sent.
        headers: {
          'accept-encoding': 'identity',
          'user-agent': 'sluice',
          ...headers,
          ...(credentials?.origin === url.origin ? { authorization: credentials.value } : {}),
        },
        signal: this.#signal,
        headersTimeout: this.#options.timeoutMs,
        bodyTimeout: this.#options.timeoutMs,
      });
      const { statusCode, body } = response;
      const bytes = statusCode === 200 ? await this.#read(response, url, maxBytes) : Buffer.alloc(0);
      // The rest of an answer that is of no interest; the connection ends if there is much of it.
      if (statusCode !== 200) await body.dump({ limit: 16 * 1024, signal: this.#signal });
      return { url, status: statusCode, headers: response.headers, body: bytes };
    } catch (error) {
      throw pullError(error, url.host, this.#options.timeoutMs);
    }
  }

  async #read({ headers, body }: Dispatcher.ResponseData, url: URL, maxBytes: number): Promise<Uint8Array> {
    const tooLarge = new PullError(`${url.host} sends more than ${maxBytes} bytes`, true);
    if (Number(headers['content-length']) > maxBytes) {
      body.on('error', () => {}).destroy();
      throw tooLarge;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  #target({ url, headers }: HttpAnswer): URL {
    const location = headers['location'];
    const target = typeof location === 'string' ? URL.parse(location, url.href) : null;
    if (target === null) throw new PullError(`${url.host} redirects to nowhere`, true);
    return target;
  }

  #check(url: URL): void {
    const here = this.#options.plainHttp && staysHere(url.host);
    if (url.protocol === 'https:' || (url.protocol === 'http:' && here)) return;
    throw new PullError(`a redirect to ${url.protocol}//${url.host} is not followed: only https: is`, true);
  }
}

/** Credentials of the Basic scheme for one server. */
export function basic(origin: string, username: string, password: string): Credentials {
  return { origin, value: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}
