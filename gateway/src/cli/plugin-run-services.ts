import type { TestUpstream } from '../testing/drive.ts';
import type { TestService } from '../testing/test-services.ts';
import { UsageError } from './explain-request.ts';
import { bodyOf, isStatus, mayHaveBody } from './plugin-run-request.ts';

const SERVICE = /^([^=]+)=([^:]*)(?::(.*))?$/s;
/** In place of a status. */
const RESET = 'reset';

/**
 * Services that the plugin may call, each with the one answer that it has. @param texts `NAME=STATUS[:BODY]` each, or
 * `NAME=reset` for one that breaks the connection @throws UsageError
 */
export async function readServices(texts: readonly string[]): Promise<Readonly<Record<string, TestService>>> {
  const services = new Map<string, TestService>();
  for (const text of texts) {
    const [name, answer] = await serviceOf(text);
    if (services.has(name)) throw new UsageError(`--service ${text}: ${name} has an answer already; write it once`);
    services.set(name, () => answer);
  }
  return Object.fromEntries(services);
}

async function serviceOf(text: string): Promise<[name: string, answer: TestUpstream | null]> {
  const [, name, status = '', body] = SERVICE.exec(text) ?? [];
  const wanted = "write NAME=STATUS[:BODY] such as auth=200 or 'auth=403:not you', or NAME=reset";
  if (name === undefined) throw new UsageError(`--service ${text} names no service and its answer; ${wanted}`);
  if (status === RESET && body === undefined) return [name, null];
  if (!isStatus(status)) {
    throw new UsageError(`--service ${text}: ${status || 'nothing'} is no status from 200 to 599; ${wanted}`);
  }
  if (body !== undefined && !mayHaveBody(Number(status))) {
    throw new UsageError(`--service ${text}: status ${status} has no body; leave it out`);
  }
  const bytes = await bodyOf('--service', body);
  return [name, { status: Number(status), ...(bytes === null ? {} : { body: bytes }) }];
}
