import { describe, expect, it } from 'vitest';
import { askingGuest } from '../wasm/callout.suite.ts';
import { SMALL_MANIFEST, withManifest } from '../wasm/manifest.suite.ts';
import { pluginModule, type PluginText } from '../wasm/wat.suite.ts';
import { loadPlugin, type LoadOptions, PluginRefused, TestClock } from './index.ts';

/** Strings at the beginning of a guest's memory, and `$("text")` as the two numbers that a host call wants of one. */
function guest(callbacks: Readonly<Record<string, string>>, more: PluginText = {}): Uint8Array {
  const texts: string[] = [];
  let size = 16;
  const places = new Map<string, number>();
  const place = (text: string): string => {
    if (!places.has(text)) {
      places.set(text, size);
      texts.push(`(data (i32.const ${size}) "${text.replaceAll('\0', '\\00')}")`);
      size += text.length;
    }
    return `(i32.const ${places.get(text)}) (i32.const ${text.length})`;
  };
  const filled = Object.fromEntries(
    Object.entries(callbacks).map(([name, body]) => [
      name,
      body.replaceAll(/\$\("([^"]*)"\)/g, (_, text: string) => place(text)),
    ]),
  );
  return pluginModule({ callbacks: filled, fields: texts.join('\n'), ...more });
}

const log = (text: string): string => `(drop (call $log (i32.const 2) $("${text}")))`;
const set = (map: number, name: string, value: string): string =>
  `(drop (call $replace_header_map_value (i32.const ${map}) $("${name}") $("${value}")))`;
const CONTINUE = '(i32.const 0)';
const PAUSE = '(i32.const 1)';
const load = (callbacks: Readonly<Record<string, string>>, options?: LoadOptions) =>
  loadPlugin(guest(callbacks), options);

