import { isIP } from 'node:net';
import { type Connection, Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { MemorySink } from '../exchange/memory.ts';
import { isAuthority, parseTarget } from '../http1/target.ts';

/** A request as the command line says it. */
export interface RequestWords {
  /** `[METHOD] URL`; the method is GET when it is left out. */
  readonly words: readonly string[];
  /** `name: value` each. */
  readonly headers: readonly string[];
  /** Address of the peer. */
  readonly clientIp: string;
  /** Port of the listener, for X-Forwarded-Port. */
  readonly port: number;
}

/** An argument that cannot be used; the message says what would be right. */
export class UsageError extends Error {}

/** A method, or the name of a header. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER = /^([^:]+):(.*)$/s;
/** Line ends and other controls, which no header value may have. */
const CONTROL = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The exchange that a listener would make of this request, without a body.
 * @throws UsageError
 */
export function exchangeOf({ words, headers, clientIp, port }: RequestWords): Exchange {
  if (words.length > 2) throw new UsageError(`one method and one URL are wanted, not: ${words.join(' ')}`);
  const [url = '', method = 'GET'] = [...words].reverse();
  if (!TOKEN.test(method)) throw new UsageError(`${method} is no method; write one such as GET`);
  if (isIP(clientIp) === 0) throw new UsageError(`--client-ip ${clientIp} is no IP address`);
  const list = new PairHeaders(headers.flatMap((line) => headerOf(line)));
  const { target, authority } = targetOf(onWire(url.replace(/#.*$/s, '')), list.get('host'));
  list.set('host', authority);
  const tls = /^https:/i.test(url);
  const connection = connectionFrom(clientIp, port, tls, authority);
  return new Exchange(connection, 'HTTP/1.1', method.toUpperCase(), target, authority, list, null, new MemorySink());
}

/** As with curl, a Host header stands in for the host of the URL. */
function targetOf(url: string, host: string | undefined): { target: string; authority: string } {
  const parsed = parseTarget(url, null);
  if (parsed === null || !isAuthority(host ?? '')) {
    throw new UsageError(
      `${url} is no URL; write one such as https://app.example.com/path, or a path with -H 'Host: …'`,
    );
  }
  const authority = host ?? parsed.authority;
  if (authority === '') throw new UsageError("the host is missing; write the whole URL, or add -H 'Host: …'");
  return { target: parsed.target, authority };
}

/** Reads `name: value`. @param option where it stands @throws UsageError */
export function headerOf(text: string, option = '-H'): [name: string, value: string] {
  const [, name = '', value = ''] = HEADER.exec(text) ?? [];
  const wire = onWire(value).trim();
  if (!TOKEN.test(name) || CONTROL.test(wire)) {
    throw new UsageError(`${option} ${JSON.stringify(text)} is no header; write 'name: value'`);
  }
  return [name, wire];
}

/** Text as a listener reads it: one character for each byte. */
export function onWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function connectionFrom(remoteAddress: string, localPort: number, tls: boolean, authority: string): Connection {
  return {
    id: 0,
    listener: '',
    remoteAddress,
    remotePort: 0,
    localAddress: '',
    localPort,
    tls,
    serverName: tls ? authority : '',
  };
}
