import type { RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { GuestTexts, ifField, must, NO_BYTES, OUT, RESULT, setField } from '../../wasm/guest-script.suite.ts';
import { pluginModule } from '../../wasm/wat.suite.ts';
import { ask, eventually } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';
import { upstream } from './proxy-rig.suite.ts';

vi.setConfig({ testTimeout: 60_000 });

type Script = (texts: GuestTexts) => string;

/** A gateway whose one plugin, used once for each configuration, has these callbacks, in front of one service. */
async function start(
  callbacks: Readonly<Record<string, Script>>,
  handler?: RequestListener,
  marker = 'proxy_abi_version_0_2_100',
  more: { readonly fields?: string; readonly configs?: readonly unknown[]; readonly routes?: readonly unknown[] } = {},
): Promise<GatewayRig> {
  const { configs = [{}], routes } = more;
  const texts = new GuestTexts();
  const bodies = Object.entries(callbacks).map(([name, script]) => [name, script(texts)] as const);
  const module = pluginModule({
    callbacks: Object.fromEntries(bodies),
    fields: texts.fields + (more.fields ?? ''),
    marker,
  });
  const server = await upstream('main', handler);
  const rig = await GatewayRig.start({
    files: { 'guest.wasm': module },
    gateway: { plugins: [{ name: 'guest', source: 'file:guest.wasm', limits: { pause: '300ms' } }] },
    tenants: {
      a: tenantA({ plugins: configs.map((config) => ({ use: 'guest', config })), ...(routes && { routes }) }),
    },
    services: { main: [server.address] },
  });
  onTestFinished(async () => void (await rig.stop()));
  await eventually(() =>
    rig.view('services').then((services) => services.every(({ state }) => state === 'fresh')),
  ).toBe(true);
  return rig;
}

const lineOf = async (rig: GatewayRig, count = 1) => {
  await eventually(() => rig.directory.lines.length).toBe(count);
  return rig.directory.lines.at(-1)!;
};

describe('a plugin that injects', () => {
  /** `>` for each piece in place of it, and `!` with the end. */
  const replaces: Script = (t) => `
    (if (local.get 1) (then ${must(`(call $inject_encoded_data_to_filter_chain ${t.of('>')} (i32.const 0))`)}))
    (if (local.get 2) (then ${must(`(call $inject_encoded_data_to_filter_chain ${t.of('!')} (i32.const 1))`)}))
    (i32.const 3)`;

  it('puts its own bytes in place of a body, whose length is no longer said', async () => {
    const rig = await start({ proxy_on_response_body: replaces }, (_request, response) => {
      response.setHeader('content-length', '5');
      response.end('hello');
    });
    const { headers, text } = await ask(rig.port);
    expect([text, headers['content-length']]).toEqual(['>!', '2']);
    const streamed = await ask(rig.port, { method: 'HEAD' });
    expect(streamed.status).toBe(200);
  });

  it('gives a body to a response that has none, and to no answer to HEAD', async () => {
    const call = (t: GuestTexts): string =>
      `(call $call_foreign_function ${t.of('inject_encoded_data_to_filter_chain_on_header')} ${t.of('\x0a\x05hello\x10\x01')} ${NO_BYTES})`;
    const head: Script = (t) => `(if (local.get 2) (then (drop ${call(t)}))) (i32.const 0)`;
    const rig = await start({ proxy_on_response_headers: head }, (request, response) => {
      if (request.url === '/204') response.statusCode = 204;
      response.setHeader('content-length', '0');
      response.end();
    });
    const { status, text, headers } = await ask(rig.port);
    expect([status, text, headers['content-length']]).toEqual([200, 'hello', '5']);
    expect(await ask(rig.port, { path: '/204' })).toMatchObject({ status: 204, text: '' });
    expect((await ask(rig.port, { method: 'HEAD' })).status).toBe(200);
    expect((await lineOf(rig, 3))['bytes_sent']).toBe(0);
  });

  it.each([
    ['holds the head alone', 1, true],
    ['holds head and body', 2, true],
    ['holds the head and has no callback for bodies', 1, false],
  ] as const)('ends a response in the callback that %s', async (_, result, hasBody) => {
    const head: Script = (t) =>
      `${must(`(call $inject_encoded_data_to_filter_chain ${t.of('all')} (i32.const 1))`)} (i32.const ${result})`;
    const rig = await start({
      proxy_on_response_headers: head,
      ...(hasBody ? { proxy_on_response_body: () => '(i32.const 1)' } : {}),
    });
    const { status, text } = await ask(rig.port);
    expect([status, text]).toEqual([200, 'all']);
    expect(await lineOf(rig)).toMatchObject({ response_code: 200, bytes_sent: 3 });
  });

  it('without the end in the callback that then holds the head lets it go', async () => {
    const head: Script = (t) =>
      `${must(`(call $inject_encoded_data_to_filter_chain ${t.of('more and ')} (i32.const 0))`)} (i32.const 1)`;
    const drops: Script = () => '(if (result i32) (local.get 2) (then (i32.const 0)) (else (i32.const 3)))';
    const rig = await start(
      { proxy_on_response_headers: head, proxy_on_response_body: drops },
      (_request, response) => void response.end(Buffer.alloc(1024 * 1024, '.')),
    );
    const { status, text } = await ask(rig.port);
    expect([status, text.replaceAll('.', '')]).toEqual([200, 'more and ']);
  });

  it('is held to no time once its bytes have taken the head along', async () => {
    let port = 0;
    const stalled = async (): Promise<void> => {
      expect((await ask(port, { headers: { 'x-stall': '1' } })).status).toBe(503);
    };
    const rig = await start(
      {
        proxy_on_vm_start: () => '(drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1)',
        proxy_on_request_headers: (t) => `${ifField(t, 'x-stall', '(return (i32.const 3))')} (i32.const 0)`,
        proxy_on_response_headers: () => '(global.set $stream (local.get 0)) (i32.const 3)',
        proxy_on_response_body: () => '(i32.const 0)',
        proxy_on_tick: (t) =>
          `(if (global.get $stream) (then (drop (call $set_effective_context (global.get $stream)))
            ${must(`(call $inject_encoded_data_to_filter_chain ${t.of('> ')} (i32.const 0))`)}
            (global.set $stream (i32.const 0))))`,
      },
      (_request, response) => {
        response.flushHeaders();
        // Two pauses of others pass in full until the service goes on.
        void stalled()
          .then(stalled)
          .then(() => response.end('late'));
      },
      undefined,
      { fields: '(global $stream (mut i32) (i32.const 0))' },
    );
    ({ port } = rig);
    expect((await ask(port)).text).toBe('> late');
  });

  it.each([
    ['all there is', 'instead', 1, 0, 'instead'],
    ['something before the body', 'This: ', 0, 0, 'This: {"error"'],
    ['nothing, and ends with the head', '', 0, 2, ''],
  ] as const)("puts into the gateway's own answer %s", async (_, bytes, end, result, expected) => {
    const call = (t: GuestTexts): string =>
      must(`(call $inject_encoded_data_to_filter_chain ${t.of(bytes)} (i32.const ${end}))`);
    const rig = await start(
      {
        proxy_on_response_headers: (t) => `${bytes === '' ? '' : call(t)} (i32.const ${result})`,
        proxy_on_response_body: () => '(i32.const 0)',
      },
      (request) => void request.socket.destroy(),
    );
    const { status, text } = await ask(rig.port);
    expect([status, text.slice(0, expected.length === 0 ? 1 : expected.length)]).toEqual([502, expected]);
    expect(await lineOf(rig)).toMatchObject({ response_code: 502, bytes_sent: text.length });
  });

  it('ends a response whose service would go on for ever', async () => {
    let closed = 0;
    const first: Script = (t) =>
      `${must(`(call $inject_encoded_data_to_filter_chain ${t.of('enough')} (i32.const 1))`)} (i32.const 3)`;
    const rig = await start({ proxy_on_response_body: first }, (_request, response) => {
      const timer = setInterval(() => response.write('more'), 5);
      response.on('close', () => {
        clearInterval(timer);
        closed++;
      });
    });
    expect((await ask(rig.port)).text).toBe('enough');
    await eventually(() => closed).toBe(1);
  });
});

describe('a plugin that answers', () => {
  const refuse =
    (grpcStatus: number): Script =>
    (t) =>
      `(drop (call $send_local_response (i32.const 403) ${t.of('not today')} ${t.of('go away')} ${t.pairs('x-why', 'so', 'Connection', 'x-why', 'content-length', '99')}
      (i32.const ${grpcStatus}))) (i32.const 0)`;

  it('is heard as it is, without the fields of a connection', async () => {
    const rig = await start({ proxy_on_request_headers: refuse(-1) });
    const { status, text, headers } = await ask(rig.port);
    expect([status, text, headers['content-type'], headers['content-length']]).toEqual([
      403,
      'go away',
      'text/plain',
      '7',
    ]);
    expect(await lineOf(rig)).toMatchObject({ response_code_details: 'not_today', response_code: 403 });
  });

  it.each([
    [-1, '7'],
    [16, '16'],
  ])('with gRPC status %i is %s to a caller that speaks gRPC', async (grpcStatus, sent) => {
    const rig = await start({ proxy_on_request_headers: refuse(grpcStatus) });
    const call = { method: 'POST', headers: { 'content-type': 'application/grpc' }, body: '\0\0\0\0\0' };
    const { status, text, headers } = await ask(rig.port, call);
    expect([status, text, headers['grpc-status'], headers['grpc-message']]).toEqual([200, '', sent, 'go away']);
  });
});

describe('a plugin that answers where another one has answered before', () => {
  it('holds that answer no longer', async () => {
    const answer = (t: GuestTexts, status: number): string =>
      `(drop (call $send_local_response (i32.const ${status}) ${NO_BYTES} ${t.of('no')} ${NO_BYTES} (i32.const -1)))`;
    const rig = await start(
      {
        proxy_on_vm_start: () => '(drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1)',
        proxy_on_request_headers: (t) =>
          ifField(t, 'x-met', `(global.set $second (i32.const 1)) ${answer(t, 403)}`) +
          setField(t, 0, 'x-met', 'first') +
          '(i32.const 0)',
        proxy_on_response_headers: () =>
          `(if (result i32) (global.get $second) (then (i32.const 0))
            (else (global.set $stream (local.get 0)) (i32.const 1)))`,
        proxy_on_tick: (t) =>
          `(if (global.get $stream) (then (drop (call $set_effective_context (global.get $stream))) ${answer(t, 418)}
            (global.set $stream (i32.const 0))))`,
      },
      undefined,
      'proxy_abi_version_0_2_1',
      {
        fields: '(global $second (mut i32) (i32.const 0)) (global $stream (mut i32) (i32.const 0))',
        configs: [{}, { n: 2 }],
      },
    );
    expect((await ask(rig.port)).status).toBe(403);
    expect(await lineOf(rig)).toMatchObject({ response_code: 403, plugin_failures: '' });
  });
});

describe('a request that is led elsewhere over its body', () => {
  it('is answered by a route without a service, however long a plugin holds that answer', async () => {
    const rig = await start(
      {
        proxy_on_vm_start: () => '(drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1)',
        proxy_on_request_headers: () => '(i32.const 1)',
        proxy_on_request_body: (t) => `${setField(t, 0, ':path', '/fixed')} (i32.const 0)`,
        proxy_on_response_headers: () => '(global.set $stream (local.get 0)) (i32.const 3)',
        proxy_on_tick: () =>
          `(if (global.get $stream) (then (drop (call $set_effective_context (global.get $stream)))
            (drop (call $continue_stream (i32.const 1))) (global.set $stream (i32.const 0))))`,
      },
      undefined,
      'proxy_abi_version_0_2_100',
      {
        fields: '(global $stream (mut i32) (i32.const 0))',
        routes: [
          { id: 'fixed', match: { path: { exact: '/fixed' } }, respond: { status: 200, body: 'fixed' } },
          { id: 'all', upstream: { service: 'main' } },
        ],
      },
    );
    const { status, text } = await ask(rig.port, { method: 'POST', body: 'hello' });
    expect([status, text]).toEqual([200, 'fixed']);
  });
});

describe('what a plugin says', () => {
  it('stands in the access log', async () => {
    const set = (t: GuestTexts, name: string, value: string) =>
      must(`(call $set_property ${t.of(name)} ${t.of(value)})`);
    const rig = await start({
      proxy_on_request_headers: (t) =>
        ifField(
          t,
          'x-log',
          set(t, 'custom_log', 'line\nbreak') +
            set(t, 'ai_log', '{"model":"\xc3\xa9"}') +
            set(t, 'x_request_id', 'mine'),
        ) + '(i32.const 0)',
    });
    await ask(rig.port, { headers: { 'x-request-id': 'theirs' } });
    expect(await lineOf(rig)).not.toHaveProperty('custom_log');
    await ask(rig.port, { headers: { 'x-log': '1', 'x-request-id': 'theirs' } });
    expect(await lineOf(rig, 2)).toMatchObject({
      custom_log: 'line\nbreak',
      ai_log: '{"model":"é"}',
      request_id: 'mine',
    });
  });

  it('may go by all that is known when it logs', async () => {
    const names = ['request.path', 'response.code', 'upstream.address', 'upstream.local_address', 'request.duration'];
    const shown = names.map((name) => (t: GuestTexts) => {
      const say = `(drop (call $set_property ${t.of(name === 'request.path' ? 'custom_log' : 'ai_log')} ${RESULT}))`;
      return `(if (call $get_property ${t.of(name)} ${OUT}) (then (unreachable))) ${name.endsWith('address') || name === 'request.path' ? say : ''}`;
    });
    const header: Script = (t) =>
      must(`(call $get_header_map_value (i32.const 0) ${t.of(':path')} ${OUT})`) +
      must(`(call $get_header_map_value (i32.const 2) ${t.of(':status')} ${OUT})`);
    const rig = await start({ proxy_on_log: (t) => header(t) + shown.map((show) => show(t)).join('') });
    await ask(rig.port, { path: '/x?y=1' });
    const line = await lineOf(rig);
    expect([line['custom_log'], line['ai_log']]).toEqual(['/x?y=1', expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
    expect(line['ai_log']).not.toBe(line['upstream_host']);
  });
});

describe('a header callback that answers 2', () => {
  const bodies = ['proxy_on_request_body', 'proxy_on_response_body'];
  it.each([
    ['request', 'proxy_on_request_headers', '', 'answer'],
    ['response', 'proxy_on_response_headers', 'question', ''],
  ])('sends a %s without its body', async (_name, callback, asked, answered) => {
    for (const more of [[], bodies]) {
      let seen = '';
      const continues = () => '(i32.const 0)';
      const guest = Object.fromEntries([...more.map((name) => [name, continues]), [callback, () => '(i32.const 2)']]);
      const rig = await start(guest, (request, response) => {
        request.on('data', (chunk: Buffer) => (seen += chunk.toString()));
        request.on('end', () => response.end('answer'));
      });
      const { status, text } = await ask(rig.port, { method: 'POST', body: 'question' });
      expect([status, seen, text]).toEqual([200, asked, answered]);
    }
  });
});

describe('a header callback that makes something else of a status without a body', () => {
  it('leaves no length behind', async () => {
    const rig = await start(
      { proxy_on_response_headers: (t) => `${setField(t, 2, ':status', '200')} (i32.const 0)` },
      (_request, response) => void response.writeHead(304, { 'content-length': '5' }).end(),
    );
    const { status, headers, text } = await ask(rig.port);
    expect([status, headers['content-length'], text]).toEqual([200, '0', '']);
  });
});

describe('a header callback that answers 1', () => {
  it.each([
    ['proxy_abi_version_0_2_100', 'held, body seen'],
    ['proxy_abi_version_0_2_1', 'timeout'],
  ])('in %s', async (marker, outcome) => {
    const guest = {
      proxy_on_request_headers: () => '(i32.const 1)',
      proxy_on_request_body: (t: GuestTexts) =>
        `(if (result i32) (local.get 2)
          (then ${must(`(call $replace_header_map_value (i32.const 0) ${t.of('x-seen')} ${t.of('body')})`)} (i32.const 0))
          (else (i32.const 1)))`,
    };
    let seen = '';
    const rig = await start(
      guest,
      (request, response) => {
        seen = String(request.headers['x-seen']);
        response.end();
      },
      marker,
    );
    const { status } = await ask(rig.port, { method: 'POST', body: 'hello' });
    const happened =
      status === 200 && seen === 'body' ? 'held, body seen' : status === 503 ? 'timeout' : String(status);
    expect(happened).toBe(outcome);
  });
});