describe('the test host', () => {
  it('tells what a plugin saw, changed and logged in each phase, and what that took', async () => {
    const host = await load({
      proxy_on_request_headers: `${set(0, ':path', '/other')}${set(0, 'x-user', 'u-1')}
        (drop (call $remove_header_map_value (i32.const 0) $("cookie")))${log('head')}
        (drop (call $set_property $("my\0note") $("seen")))${CONTINUE}`,
      proxy_on_request_body: `(if (i32.eqz (local.get 2)) (then (return ${PAUSE})))
        (drop (call $set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 3) $("AB")))${CONTINUE}`,
      proxy_on_response_headers: `${set(2, ':status', '202')}${CONTINUE}`,
      proxy_on_log: log('over'),
    });
    const ex = await host.exchange({
      request: { method: 'POST', path: '/a?b=1', headers: { Cookie: 'c' }, body: ['abc', 'def'] },
      upstream: { status: 201, headers: { 'x-up': '1' }, body: 'answer' },
      properties: { 'other.plugin': 'there' },
    });
    expect(ex.request).toMatchObject({ path: '/other', headers: { 'x-user': 'u-1' }, body: 'ABdef' });
    expect(ex.response).toMatchObject({ status: 202, body: 'answer' });
    expect(ex.properties).toEqual({ 'other.plugin': 'there', 'my.note': 'seen' });

    const told = ex.calls.filter(({ phase }) => phase !== 'other');
    expect(told.map(({ phase, decision }) => [phase, decision])).toEqual([
      ['requestHeaders', 'continue'],
      ['requestBody', 'pause'],
      ['requestBody', 'pause'],
      ['requestBody', 'continue'],
      ['responseHeaders', 'continue'],
      ['log', null],
    ]);
    const [head, first, , second, answer, end] = told;
    expect(head!.saw).toEqual({
      headers: {
        ':authority': 'test.example.com',
        ':method': 'POST',
        ':path': '/a?b=1',
        ':scheme': 'http',
        cookie: 'c',
      },
      body: null,
      endOfStream: false,
    });
    expect(head!.changes).toEqual([
      { of: 'requestHeader', name: ':path', before: '/a?b=1', after: '/other' },
      { of: 'requestHeader', name: 'cookie', before: 'c', after: null },
      { of: 'requestHeader', name: 'x-user', before: null, after: 'u-1' },
      { of: 'property', name: 'my.note', before: null, after: 'seen' },
    ]);
    expect([first!.saw!.body, first!.changes]).toEqual(['abc', []]);
    expect([second!.saw!.body, second!.saw!.endOfStream]).toEqual(['abcdef', true]);
    expect(second!.changes).toEqual([{ of: 'requestBody', name: '', before: 'abcdef', after: 'ABdef' }]);
    expect(answer!.saw!.headers).toEqual({ ':status': '201', 'x-up': '1', 'content-length': '6' });
    expect(answer!.changes).toEqual([{ of: 'responseHeader', name: ':status', before: '201', after: '202' }]);
    expect([head!.logs, end!.logs].map((lines) => lines.map(({ message }) => message))).toEqual([['head'], ['over']]);
    expect(ex.logs.map(({ message }) => message)).toEqual(['head', 'over']);
    expect(ex.fuel).toBe(ex.calls.reduce((sum, { fuel }) => sum + fuel, 0));
    expect(head!.fuel).toBeGreaterThan(first!.fuel);
    expect(ex.timeUs).toBeGreaterThan(0);
    host.close();
  });

  it('takes headers that are named after what every object has', async () => {
    const host = await load({
      proxy_on_request_headers: `${set(0, 'tostring', 'new')}${set(0, 'valueof', 'own')}${CONTINUE}`,
    });
    const headers = [
      ['constructor', 'a'],
      ['__proto__', 'b'],
      ['__proto__', 'c'],
    ] as const;
    const ex = await host.exchange({ request: { headers } });
    const seen = ex.calls.find(({ phase }) => phase === 'requestHeaders')!;
    expect(Object.entries(seen.saw!.headers)).toEqual(
      expect.arrayContaining([
        ['constructor', 'a'],
        ['__proto__', 'b, c'],
      ]),
    );
    expect(Object.entries(ex.request!.headers)).toHaveLength(4);
  });

  it('keeps several exchanges at once apart', async () => {
    const answers: (() => void)[] = [];
    const auth = () => new Promise<{ status: number }>((resolve) => answers.push(() => resolve({ status: 200 })));
    const host = await loadPlugin(pluginModule(askingGuest({ service: 'auth' })), { services: { auth } });
    const all = Promise.all(
      ['/1', '/2', '/3'].map((path) => host.exchange({ request: { path }, upstream: { body: path } })),
    );
    await expect.poll(() => answers.length).toBe(3);
    for (const answer of answers.toReversed()) answer();
    for (const [index, ex] of (await all).entries()) {
      expect([ex.request!.path, ex.response!.body]).toEqual([`/${index + 1}`, `/${index + 1}`]);
      expect(ex.callouts).toMatchObject([{ service: 'auth', path: '/check', status: 200, result: 'success' }]);
      expect(ex.calls.filter(({ callback }) => callback === 'proxy_on_http_call_response')).toMatchObject([
        { phase: 'other', decision: 'continue' },
      ]);
      expect(ex.calls.find(({ phase }) => phase === 'requestHeaders')!.decision).toBe('pause');
    }
  });

  it('notes an answer of the plugin', async () => {
    const host = await load({
      proxy_on_request_headers: `(drop (call $send_local_response (i32.const 401) (i32.const 0) (i32.const 0) $("no")
        (i32.const 0) (i32.const 0) (i32.const -1)))${PAUSE}`,
    });
    const ex = await host.exchange();
    expect([ex.response?.status, ex.response?.body, ex.request]).toEqual([401, 'no', null]);
    expect(ex.calls.find(({ phase }) => phase === 'requestHeaders')!.decision).toBe('respond');
  });

  it('fails the exchange whose service of the test throws', async () => {
    const auth = () => {
      throw new Error('not expected here');
    };
    const host = await loadPlugin(pluginModule(askingGuest({ service: 'auth' })), { services: { auth } });
    await expect(host.exchange()).rejects.toThrow('not expected here');
  });

  it('takes no exchange after it was closed', async () => {
    const host = await load({ proxy_on_request_headers: CONTINUE });
    host.close();
    host.close();
    await expect(host.exchange()).rejects.toThrow('closed');
  });
});

