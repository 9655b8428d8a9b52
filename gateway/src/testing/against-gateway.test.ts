import { createServer, request as sendRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GatewayRig } from '../server/integration/gateway-rig.suite.ts';
import { eventually } from '../server/integration/fixture.suite.ts';
import { GuestTexts, must, NO_BYTES, OUT, RESULT, setField, showProperty } from '../wasm/guest-script.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';
import type { TestUpstream } from './drive.ts';
import type { TestRequest } from './fake-exchange.ts';
import { loadPlugin } from './plugin-host.ts';

type Pairs = readonly string[];

/** What a message was, whichever way it came. */
interface Shown {
  readonly request: unknown;
  readonly response: unknown;
}

/** A plugin, by its callbacks, and an exchange of which the test host and a gateway must tell the same. */
interface Case {
  readonly callbacks: (t: GuestTexts) => Readonly<Record<string, string>>;
  readonly request?: TestRequest & { readonly headers?: Readonly<Record<string, string>> };
  readonly upstream?: TestUpstream & { readonly headers?: Readonly<Record<string, string>> };
}

const GO_ON = '(i32.const 0)';
const [REQUEST, RESPONSE] = [0, 2];
const TEXT: TestUpstream & { headers: Record<string, string> } = { headers: { 'x-up': '1' }, body: 'response' };
const GRPC = { method: 'POST', headers: { 'content-type': 'application/grpc' }, body: 'x' };

const put = (t: GuestTexts, buffer: number, text: string) =>
  must(`(call $set_buffer_bytes (i32.const ${buffer}) ${NO_BYTES} ${t.of(text)})`);
const seen = (t: GuestTexts, map: number, name: string) =>
  `(if (i32.eqz (call $get_header_map_value (i32.const ${map}) ${t.of(name)} ${OUT}))
    (then ${must(`(call $replace_header_map_value (i32.const ${map}) ${t.of(`x-saw-${name}`)} ${RESULT})`)}))`;
const ended = (t: GuestTexts, map: number) => `(if (local.get 2) (then ${setField(t, map, 'x-ended', 'yes')}))`;
const reply = (t: GuestTexts, status: number, headers = NO_BYTES) =>
  `(drop (call $send_local_response (i32.const ${status}) ${NO_BYTES} ${t.of('body')} ${headers} (i32.const -1)))
  (i32.const 1)`;
const trailer = (t: GuestTexts, map: number) =>
  `(drop (call $replace_header_map_value (i32.const ${map}) ${t.of('x-sum')} ${t.of('7')}))`;

