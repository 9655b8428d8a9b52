import { describe, expect, it } from 'vitest';
import { loadPlugin, type LoadOptions, type PluginTestHost, type TestResult } from '../testing/index.ts';
import { atEnd, CONTINUES, notingGuest, splice, UNTIL_END } from '../wasm/body-guest.suite.ts';
import { pluginModule, type PluginText } from '../wasm/wat.suite.ts';

async function load(text: PluginText, options: LoadOptions = {}): Promise<PluginTestHost> {
  return loadPlugin(pluginModule(text), options);
}

/** What the guest logged of its callbacks. */
function notes({ logs }: TestResult): string {
  return logs
    .filter(({ message }) => /^[a-zA-Z]\d{5}[.!]$/.test(message))
    .map(({ message }) => message.replace(/0{1,4}(?=\d)/, ''))
    .join(' ');
}

const CHUNKS = ['abc', 'defgh', 'ij'];

describe('callbacks', () => {
  it('come in order, with sizes and the end of each stream', async () => {
    const all = { q: CONTINUES, b: CONTINUES, t: CONTINUES, Q: CONTINUES, B: CONTINUES, T: CONTINUES };
    const host = await load(notingGuest(all));
    const result = await host.exchange({
      request: { method: 'POST', body: CHUNKS, trailers: { 'x-sum': '1' } },
      upstream: { body: ['12', '345'], trailers: { 'x-end': '2', 'x-more': '3' } },
    });
    expect(notes(result)).toBe('q4. b3. b5. b2. t1. Q1. B2. B3. T2.');
    expect(result.request).toMatchObject({ body: 'abcdefghij', trailers: { 'x-sum': '1' } });
    expect(result.response).toMatchObject({ body: '12345', trailers: { 'x-end': '2', 'x-more': '3' } });
  });

  it.each([
    ['with a length the last chunk is the end', 'hello', 'q5. b5!'],
    ['in chunks the end comes by itself', ['hello', 'you'], 'q4. b5. b3. b0!'],
    ['there is none without a body', undefined, 'q4!'],
    ['there is none of an empty body', '', 'q5!'],
  ])('%s', async (_what, body, expected) => {
    const host = await load(notingGuest({ q: CONTINUES, b: CONTINUES }));
    const request = body === undefined ? {} : { body };
    expect(notes(await host.exchange({ request }))).toBe(expected);
  });

  it('of a response with a length end with its last chunk', async () => {
    const host = await load(notingGuest({ Q: CONTINUES, B: CONTINUES }));
    const result = await host.exchange({ upstream: { headers: { 'content-length': '5' }, body: ['he', 'llo'] } });
    expect(notes(result)).toBe('Q2. B2. B3!');
    expect(result.response).toMatchObject({ headers: { 'content-length': '5' }, body: 'hello' });
  });

  it('without one for trailers end with the body, so that trailers are no way around a plugin', async () => {
    const host = await load(notingGuest({ b: UNTIL_END }));
    const result = await host.exchange({ request: { body: CHUNKS, trailers: { 'x-sum': '1' } } });
    expect(notes(result)).toBe('b3. b8. b10. b10!');
    expect(result.request).toMatchObject({ body: 'abcdefghij', trailers: { 'x-sum': '1' } });
  });

  it('may be for trailers alone', async () => {
    const host = await load(notingGuest({ t: CONTINUES, T: CONTINUES }));
    const trailers = { 'x-sum': '1' };
    const result = await host.exchange({ request: { body: CHUNKS, trailers }, upstream: { body: 'ok', trailers } });
    expect(notes(result)).toBe('t1. T1.');
    expect([result.request?.body, result.response?.body]).toEqual(['abcdefghij', 'ok']);
  });

  it('also see the body of a local response', async () => {
    const reply = `(drop (call $send_local_response (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 300)
      (i32.const 6) (i32.const 0) (i32.const 0) (i32.const -1)))`;
    const text = notingGuest(
      { q: `${reply} (i32.const 1)`, Q: CONTINUES, B: atEnd(splice(1, 6, 0, [300, 1])) },
      { fields: '(data (i32.const 300) "denied")' },
    );
    const result = await (await load(text)).exchange();
    expect(notes(result)).toBe('q4! Q3. B6!');
    expect(result.response).toMatchObject({ status: 403, headers: { 'content-length': '7' }, body: 'deniedd' });
  });
});

