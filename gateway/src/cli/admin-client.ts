import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { Agent, request } from 'undici';
import { LIMITS } from '../core/limits.ts';
import { isLoopback } from '../server/admin-guard.ts';

/** For the whole answer. */
const TIMEOUT_MS = 10_000;

/** The running gateway did not answer as its admin API does. */
export class AdminError extends Error {}

/** What the admin API answered. */
export interface AdminAnswer {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

/** The origin of an admin API; null unless it is http on a loopback address. */
export function adminOrigin(text: string): string | null {
  const url = URL.parse(text);
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1') ?? '';
  return url?.protocol === 'http:' && isLoopback(host) ? url.origin : null;
}

/** What to say of an `--admin` that `adminOrigin` refuses. */
export function originRefused(text: string): string {
  return `--admin ${text} is no http URL of a loopback address; write one such as http://127.0.0.1:9901, and forward the port of a gateway elsewhere`;
}

/**
 * Asks the admin API of a running gateway, and waits up to `timeoutMs` (default 10 s).
 * @throws AdminError when there is no answer, or a longer one than LIMITS.adminAnswerBytes
 */
export async function askAdmin(origin: string, path: string, timeoutMs = TIMEOUT_MS): Promise<AdminAnswer> {
  const url = `${origin}${path}`;
  const agent = new Agent({ maxResponseSize: LIMITS.adminAnswerBytes });
  try {
    const { statusCode, body } = await request(url, { dispatcher: agent, signal: AbortSignal.timeout(timeoutMs) });
    return { url, status: statusCode, text: await body.text() };
  } catch (error) {
    throw new AdminError(`${url} cannot be read (${wordsOf(error)}); is the gateway running?`, { cause: error });
  } finally {
    await agent.destroy();
  }
}

/**
 * Asks the admin API of a running gateway for data of this shape.
 * @throws AdminError when there is no answer, or another one
 */
export async function askAdminFor<T extends TSchema>(origin: string, path: string, shape: T): Promise<Static<T>> {
  const { url, status, text } = await askAdmin(origin, path);
  if (status !== 200) throw new AdminError(`${url} answered ${status}`);
  const answer = parsed(text);
  if (!Value.Check(shape, answer)) throw new AdminError(`${url} did not answer as an admin API does`);
  return answer;
}

/** null when the text is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Systems name the reason in a code; a failed connection to several addresses has no message of its own. */
function wordsOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : message;
}
