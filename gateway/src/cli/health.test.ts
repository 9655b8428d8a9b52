import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { health } from './health.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** An admin API that lives and is not ready. */
async function admin(): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/healthz' ? 200 : 503).end(request.url);
  }).listen(0, '127.0.0.1');
  closers.push(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function ask(origin: string, ready: boolean) {
  const lines: string[] = [];
  const errors: string[] = [];
  const options = { print: (line: string) => lines.push(line), printError: (line: string) => errors.push(line) };
  return { code: await health({ admin: origin, ready, ...options }), lines, errors };
}

describe('sluice health', () => {
  it('tells a living gateway from a ready one', async () => {
    const origin = await admin();
    expect(await ask(origin, false)).toEqual({ code: 0, lines: ['/healthz'], errors: [] });
    expect(await ask(origin, true)).toEqual({ code: 1, lines: ['/readyz'], errors: [] });
  });

  it('says when nobody answers, and asks nobody but this machine', async () => {
    const origin = await admin();
    for (const close of closers.splice(0)) close();
    expect(await ask(origin, false)).toMatchObject({ code: 1, errors: [expect.stringContaining('ECONNREFUSED')] });
    const elsewhere = await ask('http://gateway.example.com:9901', false);
    expect(elsewhere).toMatchObject({ code: 1, errors: [expect.stringContaining('loopback')] });
  });
});
