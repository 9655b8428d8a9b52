import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { startTrace } from '../core/trace.ts';
import type { CalloutRequest, CalloutResponse, CalloutResult } from '../wasm/host.ts';
import { calloutRig } from './callouts.suite.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** A service whose endpoint answers with `handler`, and keeps what it was asked. */
async function service(name: string, handler: RequestListener) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      handler(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => (server.closeAllConnections(), void server.close()));
  return { name, seen, port: (server.address() as AddressInfo).port };
}

function requestOf(parts: Partial<CalloutRequest> = {}): CalloutRequest {
  return {
    caller: { tenant: 'a', services: [] },
    origin: null,
    service: 'auth',
    method: 'GET',
    path: '/check?x=1',
    authority: 'auth.internal',
    headers: [],
    body: null,
    timeoutMs: 5000,
    ...parts,
  };
}

interface Outcome {
  readonly response: CalloutResponse | null;
  readonly result: CalloutResult;
}

type Rig = ReturnType<typeof calloutRig>;

/** Makes a callout; afterwards everything must have been given back. */
async function call({ callouts, wheel, bodies, inFlight }: Rig, parts: Partial<CalloutRequest> = {}): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let within = true;
  const handle = callouts.send(requestOf(parts), {
    onCalloutDone: (response, result) => {
      expect(within).toBe(false);
      resolve({ response, result });
    },
  });
  within = false;
  expect(handle).not.toBeNull();
  const outcome = await promise;
  expect([bodies.held, inFlight(), wheel.size]).toEqual([0, 0, 0]);
  return outcome;
}

describe('a callout over the clusters of its tenant', () => {
  it('goes out as asked, and the answer comes back whole', async () => {
    const auth = await service('auth', (_request, response) => {
      response.writeHead(207, { 'X-Answer': 'yes', trailer: 'x-end' });
      response.write('one ');
      response.addTrailers({ 'X-End': 'now' });
      response.end('two');
    });
    const outcome = await call(calloutRig({ 'a/auth': [auth] }), {
      method: 'POST',
      headers: ['x-key', 'k', 'x-key', 'l'],
      body: Buffer.from('question'),
    });
    expect(auth.seen).toMatchObject([
      {
        method: 'POST',
        url: '/check?x=1',
        headers: { host: 'auth.internal', 'x-key': 'k, l', 'content-length': '8' },
        body: 'question',
      },
    ]);
    expect(outcome.result).toBe('success');
    const { headers, body, trailers } = outcome.response!;
    expect(headers.slice(0, 2)).toEqual([':status', '207']);
    expect(headers[headers.indexOf('x-answer') + 1]).toBe('yes');
    expect([Buffer.from(body).toString(), trailers]).toEqual(['one two', ['x-end', 'now']]);
  });

  it('carries the trace of its exchange, unless the plugin gives one', async () => {
    const auth = await service('auth', (_request, response) => void response.end());
    const trace = startTrace(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, 'k=v', undefined);
    const origin = { tenant: 'a', lane: '', trace };
    const clusters = calloutRig({ 'a/auth': [auth] });
    await call(clusters, { origin });
    await call(clusters, { origin, headers: ['traceparent', 'own'] });
    expect(auth.seen.map(({ headers }) => [headers['traceparent'], headers['tracestate']])).toEqual([
      [`00-${'a'.repeat(32)}-${trace.spanId}-01`, 'k=v'],
      ['own', undefined],
    ]);
  });
});

describe('the lane of a callout', () => {
  async function lanes() {
    const [base, gray] = [
      await service('base', (_request, response) => void response.end('base')),
      await service('gray', (_request, response) => void response.end('gray')),
    ];
    const places = [{ port: base.port }, { port: gray.port, metadata: { version: 'g' } }];
    return { base, gray, clusters: calloutRig({ 'a/auth': places, 'a/plain': [base], 'b/auth': places }) };
  }
  const originOf = (tenant: string, lane: string) => ({ tenant, lane, trace: null });
  const text = ({ response }: Outcome) => Buffer.from(response!.body).toString();

  it('is that of its exchange, with the tag', async () => {
    const { clusters, gray } = await lanes();
    expect(text(await call(clusters, { origin: originOf('a', 'gray') }))).toBe('gray');
    expect(gray.seen[0]!.headers['x-mse-tag']).toBe('g');
  });

  it('falls back to baseline, and keeps the tag for the next hop', async () => {
    const { clusters, base } = await lanes();
    expect(text(await call(clusters, { origin: originOf('a', 'gray'), service: 'plain' }))).toBe('base');
    expect(base.seen[0]!.headers['x-mse-tag']).toBe('g');
    const strict = await call(clusters, { origin: originOf('a', 'strict') });
    expect(strict).toEqual({ response: null, result: 'no-endpoint' });
  });

  it.each([
    ['of the plugin itself', null, 'auth'],
    ['of an exchange in baseline', originOf('a', ''), 'auth'],
    ['of an exchange of another tenant', originOf('a', 'gray'), 'b/auth'],
    ['of a lane that is gone', originOf('a', 'gone'), 'auth'],
  ])('is baseline without a tag when it is one %s', async (_what, origin, name) => {
    const { clusters, base } = await lanes();
    const caller = { tenant: 'a', services: ['b/auth'] };
    expect(text(await call(clusters, { origin, caller, service: name, headers: ['x-mse-tag', 'g'] }))).toBe('base');
    expect(base.seen[0]!.headers['x-mse-tag']).toBeUndefined();
  });
});

