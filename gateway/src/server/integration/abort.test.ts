import { describe, expect, it } from 'vitest';
import { CONTINUE, type FilterControl, type FilterFactory, PAUSE } from '../../filters/filter.ts';
import { HttpClient, RawClient } from '../listener.suite.ts';
import { ask, codeOf, eventually } from './fixture.suite.ts';
import { type ProxyRig, raw, rigOf, upstream } from './proxy-rig.suite.ts';

/** Holds the exchange in one phase until the test lets it go. */
class Holding implements FilterFactory {
  readonly name = 'holding';
  readonly wantsRequestHeaders = true;
  readonly wantsResponseHeaders = true;
  readonly controls: FilterControl[] = [];
  done = 0;
  readonly #phase: 'request' | 'response';

  constructor(phase: 'request' | 'response') {
    this.#phase = phase;
  }

  create(_exchange: unknown, control: FilterControl) {
    return {
      bodies: null,
      onRequestHeaders: () => this.#hold('request', control),
      onResponseHeaders: () => this.#hold('response', control),
      onDone: () => void this.done++,
    };
  }

  #hold(phase: string, control: FilterControl) {
    if (phase !== this.#phase) return CONTINUE;
    this.controls.push(control);
    return PAUSE;
  }
}

/** What every exchange that its client left must look like afterwards. */
async function expectAborted(rig: ProxyRig, more: Record<string, unknown> = {}): Promise<void> {
  await eventually(() => rig.lines).toHaveLength(1);
  expect(rig.lines[0]).toMatchObject({
    response_code: 499,
    response_flags: 'DC',
    response_code_details: 'SLUICE_CLIENT_ABORTED',
    ...more,
  });
  await rig.expectIdle();
}

describe('a client that leaves', () => {
  it('while a filter holds its request: nothing goes upstream, even if the filter lets go later', async () => {
    const server = await upstream('main', (_request, response) => void response.end());
    const filter = new Holding('request');
    const rig = await rigOf({ filters: [filter] }, [server.port]);
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => filter.controls).toHaveLength(1);
    client.close();
    await expectAborted(rig, { upstream_request_attempt_count: 0 });
    expect(filter.done).toBe(1);
    filter.controls[0]!.resumeRequest();
    filter.controls[0]!.fail('SLUICE_PLUGIN_FAILED', 'late');
    filter.controls[0]!.reset();
    expect([server.seen.length, rig.gateway.activeExchanges, filter.done]).toEqual([0, 0, 1]);
  });

  it('before the upstream has answered: the upstream learns it', async () => {
    const server = await upstream('main', () => {});
    const rig = await rigOf({ route: { timeouts: { perTry: '10s' } } }, [server.port]);
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => server.seen.length).toBe(1);
    expect([rig.gateway.activeExchanges, rig.inFlight]).toEqual([1, 1]);
    client.close();
    await eventually(() => server.aborted).toBe(1);
    await expectAborted(rig, { upstream_service_time: null, upstream_request_attempt_count: 1 });
  });

  it('while a filter holds the response', async () => {
    const server = await upstream('main', (_request, response) => void response.write('begun'));
    const filter = new Holding('response');
    const rig = await rigOf({ filters: [filter] }, [server.port]);
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => filter.controls).toHaveLength(1);
    client.close();
    await eventually(() => server.aborted).toBe(1);
    await expectAborted(rig, { bytes_sent: 0 });
    filter.controls[0]!.resumeResponse();
    expect(filter.done).toBe(1);
  });

  it('in the middle of the response', async () => {
    const server = await upstream('main', (_request, response) => void response.write('some of it'));
    const rig = await rigOf({}, [server.port]);
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => client.body.length).toBe(10);
    client.close();
    await eventually(() => server.aborted).toBe(1);
    await expectAborted(rig, { bytes_sent: 10 });
  });

  it('while it takes nothing of a long response', async () => {
    const server = await upstream('main', (_request, response) => void response.end(Buffer.alloc(16 * 1024 * 1024)));
    const rig = await rigOf({}, [server.port]);
    const client = new HttpClient(rig.port);
    client.hold();
    client.end();
    await eventually(() => client.status).toBe(200);
    client.close();
    await eventually(() => server.aborted).toBe(1);
    await expectAborted(rig);
  });

  it('in the middle of its upload', async () => {
    let received = 0;
    const server = await upstream(
      'main',
      (request) => void request.on('data', (chunk: Buffer) => (received += chunk.length)),
    );
    const rig = await rigOf({}, [server.port]);
    const client = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '1000'] });
    client.write(Buffer.alloc(300));
    await eventually(() => received).toBe(300);
    client.fail();
    await eventually(() => server.aborted).toBe(1);
    await expectAborted(rig, { bytes_received: 300 });
  });

  it('in the middle of its upload, while the response is under way', async () => {
    const server = await upstream('main', (_request, response) => void response.write('early'));
    const rig = await rigOf({}, [server.port]);
    const client = new HttpClient(rig.port, { method: 'POST', headers: ['Content-Length', '1000'] });
    client.write(Buffer.alloc(300));
    await eventually(() => client.body.toString()).toBe('early');
    client.fail();
    await eventually(() => server.aborted).toBe(1);
    await expectAborted(rig, { bytes_sent: 5 });
  });

  it('between its attempts', async () => {
    const server = await raw(() => {});
    const rig = await rigOf(
      { route: { timeouts: { perTry: '30ms' }, retries: { attempts: 10, on: ['try-timeout'] } } },
      [server.port],
    );
    const client = new HttpClient(rig.port);
    client.end();
    await eventually(() => server.sockets.length).toBeGreaterThan(2);
    client.close();
    await expectAborted(rig);
    const connections = server.sockets.length;
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(server.sockets).toHaveLength(connections);
  });

  it('by closing its side alone, as nginx and Envoy see it', async () => {
    const server = await upstream('main', () => {});
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await eventually(() => server.seen.length).toBe(1);
    client.socket.end();
    await eventually(() => server.aborted).toBe(1);
    await expectAborted(rig);
    await eventually(() => client.closed).toBe(true);
  });

  it('with a request pipelined behind', async () => {
    const server = await upstream('main', () => {});
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send('GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\nGET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await eventually(() => server.seen.length).toBe(1);
    client.socket.destroy();
    // The second was never begun.
    await eventually(() => rig.lines.map((line) => [line['path'], line['response_code']])).toEqual([['/1', 499]]);
    await rig.expectIdle();
  });

  it('leaves nothing behind, a hundred times over', async () => {
    const server = await upstream('main', (_request, response) => void setTimeout(() => response.end('late'), 20));
    const rig = await rigOf({}, [server.port]);
    const clients = Array.from({ length: 100 }, () => new HttpClient(rig.port));
    for (const client of clients) client.end();
    await eventually(() => server.seen.length).toBeGreaterThan(50);
    for (const [i, client] of clients.entries()) if (i % 2 === 0) client.close();
    await eventually(() => rig.lines).toHaveLength(100);
    await rig.expectIdle();
    const codes = new Set(rig.lines.map((line) => line['response_code']));
    expect([...codes].filter((code) => code !== 200 && code !== 499)).toEqual([]);
    expect(codes).toContain(499);
  });
});