const CASES: Readonly<Record<string, Case>> = {
  'announced lengths, before and behind edits': {
    callbacks: (t) => ({
      proxy_on_request_headers: seen(t, REQUEST, 'content-length') + GO_ON,
      proxy_on_request_body: put(t, 0, '>') + GO_ON,
      proxy_on_response_headers: seen(t, RESPONSE, 'content-length') + GO_ON,
      proxy_on_response_body: put(t, 1, '<') + GO_ON,
    }),
    request: { method: 'POST', body: 'hello' },
    upstream: TEXT,
  },
  'bodies in chunks that turn out to be empty': {
    callbacks: (t) => ({
      proxy_on_request_headers: ended(t, REQUEST) + GO_ON,
      proxy_on_request_body: put(t, 0, '>') + GO_ON,
      proxy_on_response_headers: ended(t, RESPONSE) + GO_ON,
      proxy_on_response_body: put(t, 1, '<') + GO_ON,
    }),
    request: { method: 'POST', body: [] },
    upstream: { body: [] },
  },
  'trailers behind a length': {
    callbacks: (t) => ({
      proxy_on_request_body: trailer(t, 1) + GO_ON,
      proxy_on_response_body: trailer(t, 3) + GO_ON,
    }),
    request: { method: 'POST', body: 'hello' },
    upstream: TEXT,
  },
  'the answer to HEAD': {
    callbacks: (t) => ({
      proxy_on_response_headers: ended(t, RESPONSE) + GO_ON,
      proxy_on_response_body: put(t, 1, '<') + GO_ON,
    }),
    request: { method: 'HEAD' },
    upstream: TEXT,
  },
  'a plugin that answers HEAD': {
    callbacks: (t) => ({
      proxy_on_request_headers: reply(t, 403),
      proxy_on_response_headers: ended(t, RESPONSE) + GO_ON,
    }),
    request: { method: 'HEAD' },
  },
  'an answer that has no body': { callbacks: (t) => ({ proxy_on_request_headers: reply(t, 204) }) },
  'an answer that loses its body': {
    callbacks: (t) => ({ proxy_on_response_headers: setField(t, RESPONSE, ':status', '204') + GO_ON }),
    upstream: TEXT,
  },
  'a request that becomes HEAD': {
    callbacks: (t) => ({ proxy_on_request_headers: setField(t, REQUEST, ':method', 'HEAD') + GO_ON }),
    upstream: TEXT,
  },
  'fields of a connection': {
    callbacks: (t) => ({
      proxy_on_request_headers: seen(t, REQUEST, 'x-hop') + GO_ON,
      proxy_on_response_headers: seen(t, RESPONSE, 'proxy-authenticate') + GO_ON,
    }),
    request: { headers: { connection: 'x-hop', 'x-hop': '1' } },
    upstream: { ...TEXT, headers: { 'proxy-authenticate': 'x' } },
  },
  'fields of a connection in an answer of the plugin': {
    callbacks: (t) => ({ proxy_on_request_headers: reply(t, 403, t.pairs('upgrade', 'h2', 'content-length', '3')) }),
  },
  'a path that leads out': {
    callbacks: (t) => ({ proxy_on_request_headers: setField(t, REQUEST, ':path', '/a/../../b') + GO_ON }),
  },
  'bytes in place of the answer of the gateway': {
    callbacks: (t) => ({
      proxy_on_request_headers: setField(t, REQUEST, ':path', '/..') + GO_ON,
      proxy_on_response_headers: `(drop (call $inject_encoded_data_to_filter_chain ${t.of('mine')} (i32.const 1))) ${GO_ON}`,
      proxy_on_response_body: put(t, 1, '<') + GO_ON,
    }),
  },
  'bytes before the answer of the gateway': {
    callbacks: (t) => ({
      proxy_on_request_headers: setField(t, REQUEST, ':path', '/..') + GO_ON,
      proxy_on_response_headers: `(drop (call $inject_encoded_data_to_filter_chain ${t.of('mine')} (i32.const 0))) ${GO_ON}`,
      proxy_on_response_body: put(t, 1, '<') + GO_ON,
    }),
  },
  'a path of the client that leads out': {
    callbacks: () => ({ proxy_on_request_headers: '(unreachable)' }),
    request: { path: '/a/%2e%2e/b' },
  },
  'a failure': { callbacks: () => ({ proxy_on_request_headers: '(unreachable)' }) },
  'a failure before a caller that speaks gRPC': {
    callbacks: () => ({ proxy_on_request_headers: '(unreachable)' }),
    request: GRPC,
  },
  'where the answer comes from': {
    callbacks: (t) => ({
      proxy_on_response_headers: showProperty(t, 'response\0code_details', RESPONSE, 'x-details') + GO_ON,
    }),
    upstream: TEXT,
  },
};

const names = Object.keys(CASES);
const modules = new Map<string, Uint8Array>();
const got = new Map<string, unknown>();
let upstream: Server;
let rig: GatewayRig;

/** What a connection adds, and what differs from gateway to gateway. */
const NOT_SHOWN =
  /^(connection|date|keep-alive|transfer-encoding|trailer|host|traceparent|tracestate|sw8|x-forwarded-.*|x-case)$/;