describe('time in a test', () => {
  it('stands still until the test lets it go on, and then goes in order', async () => {
    const clock = new TestClock('2026-05-01T00:00:00Z');
    const tick = `(drop (call $get_current_time_nanoseconds (i32.const 0)))
      (drop (call $set_shared_data $("at") (i32.const 0) (i32.const 8) (i32.const 0)))${log('tick')}`;
    const module = guest({
      proxy_on_configure: '(drop (call $set_tick_period_milliseconds (i32.const 100)))(i32.const 1)',
      proxy_on_tick: tick,
    });
    const host = await loadPlugin(module, { clock });
    const times: number[] = [];
    for (const ms of [99, 1, 250, 0, 50]) {
      await clock.advance(ms);
      const at = host.sharedData.get('at');
      times.push(at === null ? 0 : Number(at.readBigUInt64LE() / 1_000_000n) - Date.UTC(2026, 4, 1));
    }
    expect(times).toEqual([0, 100, 300, 300, 400]);
    expect(clock.elapsed).toBe(400);
    expect(host.calls.filter(({ phase }) => phase === 'tick')).toHaveLength(4);
    expect(host.calls.at(-1)!.logs.map(({ message }) => message)).toEqual(['tick']);
    host.close();
    await clock.advance(1000);
    expect(host.calls.filter(({ phase }) => phase === 'tick')).toHaveLength(4);
  });

  it('runs out for callouts and for pauses', async () => {
    const clock = new TestClock();
    const auth = () => new Promise<null>(() => {});
    const module = pluginModule(askingGuest({ service: 'auth', timeout: 200 }));
    const host = await loadPlugin(module, { clock, services: { auth } });
    const ex = host.exchange();
    await clock.advance(199);
    expect(host.stats.callouts).toEqual({});
    await clock.advance(1);
    expect((await ex).callouts).toMatchObject([{ status: null, result: 'timeout' }]);
    const holding = await load({ proxy_on_request_headers: PAUSE }, { clock, pauseMs: 500 });
    const held = holding.exchange();
    await clock.advance(500);
    expect((await held).error).toBe('SLUICE_PLUGIN_PAUSE_TIMEOUT');
  });

  it('has a date, and goes forward', async () => {
    expect(() => new TestClock('soon')).toThrow('soon is no date');
    const clock = new TestClock(1000);
    await expect(clock.advance(-1)).rejects.toThrow('no number of milliseconds');
    await expect(clock.advance(0.5)).rejects.toThrow('no number of milliseconds');
    expect(clock.now()).toBe(1_000_000_000n);
    expect(clock.monotonic()).toBe(0n);
  });
});

describe('what surrounds a plugin in a test', () => {
  const RANDOM = `(import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))`;
  const draw = `(drop (call $random_get (i32.const 0) (i32.const 8)))
    (drop (call $set_shared_data $("drawn") (i32.const 0) (i32.const 8) (i32.const 0)))${CONTINUE}`;

  it('is random in the same way each time, unless it is seeded otherwise', async () => {
    const bytes = pluginModuleWith(RANDOM, { proxy_on_request_headers: draw });
    const drawn = async (options: LoadOptions): Promise<string[]> => {
      const host = await loadPlugin(bytes, options);
      const values: string[] = [];
      for (let i = 0; i < 2; i++) {
        await host.exchange();
        values.push(host.sharedData.get('drawn')!.toString('hex'));
      }
      return values;
    };
    const [first, second] = [await drawn({}), await drawn({})];
    expect(first).toEqual(second);
    expect(first[0]).not.toBe(first[1]);
    expect((await drawn({ random: 7 }))[0]).not.toBe(first[0]);
  });

  it('has shared data that is there before, and can be read', async () => {
    const plain = await load(
      {
        proxy_on_request_headers: `(drop (call $get_shared_data $("count") (i32.const 0) (i32.const 4) (i32.const 8)))
          (drop (call $set_shared_data $("copy") (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))${CONTINUE}`,
      },
      { sharedData: { count: 'ü1' } },
    );
    await plain.exchange();
    expect([plain.sharedData.text('copy'), plain.sharedData.text('none')]).toEqual(['ü1', null]);
    plain.sharedData.set('count', Buffer.from([1, 2]));
    await plain.exchange();
    expect(plain.sharedData.get('copy')).toEqual(Buffer.from([1, 2]));
  });

  it('has queues in both directions', async () => {
    const host = await load(
      {
        proxy_on_configure: `(drop (call $register_shared_queue $("jobs") (i32.const 0)))
          (drop (call $resolve_shared_queue $("collector") $("done") (i32.const 4)))(i32.const 1)`,
        proxy_on_queue_ready: `(drop (call $dequeue_shared_queue (i32.load (i32.const 0)) (i32.const 8) (i32.const 12)))
          (drop (call $enqueue_shared_queue (i32.load (i32.const 4)) (i32.load (i32.const 8)) (i32.load (i32.const 12))))`,
      },
      { queues: ['collector/done'] },
    );
    await host.queue('jobs').push('first');
    await host.queue('jobs').push('second');
    const done = host.queue('collector/done');
    expect([done.shift(), done.shift(), done.shift()].map((message) => message?.toString())).toEqual([
      'first',
      'second',
      undefined,
    ]);
    expect(() => host.queue('other')).toThrow('nobody has registered the queue "other"');
    host.close();
  });

  it('has foreign functions of the test', async () => {
    const call = (
      name: string,
    ): string => `(drop (call $call_foreign_function $("${name}") $("in") (i32.const 4) (i32.const 8)))
      (drop (call $set_shared_data $("${name}") (i32.load (i32.const 4)) (i32.load (i32.const 8)) (i32.const 0)))`;
    const host = await load(
      { proxy_on_request_headers: `${call('mine')}${call('compress')}${CONTINUE}` },
      { foreignFunctions: { mine: (argument) => `${argument.toString()}+`, compress: () => Buffer.of(1, 2) } },
    );
    await host.exchange();
    expect([host.sharedData.text('mine'), host.sharedData.get('compress')]).toEqual(['in+', Buffer.of(1, 2)]);
  });

  it('has metrics, by the name that the plugin gave', async () => {
    const host = await load({
      proxy_on_configure: `(drop (call $define_metric (i32.const 0) $("my.count") (i32.const 0)))(i32.const 1)`,
      proxy_on_request_headers: `(drop (call $increment_metric (i32.load (i32.const 0)) (i64.const 3)))${CONTINUE}`,
    });
    await host.exchange();
    expect([host.metric('my.count'), host.metric('none')]).toEqual([3, undefined]);
  });
});

