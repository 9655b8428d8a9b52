import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import { requestHead } from '../http1/write.ts';
import type { UpstreamRequest } from './client.ts';

/** Fields that belong to a connection, or to framing that the client decides. */
export const NOT_OURS = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'expect'] as const;
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^[/*][\x21-\x7e\x80-\xff]*$/;

/** Methods whose requests usually have a body: without one they say so (RFC 9110 §8.6). */
function expectsBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

/**
 * Head of a request as it goes on the wire, with the framing of its body and, for an upgrade, its connection options.
 * null when it cannot be put on the wire.
 */
export function requestWire({ method, target, headers, body, upgrade = '' }: UpstreamRequest): string | null {
  if (!METHOD.test(method) || !TARGET.test(target) || headers.getAll('host').length !== 1) return null;
  const length = body !== null ? body.length : expectsBody(method) ? 0 : -1;
  const options = upgrade === '' ? '' : `connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
  try {
    return requestHead(method, target, framed(headers, length), options + framing(headers, length, body !== null));
  } catch {
    // A field that no head can hold.
    return null;
  }
}

/**
 * The list, or a copy without what must not be sent; the caller's own stays as it is for the next attempt.
 * @param length of the body; -1: there is none, or nobody knows
 */
export function framed(headers: HeaderList, length: number): HeaderList {
  const wrongLength = headers.has('content-length') && !announces(headers, length);
  if (!wrongLength && !hasAnyNotOurs(headers)) return headers;
  const copy = new PairHeaders([...headers.toPairs()]);
  for (const name of NOT_OURS) copy.remove(name);
  if (wrongLength) copy.remove('content-length');
  return copy;
}

function hasAnyNotOurs(headers: HeaderList): boolean {
  for (const name of NOT_OURS) if (headers.has(name)) return true;
  return false;
}

function announces(headers: HeaderList, length: number): boolean {
  const all = headers.getAll('content-length');
  return all.length === 1 && all[0] === String(length);
}

function framing(headers: HeaderList, length: number, hasBody: boolean): string {
  if (length === -1) return hasBody ? 'transfer-encoding: chunked\r\n' : '';
  return announces(headers, length) ? '' : `content-length: ${length}\r\n`;
}
