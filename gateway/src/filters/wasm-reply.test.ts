import { describe, expect, it } from 'vitest';
import { fakeExchange } from '../testing/fake-exchange.ts';
import type { LocalResponse } from '../wasm/host.ts';
import { replyTo } from './wasm-reply.ts';

function answer(response: Partial<LocalResponse>, contentType?: string) {
  const exchange = fakeExchange({ headers: contentType === undefined ? {} : { 'Content-Type': contentType } });
  const whole = { status: 403, details: '', body: Buffer.from('no'), headers: [], grpcStatus: -1, ...response };
  const { status, headers, body } = replyTo(exchange, whole);
  return { status, headers: Object.fromEntries(pairsOf([...headers.toPairs()])), body: body?.toString() ?? null };
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return flat.flatMap((text, at) => (at % 2 === 0 ? [[text, flat[at + 1]!] as [string, string]] : []));
}

describe("a plugin's answer", () => {
  it('is plain text unless it says what it is', () => {
    expect(answer({})).toEqual({ status: 403, headers: { 'content-type': 'text/plain' }, body: 'no' });
    const headers = ['content-type', 'application/json'];
    expect(answer({ headers, body: Buffer.from('{}') }).headers).toEqual({ 'content-type': 'application/json' });
    expect(answer({ body: null }).headers).toEqual({});
  });

  it.each([204, 304])('with status %i has no body', (status) => {
    expect(answer({ status })).toEqual({ status, headers: {}, body: null });
  });

  it.each([
    ['application/grpc', 7, 7],
    ['application/grpc+proto', -1, 7],
    ['application/grpc;x=1', 0, 0],
    ['APPLICATION/GRPC', 16, 16],
  ])('to a caller of %s is a head with the status of gRPC', (type, grpcStatus, status) => {
    expect(answer({ grpcStatus, headers: ['x-why', 'so', 'content-type', 'text/html'] }, type)).toEqual({
      status: 200,
      headers: {
        'x-why': 'so',
        'content-type': 'application/grpc',
        'grpc-status': String(status),
        'grpc-message': 'no',
      },
      body: null,
    });
  });

  it('escapes a message that could not stand in a head', () => {
    const { headers } = answer({ body: Buffer.from('50 % für\r\nx') }, 'application/grpc');
    expect(headers['grpc-message']).toBe('50 %25 f%C3%BCr%0D%0Ax');
  });

  it('to callers of gRPC-Web is one of HTTP', () => {
    expect(answer({}, 'application/grpc-web').status).toBe(403);
  });
});