function pluginModuleWith(imports: string, callbacks: Readonly<Record<string, string>>): Uint8Array {
  return guest(callbacks, { imports });
}

describe('a plugin that does not start', () => {
  const refusing = guest({
    proxy_on_configure: `(drop (call $log (i32.const 4) $("header: must be a name")))(i32.const 0)`,
  });
  const schema = { type: 'object', additionalProperties: false, properties: { rate: { type: 'integer', minimum: 1 } } };
  const described = withManifest(refusing, { ...SMALL_MANIFEST, config: schema });

  it('is a rejected promise with its own words', async () => {
    const error = await loadPlugin(refusing).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(PluginRefused);
    const { code, message, logs, problems } = error as PluginRefused;
    expect(code).toBe('SLUICE_PLUGIN_START_FAILED');
    expect(message).toContain('refused its configuration');
    expect(message).toContain('header: must be a name');
    expect(logs[0]).toMatchObject({ level: 'error', message: 'header: must be a name' });
    expect(message.match(/refused its configuration/g)).toHaveLength(2);
    expect(problems).toEqual([]);
  });

  it('is refused by its manifest first, with keys and remedies', async () => {
    const error = (await loadPlugin(described, { config: { rate: 0, rte: 1 } }).catch(
      (fault: unknown) => fault,
    )) as PluginRefused;
    expect(error.message).toContain('config.rate: 0 is not valid here — give a whole number from 1 on');
    expect(error.message).toContain('config.rte: unknown key — did you mean rate?');
    expect(error.problems.map(({ key }) => key)).toEqual(['config.rate', 'config.rte']);
  });

  it('is asked itself where that is wanted, or the configuration is text', async () => {
    for (const options of [{ config: { rate: 0 }, checkConfig: false }, { config: 'rate' }, { config: { rate: 1 } }]) {
      await expect(loadPlugin(described, options)).rejects.toThrow('header: must be a name');
    }
  });

  it('is known by the name of its manifest', async () => {
    const host = await loadPlugin(withManifest(guest({ proxy_on_log: '' }), SMALL_MANIFEST));
    expect(host.manifest?.version).toBe('1.0.0');
    await expect(loadPlugin(described)).rejects.toThrow('plugin small of tenant test');
    await expect(loadPlugin(described, { name: 'other', tenant: '' })).rejects.toThrow('plugin other of the gateway');
  });
});