describe('results', () => {
  it.each([
    [1, 'b3. b8. b10. b10!', 'abcdefghij'],
    [2, 'b3. b8. b10. b10!', 'abcdefghij'],
    [3, 'b3. b5. b2. b0!', ''],
    [77, 'b3. b5. b2. b0!', ''],
  ])('%i until the end', async (action, expected, body) => {
    const answer = `(if (result i32) (local.get 2) (then ${CONTINUES}) (else (i32.const ${action})))`;
    const editing = splice(0, 0, 0, [300, 0]);
    const result = await (await load(notingGuest({ b: `${editing} ${answer}` }))).exchange({
      request: { body: CHUNKS },
    });
    expect(notes(result)).toBe(expected);
    expect(result.request?.body).toBe(body);
  });

  it('3 keeps the bytes when the module cannot change bodies, since their length stands in the head', async () => {
    const answer = `(if (result i32) (local.get 2) (then ${CONTINUES}) (else (i32.const 3)))`;
    const result = await (await load(notingGuest({ b: answer }))).exchange({ request: { body: CHUNKS } });
    expect(result.request?.body).toBe('abcdefghij');
  });

  it('0 in between lets go of what was held, and the next call sees new bytes only', async () => {
    const answer = '(i32.and (i32.lt_u (local.get 1) (i32.const 6)) (i32.eqz (local.get 2)))';
    const result = await (await load(notingGuest({ b: answer }))).exchange({
      request: { body: ['abc', 'de', 'fg', 'h', 'ijklmn'] },
    });
    expect(notes(result)).toBe('b3. b5. b7. b1. b7. b0!');
  });

  it('1 from trailers holds body and trailers', async () => {
    const text = notingGuest(
      { b: CONTINUES, t: '(global.set $stream (local.get 0)) (i32.const 1)' },
      resumingGuest('(drop (call $continue_stream (i32.const 0)))'),
    );
    const host = await load(text);
    const result = await host.exchange({ request: { body: CHUNKS, trailers: { 'x-sum': '1' } } });
    expect(result.request).toMatchObject({ body: 'abcdefghij', trailers: { 'x-sum': '1' } });
    host.close();
  });
});

/** Resumes, or does something else to, the stream in `$stream` at the next tick. */
function resumingGuest(onTick: string): PluginText {
  return {
    callbacks: {
      proxy_on_vm_start: '(drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1)',
      proxy_on_tick: `(if (global.get $stream) (then
        (drop (call $set_effective_context (global.get $stream))) (global.set $stream (i32.const 0)) ${onTick}))`,
    },
    fields: '(global $stream (mut i32) (i32.const 0)) (data (i32.const 300) "<held>")',
  };
}

describe('a body that is held', () => {
  const HOLDS = '(global.set $stream (local.get 0)) (i32.const 1)';

  it.each([
    ['request', 'b', 0],
    ['response', 'B', 1],
  ] as const)('in the %s may be edited and let go later', async (direction, letter, type) => {
    const tick = `${splice(type, 0, 3, [300, 6])} (drop (call $continue_stream (i32.const ${type})))`;
    const host = await load(notingGuest({ [letter]: HOLDS }, resumingGuest(tick)));
    const result = await host.exchange({ request: { body: 'abcdef' }, upstream: { body: 'abcdef' } });
    expect(result[direction]?.body).toBe('<held>def');
    host.close();
  });

  it.each([
    ['request', 'b'],
    ['response', 'B'],
  ] as const)('in the %s may be answered for later', async (_direction, letter) => {
    const tick = `(drop (call $send_local_response (i32.const 451) (i32.const 0) (i32.const 0) (i32.const 300)
      (i32.const 6) (i32.const 0) (i32.const 0) (i32.const -1)))`;
    const host = await load(notingGuest({ [letter]: HOLDS }, resumingGuest(tick)));
    const result = await host.exchange({ request: { body: 'abcdef' }, upstream: { body: 'abcdef' } });
    expect(result.response).toMatchObject({ status: 451, body: '<held>' });
    expect(result.request === null).toBe(letter === 'b');
    host.close();
  });

  it.each([
    ['closed', 503],
    ['open', 200],
  ] as const)('follows the failure policy when the VM dies (%s)', async (onFailure, status) => {
    for (const letter of ['b', 'B'] as const) {
      const host = await load(notingGuest({ [letter]: HOLDS }, resumingGuest('(unreachable)')), { onFailure });
      const result = await host.exchange({ request: { body: 'abc' }, upstream: { body: 'def' } });
      expect(result.response?.status).toBe(status);
      if (onFailure === 'open') expect([result.request?.body, result.response?.body]).toEqual(['abc', 'def']);
      else expect(result.error).toBe('SLUICE_PLUGIN_FAILED');
      host.close();
    }
  });

  it('goes on when the callback itself asked for it', async () => {
    const asks = '(drop (call $continue_stream (i32.const 0))) (i32.const 1)';
    const result = await (await load(notingGuest({ b: asks }))).exchange({ request: { body: CHUNKS } });
    expect(result.request?.body).toBe('abcdefghij');
  });
});

