import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProxyRig } from '../../gateway/src/server/integration/proxy-rig.suite.ts';
import { H, type RequestCase } from './case.ts';
import { Client, settle, statusOf, within } from './client.ts';
import { Recorder, summary } from './recorder.ts';
import { REQUESTS } from './requests.ts';

/** Part of a case's name: its bytes are printed, what the client sent, what the upstream and the client got. */
const PRINTED = process.env['SMUGGLING_PRINT'];

describe('requests that two servers may understand in two ways', () => {
  const upstream = new Recorder();
  let rig: ProxyRig;
  beforeAll(async () => {
    await upstream.open();
    rig = await new ProxyRig({}).open();
    rig.setEndpoints([upstream.port]);
  });
  afterAll(async () => {
    await rig.close();
    await upstream.close();
  });

  /** Sends it and waits for what it should come to. */
  async function run({ bytes, answers, forwarded, open }: RequestCase): Promise<Client> {
    upstream.forget();
    const client = new Client(rig.port);
    client.send(bytes);
    const toHead = bytes.startsWith('HEAD');
    await within(
      () => client.responses(toHead).length >= answers.length && upstream.requests.length >= forwarded.length,
    );
    if (open) await settle();
    else await within(() => client.closed);
    return client;
  }

  /** Whoever comes next gets the answer to his own request. */
  async function expectUnharmed(): Promise<void> {
    upstream.forget();
    const client = new Client(rig.port);
    client.send(`GET /probe HTTP/1.1\r\n${H}\r\n`);
    await within(() => client.responses(false).length > 0);
    await settle();
    expect(client.responses(false).map(({ body }) => body)).toEqual(['GET /probe a.example 0']);
    expect(upstream.requests.map(summary)).toEqual(['GET /probe none ']);
    client.socket.destroy();
  }

  it.each(REQUESTS.map((given) => [given.name, given] as const))('%s', async (name, given) => {
    const client = await run(given);
    if (PRINTED !== undefined && name.includes(PRINTED)) print(given, client, upstream);
    const toHead = given.bytes.startsWith('HEAD');
    expect(upstream.requests.map(summary)).toEqual(given.forwarded);
    expectFields(upstream, given.fields);
    const responses = client.responses(toHead);
    expect(responses.map(statusOf)).toEqual(given.answers);
    expect([client.closed, client.rest(toHead)]).toEqual([!given.open, '']);
    client.socket.destroy();
    expect(await within(() => upstream.unfinished === 0)).toBe(true);
    expect(upstream.requests.map(summary)).toEqual(given.forwarded);
    await expectUnharmed();
  });

  it('are many, and no two the same', () => {
    expect(new Set(REQUESTS.map(({ bytes }) => bytes)).size).toBe(REQUESTS.length);
    expect(new Set(REQUESTS.map(({ name }) => name)).size).toBe(REQUESTS.length);
    expect(REQUESTS.length).toBeGreaterThan(250);
  });
});

function expectFields(upstream: Recorder, wanted: readonly string[]): void {
  if (wanted.length === 0) return;
  const { fields, trailers } = upstream.requests.at(-1)!;
  const lines = [...fields, ...trailers.map((line) => `trailer ${line}`)];
  for (const line of wanted) {
    if (!line.startsWith('!')) expect(lines).toContain(line);
    else expect(lines.filter((other) => other.toLowerCase().startsWith(`${line.slice(1)}:`))).toEqual([]);
  }
}

function print({ name, bytes }: RequestCase, client: Client, upstream: Recorder): void {
  const shown = (text: string): string => JSON.stringify(text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text);
  const got = upstream.raw.map((raw) => `  upstream ${shown(raw)}\n`).join('');
  process.stdout.write(`${name}\n  client   ${shown(bytes)}\n${got}  answer   ${shown(client.bytes)}\n`);
}