function shown(pairs: Pairs): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < pairs.length; at += 2) {
    const [name, value] = [pairs[at]!.toLowerCase(), pairs[at + 1]!];
    const framing = NOT_SHOWN.test(name) || (name === 'content-length' && value === '0');
    if (!framing) fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`;
  }
  return fields;
}

const withoutTrace = (text: string) => text.replace(/"traceId":"[0-9a-f]{32}"/, '"traceId":"…"');
const hostOf = (at: number) => `case-${at}.example`;

/** Fields with how the body ends, as senders say it. */
function sent({ headers = {}, body, trailers }: TestRequest | TestUpstream): string[] {
  const pairs = Object.entries(headers as Record<string, string>).flat();
  if (Array.isArray(body) || trailers !== undefined) return [...pairs, 'transfer-encoding', 'chunked'];
  return body === undefined ? pairs : [...pairs, 'content-length', String(body.length)];
}

const bytesOf = ({ body = '' }: TestRequest | TestUpstream) => (Array.isArray(body) ? body.join('') : String(body));

beforeAll(async () => {
  upstream = createServer((request, response) => {
    const { method, url, rawHeaders, rawTrailers } = request;
    const at = Number(request.headers['x-case']);
    let body = '';
    request.on('data', (chunk: Buffer) => void (body += chunk.toString()));
    request.on('end', () => {
      const trailers = rawTrailers.length === 0 ? undefined : shown(rawTrailers);
      got.set(names[at]!, { method, path: url, headers: shown(rawHeaders), body, trailers });
      const answer = CASES[names[at]!]!.upstream ?? {};
      response.writeHead(answer.status ?? 200, sent(answer));
      response.end(bytesOf(answer));
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  const files: Record<string, Uint8Array> = {};
  const tenants: Record<string, Record<string, unknown>> = {};
  for (const [at, name] of names.entries()) {
    const t = new GuestTexts();
    const callbacks = CASES[name]!.callbacks(t);
    modules.set(name, pluginModule({ callbacks, fields: t.fields }));
    files[`p${at}.wasm`] = modules.get(name)!;
    tenants[`t${at}`] = {
      tenant: `t${at}`,
      domains: [hostOf(at)],
      services: { main: { static: [{ address: `127.0.0.1:${port}` }] } },
      plugins: [{ use: `p${at}` }],
      routes: [{ id: 'all', upstream: { service: 'main' } }],
    };
  }
  const plugins = names.map((_, at) => ({ name: `p${at}`, source: `file:p${at}.wasm` }));
  rig = await GatewayRig.start({ gateway: { plugins }, tenants, files });
}, 60_000);

afterAll(async () => {
  await rig.stop();
  upstream.closeAllConnections();
  upstream.close();
});

/** What client and service of a real gateway get. */
function throughGateway(name: string, at: number): Promise<Shown> {
  const { request = {} } = CASES[name]!;
  const { method = 'GET', path = '/' } = request;
  const headers = ['host', hostOf(at), 'x-case', String(at), ...sent(request)];
  return new Promise((resolve) => {
    const done = (response: unknown) => resolve({ request: got.get(name) ?? null, response });
    const options = { host: '127.0.0.1', port: rig.port, method, path, headers, agent: false };
    const client = sendRequest(options, (message) => {
      let body = '';
      message.on('data', (chunk: Buffer) => void (body += chunk.toString()));
      message.on('error', () => done(null));
      message.on('end', () => {
        const trailers = message.rawTrailers.length === 0 ? undefined : shown(message.rawTrailers);
        done({ status: message.statusCode, headers: shown(message.rawHeaders), body: withoutTrace(body), trailers });
      });
    });
    client.on('error', () => done(null));
    client.end(bytesOf(request));
  });
}

async function inTestHost(name: string, at: number): Promise<Shown> {
  const { request = {}, upstream: answer = {} } = CASES[name]!;
  const host = await loadPlugin(modules.get(name)!);
  const result = await host.exchange({ request: { authority: hostOf(at), ...request }, upstream: answer });
  host.close();
  const { request: asked, response } = result;
  return {
    request: asked && {
      method: asked.method,
      path: asked.path,
      headers: shown(Object.entries(asked.headers).flat()),
      body: asked.body,
      trailers: asked.trailers,
    },
    response: response && {
      ...response,
      headers: shown(Object.entries(response.headers).flat()),
      body: withoutTrace(response.body),
    },
  };
}

it.each(names.map((name, at) => [name, at] as const))('shows as a gateway does: %s', async (name, at) => {
  await eventually(() => rig.admin('/readyz').then(({ text }) => text)).toContain('"ready"');
  expect(await inTestHost(name, at)).toEqual(await throughGateway(name, at));
});