describe('a callback that fails', () => {
  it.each(['b', 't', 'B', 'T'] as const)('follows the failure policy (%s)', async (letter) => {
    const trailers = { 'x-sum': '1' };
    const exchange = { request: { body: CHUNKS, trailers }, upstream: { body: CHUNKS, trailers } };
    const text = notingGuest({ [letter]: '(unreachable)' });
    const open = await (await load(text, { onFailure: 'open' })).exchange(exchange);
    expect(open.error).toBeNull();
    expect([open.request?.body, open.response?.body]).toEqual(['abcdefghij', 'abcdefghij']);
    const closed = await (await load(text)).exchange(exchange);
    // The head of a streamed response has left by the time of its trailers.
    if (letter === 'T') expect(closed.response).toBeNull();
    else expect(closed.response?.status).toBe(503);
  });

  it('may run forever no more than others', async () => {
    const host = await load(notingGuest({ b: '(loop (br 0)) (i32.const 0)' }), { fuel: { request: 10_000 } });
    const result = await host.exchange({ request: { body: 'x' } });
    expect(result.error).toBe('SLUICE_PLUGIN_FAILED');
    expect(host.stats.traps.fuel).toBe(1);
  });
});

describe('buffers', () => {
  it.each([
    ['replaces all', splice(0, 0, 100, [300, 3]), 'XYZ'],
    ['prepends', splice(0, 0, 0, [300, 3]), 'XYZabcdefghij'],
    ['appends', splice(0, 1000, 0, [300, 3]), 'abcdefghijXYZ'],
    ['appends at -1', splice(0, -1, -1, [300, 3]), 'abcdefghijXYZ'],
    ['drains the front', splice(0, 0, 4, [300, 0]), 'efghij'],
    ['drains the rest', splice(0, 4, -1, [300, 0]), 'abcd'],
    ['cuts a piece', splice(0, 2, 3, [300, 0]), 'abfghij'],
    ['replaces a piece by a longer one', splice(0, 2, 1, [300, 3]), 'abXYZdefghij'],
    ['and by a shorter one', splice(0, 2, 7, [300, 3]), 'abXYZj'],
    ['edits what it edited', splice(0, 0, 0, [300, 3]) + splice(0, 1, 1, [303, 2]), 'X12Zabcdefghij'],
    ['drains everything', splice(0, 0, -1, [300, 0]), ''],
  ])('%s', async (_what, edit, expected) => {
    const text = notingGuest({ b: atEnd(edit) }, { fields: '(data (i32.const 300) "XYZ12")' });
    for (const body of [CHUNKS, CHUNKS.join('')]) {
      const result = await (await load(text)).exchange({ request: { body } });
      expect(result.request?.body).toBe(expected);
    }
  });

  it('are read in part and as a whole, and say their length', async () => {
    const read = (start: number, most: number, length: number): string =>
      `(if (call $get_buffer_bytes (i32.const 0) (i32.const ${start}) (i32.const ${most}) (i32.const 64) (i32.const 68))
        (then (unreachable)))
      (if (i32.ne (i32.load (i32.const 68)) (i32.const ${length})) (then (unreachable)))`;
    const at = (offset: number, text: string): string =>
      `(if (i32.ne (i32.load8_u offset=${offset} (i32.load (i32.const 64))) (i32.const ${text.charCodeAt(0)}))
        (then (unreachable)))`;
    const status = `(if (call $get_buffer_status (i32.const 0) (i32.const 72) (i32.const 76)) (then (unreachable)))
      (if (i32.ne (i32.load (i32.const 72)) (i32.const 10)) (then (unreachable)))`;
    const act = `${status} ${read(0, -1, 10)} ${at(9, 'j')} ${read(8, 5, 2)} ${at(0, 'i')} ${read(10, 5, 0)} ${read(99, 5, 0)}`;
    const result = await (await load(notingGuest({ b: atEnd(act) }))).exchange({ request: { body: CHUNKS } });
    expect(result.error).toBeNull();
  });

  it('are there only in their own callbacks and while they are held', async () => {
    const absent = (buffer: number, status: number): string =>
      `(if (i32.ne (call $get_buffer_bytes (i32.const ${buffer}) (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 68))
        (i32.const ${status})) (then (unreachable)))`;
    const text = notingGuest({
      q: `${absent(0, 1)} ${absent(1, 1)} ${absent(10, 2)} (i32.const 0)`,
      b: `${absent(1, 1)} (i32.const 0)`,
      Q: `${absent(0, 1)} ${absent(1, 1)} (i32.const 0)`,
      B: `${absent(0, 1)} ${splice(1, 0, 0, [300, 0])} (if (i32.ne (call $set_buffer_bytes (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 1)) (then (unreachable))) (i32.const 0)`,
    });
    const host = await load(text);
    const result = await host.exchange({ request: { body: 'abc' }, upstream: { body: 'def' } });
    expect(result.error, host.stats.lastFailure).toBeNull();
  });

  it('of a configuration cannot be changed', async () => {
    const host = await load({ callbacks: { proxy_on_configure: `${splice(7 as 0, 0, 0, [0, 1], 2)} (i32.const 1)` } });
    expect(host.stats.state).toBe('running');
  });
});

