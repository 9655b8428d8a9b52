import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { failuresOf, parseWrk, startLoader } from './load.ts';

describe('the report of wrk', () => {
  it('is read with all its error counts', () => {
    const text = `Running 10m test @ http://127.0.0.1:8080/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.05ms  512.00us  20.11ms   93.10%
    Req/Sec     7.45k   501.10     8.02k    88.00%
  14912 requests in 2.01s, 3.26MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:   7418.91
Transfer/sec:      1.62MB`;
    const report = parseWrk(text);
    expect(report).toEqual({
      requests: 14_912,
      connectErrors: 1,
      readErrors: 2,
      writeErrors: 3,
      timeouts: 4,
      non2xx: 5,
      requestsPerSecond: 7418.91,
    });
    expect(failuresOf(report)).toBe(15);
  });

  it('without errors has zeros; anything else is none', () => {
    expect(failuresOf(parseWrk('  7 requests in 1.00s, 1KB read\nRequests/sec:   7.00'))).toBe(0);
    expect(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused')).toThrow(/Connection refused/);
  });
});

describe('the loader in the process', () => {
  let server: Server;
  afterEach(() => server.close());

  /** Runs it until the server has seen `requests`. */
  async function load(requests: number, answer: RequestListener) {
    let seen = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    server = createServer((request, response) => {
      answer(request, response);
      if (++seen === requests) resolve();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const started = startLoader({ port, path: '/', headers: {}, connections: 2, delayMs: 0 }, '');
    await promise;
    return { report: await started.stop(), seen };
  }

  it('counts every request and keeps its connections', async () => {
    const sockets = new Set<unknown>();
    const { report, seen } = await load(20, (request, response) => {
      sockets.add(request.socket);
      response.end('ok');
    });
    expect(report.requests).toBe(seen);
    expect(failuresOf(report)).toBe(0);
    expect(sockets.size).toBe(2);
  });

  it('counts refusals and lost connections as failures', async () => {
    let turn = 0;
    const { report } = await load(20, (request, response) => {
      if (++turn % 4 === 0) request.socket.destroy();
      else response.writeHead(turn % 4 === 1 ? 503 : 200).end();
    });
    expect(report.non2xx).toBeGreaterThanOrEqual(5);
    expect(report.readErrors).toBeGreaterThanOrEqual(5);
  });
});
