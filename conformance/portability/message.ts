// Cases as bytes, and bytes as what was observed.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Socket } from 'node:net';
import type { Message } from '../smuggling/wire.ts';
import type { Body } from './case.ts';

/** Between pieces, so that they most likely arrive apart; nothing depends on it. */
const PIECE_MS = 3;

/** A head, and whatever belongs to the same write. */
export function headOf(line: string, headers: readonly string[], body: Body | null): string {
  return [line, ...headers, ...framingLines(body), '', ''].join('\r\n');
}

function framingLines(body: Body | null): string[] {
  if (body === null || body.framing === 'close') return [];
  if (body.framing === 'chunked') return ['transfer-encoding: chunked'];
  return [`content-length: ${body.pieces.reduce((sum, piece) => sum + piece.length, 0)}`];
}

/** Writes a message piece by piece. */
export async function write(socket: Socket, head: string, body: Body | null): Promise<void> {
  socket.write(head, 'latin1');
  for (const piece of body?.pieces ?? []) {
    await sleep(PIECE_MS);
    if (socket.destroyed) return;
    socket.write(body!.framing === 'chunked' ? chunkOf(piece) : piece, 'latin1');
  }
  if (body?.framing === 'chunked') socket.write(['0', ...(body.trailers ?? []), '', ''].join('\r\n'), 'latin1');
}

function chunkOf(piece: string): string {
  return `${piece.length.toString(16)}\r\n${piece}\r\n`;
}

/** Values by name in lower case, each name's in the order in which they came. */
export type Fields = Readonly<Record<string, readonly string[]>>;

export function fieldsOf(lines: readonly string[]): Fields {
  const fields: Record<string, string[]> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    (fields[line.slice(0, colon).toLowerCase()] ??= []).push(line.slice(colon + 1).trim());
  }
  return fields;
}

/** A request as the service got it. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Fields;
  readonly body: string;
  readonly trailers: Fields;
}

export function seenRequest({ line, fields, body, trailers }: Message): SeenRequest {
  const [method = '', target = ''] = line.split(' ');
  return { method, target, headers: fieldsOf(fields), body, trailers: fieldsOf(trailers) };
}

/** A response as the client got it. */
export interface SeenResponse {
  readonly status: number;
  readonly headers: Fields;
  readonly body: string;
  readonly trailers: Fields;
  /** It ended before it was whole; of its body nothing is said then. */
  readonly cut: boolean;
}

export function seenResponse({ line, fields, body, trailers }: Message): SeenResponse {
  const status = Number(line.slice(9, 12));
  return { status, headers: fieldsOf(fields), body, trailers: fieldsOf(trailers), cut: false };
}

/** What there is of a response that broke off; null: not even a head. */
export function brokenResponse(bytes: string): SeenResponse | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [line = '', ...fields] = bytes.slice(0, end).split('\r\n');
  return { status: Number(line.slice(9, 12)), headers: fieldsOf(fields), body: '', trailers: {}, cut: true };
}