describe('trailers', () => {
  const MAP = { request: 1, response: 3 } as const;

  it.each([
    ['request', 't'],
    ['response', 'T'],
  ] as const)('of a %s are edited', async (direction, letter) => {
    const map = `(i32.const ${MAP[direction]})`;
    const edit = `
      (drop (call $replace_header_map_value ${map} (i32.const 300) (i32.const 5) (i32.const 320) (i32.const 3)))
      (drop (call $remove_header_map_value ${map} (i32.const 310) (i32.const 5)))
      (i32.const 0)`;
    const text = notingGuest({ [letter]: edit }, { fields: '(data (i32.const 300) "x-sum     x-old     new")' });
    const trailers = { 'x-sum': '1', 'x-old': '2' };
    const result = await (await load(text)).exchange({
      request: { body: 'abc', trailers },
      upstream: { body: 'def', trailers },
    });
    expect(result[direction]?.trailers).toEqual({ 'x-sum': 'new' });
  });

  it.each([
    ['request', 'b'],
    ['response', 'B'],
  ] as const)('of a %s come into being when they are written at the end of the body', async (direction, letter) => {
    const add = `(drop (call $add_header_map_value (i32.const ${MAP[direction]})
      (i32.const 300) (i32.const 5) (i32.const 320) (i32.const 3)))`;
    const text = notingGuest({ [letter]: atEnd(add) }, { fields: '(data (i32.const 300) "x-sum               new")' });
    const result = await (await load(text)).exchange({ request: { body: CHUNKS }, upstream: { body: CHUNKS } });
    expect(result[direction]?.trailers).toEqual({ 'x-sum': 'new' });
    expect(result[direction]?.body).toBe('abcdefghij');
  });

  it('are out of reach before', async () => {
    const call = '(call $get_header_map_size (i32.const 1) (i32.const 64))';
    const text = notingGuest({
      q: `(if (i32.ne ${call} (i32.const 2)) (then (unreachable))) (i32.const 0)`,
      t: CONTINUES,
    });
    const result = await (await load(text)).exchange({ request: { body: 'abc', trailers: { 'x-sum': '1' } } });
    expect(result.error).toBeNull();
  });
});