describe('a service that a caller may not use', () => {
  it.each([
    ['an unknown one', 'other', { tenant: 'a', services: [] }],
    ["another tenant's", 'b/auth', { tenant: 'a', services: [] }],
    ["another tenant's beside the one that is allowed", 'b/auth', { tenant: 'a', services: ['b/other'] }],
    ['an unknown one of another tenant', 'b/none', { tenant: 'a', services: ['b/none'] }],
    ['one of a tenant that is gone', 'c/auth', { tenant: 'a', services: ['c/auth'] }],
    ['one by its bare name, for the gateway chain', 'auth', { tenant: '', services: [] }],
    ["a tenant's, for the gateway chain", 'a/auth', { tenant: '', services: [] }],
    ['one without a tenant, for the gateway chain', '/auth', { tenant: '', services: [] }],
  ])('is refused: %s', async (_what, name, caller) => {
    const { callouts } = calloutRig({ 'a/auth': [], 'b/auth': [] });
    const handler = { onCalloutDone: () => expect.unreachable() };
    expect(callouts.send(requestOf({ service: name, caller }), handler)).toBeNull();
  });

  it.each([
    ['auth', { tenant: 'a', services: [] }],
    ['a/auth', { tenant: 'a', services: [] }],
    ['b/auth', { tenant: 'a', services: ['b/auth'] }],
    ['a/auth', { tenant: '', services: ['a/auth'] }],
  ])('is another matter: %s', async (name, caller) => {
    const { result } = await call(calloutRig({ 'a/auth': [], 'b/auth': [] }), { service: name, caller });
    expect(result).toBe('no-endpoint');
  });
});

describe('a callout that fails', () => {
  const failure = (result: CalloutResult) => ({ response: null, result });

  it('because nobody answers in time', async () => {
    const silent = await service('silent', () => {});
    const clusters = calloutRig({ 'a/auth': [silent] });
    const outcome = call(clusters, { timeoutMs: 100 });
    await expect.poll(() => silent.seen.length).toBe(1);
    clusters.wheel.pass(120);
    expect(await outcome).toEqual(failure('timeout'));
  });

  it('because the answer does not end in time', async () => {
    const slow = await service('slow', (_request, response) => void response.write('begun'));
    const clusters = calloutRig({ 'a/auth': [slow] });
    const outcome = call(clusters, { timeoutMs: 100 });
    await expect.poll(() => clusters.bodies.held).toBe(5);
    clusters.wheel.pass(120);
    expect(await outcome).toEqual(failure('timeout'));
  });

  it('because nobody listens', async () => {
    const dead = await service('dead', () => {});
    const places = [{ port: 1 }];
    expect(dead.port).toBeGreaterThan(0);
    expect(await call(calloutRig({ 'a/auth': places }))).toEqual(failure('connect-failed'));
  });

  it('because the connection is reset', async () => {
    const broken = await service('broken', (request) => void request.socket.destroy());
    expect(await call(calloutRig({ 'a/auth': [broken] }), { method: 'POST' })).toEqual(failure('reset'));
    expect(broken.seen).toHaveLength(1);
  });

  it.each([
    ['announced', true],
    ['streamed', false],
  ])('because the answer is too large, %s', async (_how, announced) => {
    const large = await service('large', (_request, response) => {
      if (announced) response.setHeader('content-length', LIMITS.pluginCalloutBodyBytes + 1);
      response.on('error', () => {});
      response.end(Buffer.alloc(LIMITS.pluginCalloutBodyBytes + 1));
    });
    expect(await call(calloutRig({ 'a/auth': [large] }))).toEqual(failure('too-large'));
  });

  it('because the plugins of the tenant hold too much', async () => {
    const silent = await service('silent', () => {});
    const { callouts, inFlight, bodies, wheel } = calloutRig({ 'a/auth': [silent] });
    const body = Buffer.alloc(LIMITS.pluginCalloutBodyBytes);
    const results: CalloutResult[] = [];
    const handler = { onCalloutDone: (_response: unknown, result: CalloutResult) => void results.push(result) };
    const most = 4;
    const send = () => callouts.send(requestOf({ method: 'POST', body }), handler)!;
    const handles = Array.from({ length: most }, send);
    send();
    expect(results).toEqual([]);
    await expect.poll(() => results).toEqual(['overloaded']);
    for (const handle of handles) handle.cancel();
    expect([bodies.held, inFlight(), wheel.size]).toEqual([0, 0, 0]);
    expect(results).toEqual(['overloaded']);
  });

  it('is tried at another endpoint while nothing was lost by it', async () => {
    const good = await service('good', (_request, response) => void response.end('good'));
    const bad = await service('bad', (request) => void request.socket.destroy());
    for (let i = 0; i < 4; i++) {
      const { result } = await call(calloutRig({ 'a/auth': [{ port: 1 }, good] }), {
        method: 'POST',
        body: Buffer.from('b'),
      });
      expect(result).toBe('success');
      expect((await call(calloutRig({ 'a/auth': [bad, good] }))).result).toBe('success');
    }
    expect(good.seen.filter(({ method }) => method === 'POST').map(({ body }) => body)).toEqual(['b', 'b', 'b', 'b']);
  });

  it('is not heard of any more once it is cancelled', async () => {
    const late = await service('late', (_request, response) => void response.end('late'));
    const { callouts, inFlight } = calloutRig({ 'a/auth': [late] });
    const handler = { onCalloutDone: () => expect.unreachable() };
    callouts.send(requestOf(), handler)!.cancel();
    const second = await call(calloutRig({ 'a/auth': [late] }));
    expect([second.result, inFlight()]).toEqual(['success', 0]);
  });
});