describe('a client whose body goes wrong', () => {
  it.each([
    ['breaks its chunks', 'zz\r\n', 400, 'SLUICE_REQUEST_INVALID'],
    ['sends no hexadecimal size', '5;\r\nab\0cd\r\nxyz\r\n', 400, 'SLUICE_REQUEST_INVALID'],
  ])('%s', async (_what, bytes, status, code) => {
    const server = await upstream('main', () => {});
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send('POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await eventually(() => server.seen.length).toBe(1);
    client.send(bytes);
    await eventually(() => client.closed).toBe(true);
    expect(client.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(client.json()).toMatchObject({ error: { code } });
    await eventually(() => server.aborted).toBe(1);
    expect(rig.lines[0]).toMatchObject({ response_code: status, response_flags: 'DPE' });
    await rig.expectIdle();
  });
});

describe('an endpoint that is gone', () => {
  it('finishes what it has', async () => {
    const server = await upstream('main', (_request, response) => void setTimeout(() => response.end('whole'), 50));
    const rig = await rigOf({}, [server.port]);
    const reply = ask(rig.port);
    await eventually(() => server.seen.length).toBe(1);
    rig.setEndpoints([]);
    expect((await reply).text).toBe('whole');
    expect(codeOf(await ask(rig.port))).toBe('SLUICE_UPSTREAM_NO_ENDPOINT');
    await rig.expectIdle();
  });
});

describe('a drain that has come to its deadline', () => {
  it.each([
    ['before the answer', 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'],
    ['in the middle of a body', 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nhalf'],
  ])('cuts an exchange %s, and does not blame the client', async (_when, text) => {
    const server = await upstream('main', (request) => void request.resume());
    const rig = await rigOf({}, [server.port]);
    const client = new RawClient(rig.port);
    client.send(text);
    await eventually(() => server.seen.length).toBe(1);
    expect(await rig.listener.drain(20)).toBe(1);
    await eventually(() => [client.closed, server.aborted]).toEqual([true, 1]);
    await eventually(() => rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({
      response_code: 503,
      response_flags: 'LR',
      response_code_details: 'SLUICE_GATEWAY_DRAINING',
    });
    await rig.expectIdle();
  });
});