describe('limits', () => {
  const big = 'x'.repeat(600);

  it('a request beyond them gets 413, whatever the policy', async () => {
    for (const onFailure of ['closed', 'open'] as const) {
      for (const body of [big, ['x'.repeat(400), 'x'.repeat(200)]]) {
        const host = await load(notingGuest({ b: UNTIL_END }), { bodyLimit: 500, onFailure });
        const result = await host.exchange({ request: { body } });
        // A body that comes at once with its end needs not be held.
        expect(result.response?.status).toBe(body === big ? 200 : 413);
        expect(result.error).toBe(body === big ? null : 'SLUICE_REQUEST_BODY_TOO_LARGE');
      }
    }
  });

  it('a response beyond them follows the policy', async () => {
    const upstream = { body: ['x'.repeat(400), 'x'.repeat(200), 'x'.repeat(300)] };
    const closed = await (await load(notingGuest({ B: UNTIL_END }), { bodyLimit: 500 })).exchange({ upstream });
    expect(closed.response?.status).toBe(503);
    expect(closed.error).toBe('SLUICE_PLUGIN_BODY_LIMIT');
    const host = await load(notingGuest({ B: UNTIL_END }), { bodyLimit: 500, onFailure: 'open' });
    const open = await host.exchange({ upstream });
    expect(open.response).toMatchObject({ status: 200, body: 'x'.repeat(900) });
    expect(notes(open)).toBe('B400.');
  });

  it('hold for edits, and one that is refused is the failure of the plugin', async () => {
    const edit = splice(0, 0, 0, [300, 600], 2);
    for (const onFailure of ['closed', 'open'] as const) {
      const host = await load(notingGuest({ b: `${edit} (i32.const 0)` }), { bodyLimit: 500, onFailure });
      const result = await host.exchange({ request: { body: 'abc' } });
      expect(result.response?.status).toBe(onFailure === 'closed' ? 503 : 200);
      if (onFailure === 'open') expect(result.request?.body).toBe('abc');
    }
  });

  it('are no matter to a plugin that lets pass, nor to one that makes the source wait', async () => {
    const passing = await load(notingGuest({ b: CONTINUES }), { bodyLimit: 10 });
    expect((await passing.exchange({ request: { body: [big, big] } })).request?.body).toHaveLength(1200);
    const text = notingGuest(
      { b: '(global.set $stream (local.get 0)) (i32.const 2)' },
      resumingGuest('(drop (call $continue_stream (i32.const 0)))'),
    );
    const host = await load(text, { bodyLimit: 500 });
    const result = await host.exchange({ request: { body: [big, big, 'abc'] } });
    expect(result.request?.body).toHaveLength(1203);
    expect(notes(result).split(' ').slice(0, 2)).toEqual(['b600.', 'b600.']);
    host.close();
  });
});

describe('a head that is held while the body comes', () => {
  const HOLDS_HEAD = '(i32.const 1)';
  const edit = (map: number): string =>
    `(drop (call $add_header_map_value (i32.const ${map}) (i32.const 300) (i32.const 5) (i32.const 305) (i32.const 3)))`;
  const fields = '(data (i32.const 300) "x-sumnew")';

  it('is what 0.2.100 means by 1: headers are changed after the body was seen', async () => {
    const answers = { q: HOLDS_HEAD, b: atEnd(edit(0)), Q: HOLDS_HEAD, B: atEnd(edit(2)) };
    const host = await load(notingGuest(answers, { marker: 'proxy_abi_version_0_2_100', fields }));
    const result = await host.exchange({ request: { body: CHUNKS }, upstream: { body: CHUNKS } });
    expect(notes(result)).toBe('q4. b3. b8. b10. b10! Q1. B3. B8. B10. B10!');
    expect(result.request).toMatchObject({ headers: { 'x-sum': 'new' }, body: 'abcdefghij' });
    expect(result.response).toMatchObject({ headers: { 'x-sum': 'new' }, body: 'abcdefghij' });
  });

  it('waits for nothing when there is no body', async () => {
    const text = notingGuest(
      { q: '(global.set $stream (local.get 0)) (i32.const 1)', b: CONTINUES },
      { ...resumingGuest('(drop (call $continue_stream (i32.const 0)))'), marker: 'proxy_abi_version_0_2_100' },
    );
    const host = await load(text);
    expect((await host.exchange()).request).not.toBeNull();
    host.close();
  });

  it('stops everything for 0.2.1, and the body comes after it', async () => {
    const text = notingGuest(
      { q: '(global.set $stream (local.get 0)) (i32.const 1)', b: CONTINUES },
      resumingGuest('(drop (call $continue_stream (i32.const 0)))'),
    );
    const host = await load(text);
    const result = await host.exchange({ request: { body: CHUNKS } });
    expect(notes(result)).toBe('q4. b3. b5. b2. b0!');
    expect(result.request?.body).toBe('abcdefghij');
    host.close();
  });

  it('of a response makes its body wait', async () => {
    const text = notingGuest(
      { Q: '(global.set $stream (local.get 0)) (i32.const 1)', B: CONTINUES },
      resumingGuest('(drop (call $continue_stream (i32.const 1)))'),
    );
    const host = await load(text);
    const result = await host.exchange({ upstream: { body: CHUNKS } });
    // What came meanwhile comes in one piece, and then the rest.
    expect(notes(result)).toBe('Q1. B3. B5. B2. B0!');
    expect(result.response?.body).toBe('abcdefghij');
    host.close();
  });
});
