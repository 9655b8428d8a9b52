import type { HeaderList } from '../exchange/headers.ts';
import type { MessageFault } from './fault.ts';
import type { HeadLimits } from './request-head.ts';
import { RequestParser } from './request-parser.ts';
import { ResponseParser } from './response-parser.ts';

/** Bounds small enough to be reached in a line. */
export const SMALL: HeadLimits = { headBytes: 400, targetBytes: 60, fields: 8 };

/** Text as the bytes that it stands for, one per character. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Ways to deliver the same bytes: whole, byte by byte, and cut in two at each position. */
export function* deliveries(text: string): Generator<readonly [how: string, pieces: readonly Buffer[]]> {
  const bytes = bytesOf(text);
  yield ['byte by byte', [...bytes].map((byte) => Buffer.of(byte))];
  for (let at = 1; at < bytes.length; at++) {
    yield [`cut at ${at}`, [Buffer.from(bytes.subarray(0, at)), Buffer.from(bytes.subarray(at))]];
  }
}

/** What a parser tells, one line for each event; pieces of a body that follow each other are one. */
class Events {
  readonly lines: string[] = [];
  #body = '';

  add(line: string): void {
    this.end();
    this.lines.push(line);
  }

  addData(data: Buffer): void {
    this.#body += data.toString('latin1');
  }

  end(): readonly string[] {
    if (this.#body !== '') this.lines.push(`data ${this.#body}`);
    this.#body = '';
    return this.lines;
  }

  addEnd(trailers: HeaderList | null): void {
    this.add(trailers === null ? 'end' : `end ${fieldsOf(trailers)}`);
  }

  addFault({ code, reason }: MessageFault): void {
    this.add(`${code}: ${reason}`);
  }
}

function fieldsOf(headers: HeaderList): string {
  return headers.toWire().trimEnd().replaceAll('\r\n', ' | ');
}

/** Requests as the parser of the server's side tells them; with `cut` when the sender ends in the middle of one. */
export function requestEvents(pieces: readonly Buffer[], limits: HeadLimits = SMALL): readonly string[] {
  const events = new Events();
  const parser = new RequestParser(
    {
      onRequest: ({ method, target, authority, minorVersion, headers, keepAlive, upgrade, expectContinue }) => {
        const more = `${keepAlive ? '' : ' close'}${upgrade && ` to ${upgrade}`}${expectContinue ? ' expect' : ''}`;
        events.add(`${method} ${target} at ${authority} 1.${minorVersion}${more} [${fieldsOf(headers)}]`);
        return true;
      },
      onRequestData: (data) => {
        events.addData(data);
        return true;
      },
      onRequestEnd: (trailers) => events.addEnd(trailers),
      onRequestFault: (fault) => events.addFault(fault),
    },
    limits,
  );
  for (const piece of pieces) for (let at = 0; at < piece.length; ) at = parser.execute(piece, at);
  if (parser.close() !== null) events.add('cut');
  return events.end();
}

/** What was asked for: its response is to a HEAD, or to any other method. */
export type Asked = 'HEAD' | 'GET';

/** Responses as the parser of the client's side tells them, then the end of the connection. */
export function responseEvents(
  pieces: readonly Buffer[],
  asked: readonly Asked[] = ['GET'],
  limits: HeadLimits = SMALL,
): readonly string[] {
  const events = new Events();
  const waiting = [...asked];
  const state = { over: false, broken: false };
  const parser = new ResponseParser(
    {
      onResponse: ({ status, headers, keepAlive, upgrade }) => {
        state.over = status === 101;
        if (state.over) waiting.length = 0;
        events.add(`${status}${keepAlive ? '' : ' close'}${upgrade && ` to ${upgrade}`} [${fieldsOf(headers)}]`);
      },
      onResponseData: (data) => {
        events.addData(data);
        return true;
      },
      onResponseEnd: (trailers) => {
        state.over = true;
        events.addEnd(trailers);
      },
      onResponseFault: (fault) => {
        state.broken = true;
        events.addFault(fault);
      },
    },
    limits.headBytes,
    limits.fields,
  );
  const next = (): void => {
    state.over = waiting.length === 0;
    if (!state.over) parser.expect(waiting.shift() === 'HEAD');
  };
  next();
  let left = '';
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length && !state.broken && !state.over) {
      at = parser.execute(piece, at);
      if (state.over) next();
    }
    if (!state.broken) left += piece.toString('latin1', at);
  }
  const fault = state.broken || state.over ? null : parser.close();
  if (fault !== null) events.addFault(fault);
  if (left !== '') events.add(`left ${left}`);
  return events.end();
}
