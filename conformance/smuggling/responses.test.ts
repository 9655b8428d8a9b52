import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProxyRig } from '../../gateway/src/server/integration/proxy-rig.suite.ts';
import { H } from './case.ts';
import { Client, settle, statusOf, within } from './client.ts';
import { Recorder, summary } from './recorder.ts';
import { RESPONSES, type ResponseCase } from './responses.ts';

/** Part of a case's name: its bytes are printed, what the upstream sent and what the client got. */
const PRINTED = process.env['SMUGGLING_PRINT'];

describe('responses that two clients may understand in two ways', () => {
  const upstream = new Recorder();
  let rig: ProxyRig;
  beforeAll(async () => {
    await upstream.open();
    rig = await new ProxyRig({ route: { retries: { attempts: 0 } } }).open();
    rig.setEndpoints([upstream.port]);
  });
  afterAll(async () => {
    await rig.close();
    await upstream.close();
  });

  /** Asks twice on one connection, and on another: the upstream answers the first request with the case's bytes. */
  async function run({ bytes, ends, late, method, outcome }: ResponseCase): Promise<Client> {
    upstream.forget();
    let evil: Socket | null = null;
    upstream.hostile = (socket) => {
      upstream.hostile = null;
      evil = socket;
      socket.write(bytes, 'latin1');
      if (ends) socket.end();
    };
    const client = new Client(rig.port);
    client.send(`${method} /case HTTP/1.1\r\n${H}\r\n`);
    if (outcome === 'torn') await within(() => client.closed);
    else await within(() => client.responses(method === 'HEAD').length > 0);
    if (late !== '') (evil as Socket | null)?.write(late, 'latin1');
    await settle();
    return client;
  }

  function expectOutcome({ outcome, method }: ResponseCase, client: Client): void {
    const responses = client.responses(method === 'HEAD');
    if (outcome === 'torn') {
      expect([responses, client.closed]).toEqual([[], true]);
      return;
    }
    const [status, body] = outcome === 'refused' ? [502, expect.stringContaining('SLUICE_UPSTREAM_')] : outcome;
    expect(responses.map((message) => [statusOf(message), message.body])).toEqual([[status, body]]);
    expect(client.rest(method === 'HEAD')).toBe('');
    const ofConnection = /^(?:connection|keep-alive|upgrade|te|x):/i;
    if (!client.closed) expect(responses[0]!.fields.filter((field) => ofConnection.test(field))).toEqual([]);
  }

  /** Whoever asks next gets his own answer, on this connection or another. */
  async function expectUnharmed(client: Client): Promise<void> {
    const next = client.closed ? new Client(rig.port) : client;
    next.bytes = '';
    next.send(`GET /probe HTTP/1.1\r\n${H}\r\n`);
    await within(() => next.responses(false).length > 0);
    await settle();
    expect(next.responses(false).map(({ body }) => body)).toEqual(['GET /probe a.example 0']);
    next.socket.destroy();
  }

  it.each(RESPONSES.map((given) => [given.name, given] as const))('%s', async (name, given) => {
    const client = await run(given);
    if (PRINTED !== undefined && name.includes(PRINTED)) print(given, client);
    expectOutcome(given, client);
    const [first] = upstream.raw;
    await expectUnharmed(client);
    client.socket.destroy();
    expect(upstream.requests.map(summary)).toEqual([asked(given.method), 'GET /probe none ']);
    expect(upstream.raw.length === 1 && upstream.raw[0] !== first).toBe(given.reused);
  });

  it('are many, and no two the same', () => {
    const distinct = new Set(RESPONSES.map(({ bytes, method, ends, late }) => `${method} ${ends} ${late} ${bytes}`));
    expect(distinct.size).toBe(RESPONSES.length);
    expect(RESPONSES.length).toBeGreaterThan(80);
  });
});

function asked(method: string): string {
  return `${method} /case ${method === 'POST' ? 'length' : 'none'} `;
}

function print({ name, bytes }: ResponseCase, client: Client): void {
  const shown = (text: string): string => JSON.stringify(text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text);
  process.stdout.write(`${name}\n  upstream ${shown(bytes)}\n  client   ${shown(client.bytes)}\n`);
}
