import { type ClientRequest, request as sendRequest, type RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HttpClient } from '../listener.suite.ts';
import { ask, codeOf, deadPort, eventually, HOST } from './fixture.suite.ts';
import { raw, rigOf, upstream } from './proxy-rig.suite.ts';

/** A chunked POST that the test writes piece by piece. */
function upload(port: number): { readonly request: ClientRequest; readonly status: Promise<number> } {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { host: HOST };
  const request = sendRequest({ host: '127.0.0.1', port, method: 'POST', headers, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  request.on('error', reject);
  return { request, status: promise };
}

const retries = (on: readonly (string | number)[], attempts = 1) => ({ retries: { attempts, on } });

describe('an attempt that fails', () => {
  it('is followed by one at another endpoint when no connection was made', async () => {
    const good = await upstream('good');
    const rig = await rigOf({});
    rig.setEndpoints([await deadPort(), good.port]);
    const replies = [];
    for (let i = 0; i < 4; i++) replies.push(await ask(rig.port));
    expect(replies.map(({ status, text }) => `${status} ${text}`)).toEqual(Array(4).fill('200 good'));
    expect(rig.lines.map((line) => line['upstream_request_attempt_count'])).toContain(2);
    expect(rig.lines.every((line) => line['upstream_host'] === good.address)).toBe(true);
    await rig.expectIdle();
  });

  it('is the last when the route allows no further one', async () => {
    const rig = await rigOf({ route: { retries: { attempts: 0 } } });
    rig.setEndpoints([await deadPort()]);
    const reply = await ask(rig.port);
    expect([reply.status, codeOf(reply)]).toEqual([502, 'SLUICE_UPSTREAM_CONNECT_FAILED']);
    expect(rig.lines[0]).toMatchObject({
      response_code: 502,
      response_flags: 'UF',
      upstream_request_attempt_count: 1,
      upstream_transport_failure_reason: 'SLUICE_UPSTREAM_CONNECT_FAILED',
    });
    await rig.expectIdle();
  });

  it('carries the body of a POST to the next endpoint as long as nothing of it was sent', async () => {
    const good = await upstream('good', (request, response) => void request.pipe(response));
    const rig = await rigOf({ route: retries(['connect-failure'], 3) });
    rig.setEndpoints([await deadPort(), await deadPort(), good.port]);
    const reply = await ask(rig.port, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([reply.status, reply.text.length]).toEqual([200, 100_000]);
    await rig.expectIdle();
  });

  it.each([
    ['GET', undefined, 200, 1],
    ['POST', undefined, 502, 0],
    ['PUT', 'a body', 502, 0],
  ])('by a reset before the response is repeated for %s with body %j: %d', async (method, body, status, repeats) => {
    // Whichever endpoint is asked first breaks off, so that nothing depends on whose turn it is.
    let asked = 0;
    const breakOnce: RequestListener = (request, response) =>
      void (asked++ === 0 ? request.socket.destroy() : response.end());
    const [one, two] = [await upstream('one', breakOnce), await upstream('two', breakOnce)];
    const rig = await rigOf({ route: retries(['reset-before-response']) }, [one.port, two.port]);
    const reply = await ask(rig.port, { method, ...(body === undefined ? {} : { body }) });
    expect([reply.status, asked - 1]).toEqual([status, repeats]);
    expect([one.seen.length, two.seen.length].toSorted((a, b) => a - b)).toEqual([repeats, 1]);
    if (status === 502) expect(codeOf(reply)).toBe('SLUICE_UPSTREAM_RESET');
    await rig.expectIdle();
  });

  it('by its status is repeated when the route says so, up to its limit', async () => {
    const busy = await upstream('busy', (_request, response) => void response.writeHead(503).end('no'));
    const broken = await upstream('broken', (_request, response) => void response.writeHead(500).end('no'));
    const rig = await rigOf({ route: retries([503], 2) });
    rig.setEndpoints([busy.port]);
    expect(await ask(rig.port)).toMatchObject({ status: 503, text: 'no' });
    expect([busy.seen.length, rig.lines[0]!['upstream_request_attempt_count']]).toEqual([3, 3]);
    rig.setEndpoints([broken.port]);
    expect(await ask(rig.port)).toMatchObject({ status: 500, text: 'no' });
    expect(broken.seen).toHaveLength(1);
    await rig.expectIdle();
  });

  it('by its status is followed by a good one elsewhere', async () => {
    const busy = await upstream('busy', (_request, response) => void response.writeHead(503).end('no'));
    const good = await upstream('good');
    const rig = await rigOf({ route: retries([503]) });
    rig.setEndpoints([busy.port, good.port]);
    for (let i = 0; i < 6; i++) expect(await ask(rig.port)).toMatchObject({ status: 200, text: 'good' });
    expect(busy.seen.length).toBeGreaterThan(0);
    await rig.expectIdle();
  });

  it('after the first byte of the response is never repeated', async () => {
    const bad = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'));
    const rig = await rigOf({ route: retries(['reset-before-response', 'connect-failure'], 5) });
    rig.setEndpoints([bad.port]);
    await expect(ask(rig.port)).rejects.toThrow(/aborted|socket hang up/);
    expect(bad.sockets).toHaveLength(1);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({
      response_code: 200,
      response_flags: 'UC',
      response_code_details: 'SLUICE_UPSTREAM_RESET',
      bytes_sent: 4,
    });
    await rig.expectIdle();
  });
});

describe('time limits', () => {
  it('end an attempt, and the next endpoint is asked when the route says so', async () => {
    let asked = 0;
    const silentOnce: RequestListener = (_request, response) => void (asked++ === 0 || response.end('good'));
    const [one, two] = [await upstream('one', silentOnce), await upstream('two', silentOnce)];
    const route = { timeouts: { perTry: '50ms' }, ...retries(['try-timeout']) };
    const rig = await rigOf({ route }, [one.port, two.port]);
    expect(await ask(rig.port)).toMatchObject({ status: 200, text: 'good' });
    expect([one.seen.length, two.seen.length]).toEqual([1, 1]);
    await eventually(() => one.aborted + two.aborted).toBe(1);
    const answered = one.aborted === 1 ? two : one;
    expect(rig.lines[0]).toMatchObject({ upstream_request_attempt_count: 2, upstream_host: answered.address });
    await rig.expectIdle();
  });

  it.each([
    ['of an attempt', { perTry: '50ms' }, 'SLUICE_UPSTREAM_TRY_TIMEOUT'],
    ['of the request', { request: '50ms' }, 'SLUICE_UPSTREAM_TIMEOUT'],
    ['of the request, over several attempts', { request: '90ms', perTry: '40ms' }, 'SLUICE_UPSTREAM_TIMEOUT'],
  ])('%s answer 504', async (what, timeouts, code) => {
    const silent = await raw(() => {});
    const several = what.includes('several') ? retries(['try-timeout'], 10) : {};
    const rig = await rigOf({ route: { timeouts, ...several } });
    rig.setEndpoints([silent.port]);
    const reply = await ask(rig.port);
    expect([reply.status, codeOf(reply)]).toEqual([504, code]);
    expect(rig.lines[0]).toMatchObject({ response_code: 504, response_flags: 'UT', upstream_service_time: null });
    await eventually(() => silent.sockets.every(({ destroyed }) => destroyed)).toBe(true);
    await rig.expectIdle();
  });

  it('count from the end of a slow upload', async () => {
    const patient = await upstream('patient', (request, response) => {
      request.resume().on('end', () => response.end('all there'));
    });
    const rig = await rigOf({ route: { timeouts: { request: '100ms', perTry: '100ms' } } });
    rig.setEndpoints([patient.port]);
    const { request, status } = upload(rig.port);
    for (let part = 0; part < 6; part++) {
      request.write('part');
      await sleep(50);
    }
    request.end();
    expect(await status).toBe(200);
    await rig.expectIdle();
  });

  it('begin when the upload has ended', async () => {
    const silent = await upstream('silent', (request) => void request.resume());
    const rig = await rigOf({ route: { timeouts: { request: '100ms' } } });
    rig.setEndpoints([silent.port]);
    const { request, status } = upload(rig.port);
    request.write('one');
    await sleep(150);
    request.end('two');
    expect(await status).toBe(504);
    expect(rig.lines[0]).toMatchObject({ response_code: 504, bytes_received: 6 });
    await rig.expectIdle();
  });

  it('see an endpoint that stops reading the request', async () => {
    const deaf = await raw((socket) => void socket.pause());
    const rig = await rigOf({ route: { timeouts: { request: '100ms' } } });
    rig.setEndpoints([deaf.port]);
    const { request, status } = upload(rig.port);
    request.on('error', () => {});
    request.write(Buffer.alloc(20 * 1024 * 1024));
    expect(await status).toBe(504);
    request.destroy();
    await rig.expectIdle();
  });

  it('do not cut a response that has begun', async () => {
    const slow = await upstream('slow', (_request, response) => {
      response.write('first ');
      setTimeout(() => response.end('last'), 150);
    });
    const rig = await rigOf({ route: { timeouts: { request: '60ms', perTry: '60ms' } } });
    rig.setEndpoints([slow.port]);
    expect(await ask(rig.port)).toMatchObject({ status: 200, text: 'first last' });
    await rig.expectIdle();
  });
});

describe('a service without endpoints', () => {
  const lanes = [{ name: 'gray', tag: 'gray', rules: [{ headers: [{ name: 'x-gray', present: true }] }] }];
  const tenant = { lanes };
  const gray = { metadata: { 'opensergo.io/canary-gray': 'gray' } };

  it('answers 503', async () => {
    const rig = await rigOf({});
    const reply = await ask(rig.port);
    expect([reply.status, codeOf(reply)]).toEqual([503, 'SLUICE_UPSTREAM_NO_ENDPOINT']);
    expect(rig.lines[0]).toMatchObject({ response_flags: 'UH', upstream_request_attempt_count: 0 });
    await rig.expectIdle();
  });

  it('never sends baseline traffic to an endpoint of a lane', async () => {
    const server = await upstream('gray');
    const rig = await rigOf({ tenant });
    rig.setEndpoints([{ port: server.port, ...gray }]);
    expect(codeOf(await ask(rig.port))).toBe('SLUICE_UPSTREAM_NO_ENDPOINT');
    expect(await ask(rig.port, { headers: { 'x-gray': '1' } })).toMatchObject({ status: 200, text: 'gray' });
    expect(server.last.headers['x-mse-tag']).toBe('gray');
  });

  it('is served by baseline in place of an empty lane, and the log says so', async () => {
    const server = await upstream('baseline');
    const rig = await rigOf({ tenant });
    rig.setEndpoints([server.port]);
    expect(await ask(rig.port, { headers: { 'x-gray': '1' } })).toMatchObject({ status: 200, text: 'baseline' });
    expect(server.last.headers['x-mse-tag']).toBe('gray');
    expect(rig.lines[0]).toMatchObject({ lane: 'gray', lane_rule: 'rule 1', lane_fallback: true });
  });

  it('falls back to baseline when the last endpoint of the lane cannot be reached', async () => {
    const server = await upstream('baseline');
    const rig = await rigOf({ tenant });
    rig.setEndpoints([server.port, { port: await deadPort(), ...gray }]);
    expect(await ask(rig.port, { headers: { 'x-gray': '1' } })).toMatchObject({ status: 200, text: 'baseline' });
    expect(rig.lines[0]).toMatchObject({ lane_fallback: true, upstream_request_attempt_count: 2 });
  });

  it('is refused where the lane may not fall back', async () => {
    const server = await upstream('baseline');
    const rig = await rigOf({ tenant: { lanes: [{ ...lanes[0], fallback: 'reject' }] } });
    rig.setEndpoints([server.port]);
    const reply = await ask(rig.port, { headers: { 'x-gray': '1' } });
    expect([reply.status, codeOf(reply)]).toEqual([503, 'SLUICE_LANE_NO_ENDPOINT']);
    expect(server.seen).toHaveLength(0);
    expect((await ask(rig.port)).text).toBe('baseline');
  });
});

describe('what comes from the upstream', () => {
  it('is 502 when it is no HTTP', async () => {
    const bad = await raw((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n'));
    const rig = await rigOf({});
    rig.setEndpoints([bad.port]);
    const reply = await ask(rig.port);
    expect([reply.status, codeOf(reply)]).toEqual([502, 'SLUICE_UPSTREAM_PROTOCOL']);
    expect(rig.lines[0]).toMatchObject({ response_flags: 'UPE' });
    await rig.expectIdle();
  });

  it('breaks off for the client as well when it breaks off in a chunked body', async () => {
    const bad = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'));
    const rig = await rigOf({});
    rig.setEndpoints([bad.port]);
    await expect(ask(rig.port)).rejects.toThrow(/aborted|hang up/);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ response_code: 200, response_flags: 'UC' });
  });

  it('passes informational heads before the final one, without those of one hop', async () => {
    const server = await raw((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n');
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const rig = await rigOf({});
    rig.setEndpoints([server.port]);
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => client.ended).toBe(true);
    expect(client.informationals).toEqual([{ status: 103, pairs: ['Link', '</a.css>'] }]);
    expect(client.status).toBe(200);
  });

  it.each([
    ['GET', 204, ''],
    ['GET', 304, ''],
    ['HEAD', 200, ''],
    ['GET', 404, 'nothing here'],
  ])('is passed as it is: %s with %d', async (method, status, text) => {
    const server = await upstream('main', (_request, response) => {
      response.writeHead(status, { 'x-own': 'yes', etag: '"1"', ...(text === '' ? {} : { 'content-length': '12' }) });
      response.end(text);
    });
    const rig = await rigOf({});
    rig.setEndpoints([server.port]);
    for (let i = 0; i < 3; i++) {
      const reply = await ask(rig.port, { method });
      expect(reply).toMatchObject({ status, text, headers: { 'x-own': 'yes', etag: '"1"' } });
    }
    expect(rig.lines[0]).toMatchObject({ method, response_code: status, bytes_sent: text.length });
    await rig.expectIdle();
  });

  it('counts no body for HEAD, not even of an error of the gateway itself', async () => {
    const rig = await rigOf({});
    const reply = await ask(rig.port, { method: 'HEAD' });
    expect([reply.status, reply.text]).toEqual([503, '']);
    expect(Number(reply.headers['content-length'])).toBeGreaterThan(50);
    expect(rig.lines[0]).toMatchObject({ bytes_sent: 0 });
  });
});

describe('an exchange whose filter throws', () => {
  const throwing = (phase: 'request' | 'response' | 'resumed') => ({
    name: 'throwing',
    wantsRequestHeaders: true,
    wantsResponseHeaders: true,
    create: (_x: unknown, control: { resumeRequest(): void }) => ({
      bodies: null,
      onRequestHeaders() {
        if (phase === 'request') throw new Error('by design');
        if (phase !== 'resumed') return 0 as const;
        setTimeout(() => control.resumeRequest(), 5);
        return 1 as const;
      },
      onResponseHeaders() {
        throw new Error('by design');
      },
      onDone() {},
    }),
  });

  it.each(['request', 'response', 'resumed'] as const)('ends with 500 (%s)', async (phase) => {
    const server = await upstream('main');
    const rig = await rigOf({ filters: [throwing(phase)] });
    rig.setEndpoints([server.port]);
    const reply = await ask(rig.port);
    expect([reply.status, codeOf(reply)]).toEqual([500, 'SLUICE_GATEWAY_INTERNAL']);
    const { traceId } = (JSON.parse(reply.text) as { error: { traceId: string } }).error;
    expect(rig.errors[0]).toMatchObject({ message: 'exchange failed', fields: { traceId, tenant: 'a', route: 'all' } });
    expect(rig.lines[0]).toMatchObject({ response_code: 500, trace_id: traceId });
    await rig.expectIdle();
  });

  it('ends with 500 when it throws over the failure of the upstream', async () => {
    const rig = await rigOf({ filters: [throwing('response')], route: { retries: { attempts: 0 } } });
    rig.setEndpoints([await deadPort()]);
    expect(codeOf(await ask(rig.port))).toBe('SLUICE_GATEWAY_INTERNAL');
    await rig.expectIdle();
  });
});
