// The same bytes, then the end of the connection, read by the gateway's parser of responses and by Node's.
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { ResponseHead } from '../../gateway/src/http1/response-head.ts';
import { ResponseParser } from '../../gateway/src/http1/response-parser.ts';
import { MemorySocket } from './memory-socket.ts';
import type { ResponseInput } from './responses.ts';

export interface UnderstoodHead {
  readonly status: number;
  readonly headers: readonly string[];
}

/** A response as somebody understood it. */
export interface ResponseReading {
  /** Informational heads, then the final one if there is any. */
  readonly heads: UnderstoodHead[];
  body: string;
  /** The last head is final, and its response is whole; or it switches protocols. */
  whole: boolean;
  /** Why not; '' when whole. */
  fault: string;
  /** An informational head, by its version or its fields, is the last of its connection. Nobody asks Node. */
  closesEarly: boolean;
}

const HEAD_BYTES = 16 * 1024;

/** The gateway's parser. It stops behind the response that was asked for. */
export function readResponse(
  { asked, bytes }: ResponseInput,
  pieces: readonly Buffer[] = [Buffer.from(bytes, 'latin1')],
): ResponseReading {
  const reading: ResponseReading = { heads: [], body: '', whole: false, fault: '', closesEarly: false };
  const parser = new ResponseParser(
    {
      onResponse: ({ status, headers, keepAlive }: ResponseHead) => {
        reading.heads.push({ status, headers: headers.toPairs() });
        if (status < 200 && !keepAlive) reading.closesEarly = true;
        if (status === 101) reading.whole = true;
      },
      onResponseData: (data) => {
        reading.body += data.toString('latin1');
        return true;
      },
      onResponseEnd: () => {
        reading.whole = true;
      },
      onResponseFault: ({ reason }) => {
        reading.fault = reason;
      },
    },
    HEAD_BYTES,
    200,
  );
  parser.expect(asked === 'HEAD');
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && !reading.whole && reading.fault === ''; ) at = parser.execute(piece, at);
  }
  if (!reading.whole && reading.fault === '') reading.fault = parser.close()?.reason ?? '';
  return reading;
}

/** Node's parser, as its HTTP client uses it. */
export async function readResponseAsNode({ asked, bytes }: ResponseInput): Promise<ResponseReading> {
  const reading: ResponseReading = { heads: [], body: '', whole: false, fault: '', closesEarly: false };
  const socket = new MemorySocket();
  const request = sendRequest({
    method: asked,
    createConnection: () => socket,
    maxHeaderSize: HEAD_BYTES,
    insecureHTTPParser: false,
  });
  const fail = (error: NodeJS.ErrnoException): void => {
    reading.fault ||= error.code ?? error.message;
  };
  request.on('error', fail);
  request.on('information', ({ statusCode: status, rawHeaders: headers }) => reading.heads.push({ status, headers }));
  request.on('upgrade', ({ statusCode: status = 0, rawHeaders: headers }: IncomingMessage) => {
    reading.heads.push({ status, headers });
    reading.whole = true;
  });
  request.on('response', (response) => {
    const { statusCode: status = 0, rawHeaders: headers } = response;
    reading.heads.push({ status, headers });
    response.on('data', (chunk: Buffer) => (reading.body += chunk.toString('latin1')));
    response.on('end', () => (reading.whole = response.complete));
    response.on('error', fail);
  });
  request.end();
  socket.push(Buffer.from(bytes, 'latin1'));
  socket.push(null);
  for (let left = 6; left > 0 && !reading.whole && reading.fault === ''; left--) await turn();
  socket.destroy();
  return reading;
}
