import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import { serialised } from './callout.suite.ts';
import { HostCallRig, NONE, OUTSIDE, SLOT, type Span } from './host-call.suite.ts';

const HEAD = [':method', 'POST', ':path', '/check?x=1', ':authority', 'auth.internal', 'X-Key', 'k', 'Host', 'other'];

let rig: HostCallRig;
beforeEach(async () => {
  rig = await HostCallRig.make();
});

interface Ask {
  readonly service?: string;
  readonly head?: readonly string[];
  readonly headers?: Span;
  readonly body?: string;
  readonly trailers?: readonly string[];
  readonly timeout?: number;
  readonly slot?: number;
}

function ask({ service = 'auth', head = HEAD, headers, body = '', trailers, timeout = 500, slot = SLOT }: Ask = {}) {
  const given = headers ?? rig.put(serialised(head));
  const trailing = trailers === undefined ? NONE : rig.put(serialised(trailers));
  return rig.call('proxy_http_call', ...rig.put(service), ...given, ...rig.put(body), ...trailing, timeout, slot);
}

const without = (name: string): string[] => HEAD.filter((_text, at) => HEAD[at - (at % 2)] !== name);
const withField = (name: string, value: string): string[] => [...without(name), name, value];

describe('proxy_http_call', () => {
  it('hands over a copy of the request, and its number', () => {
    expect(ask({ body: 'hello' })).toBe(Status.ok);
    rig.vm.memory.bytes.fill(0, 1024);
    expect(rig.u32(SLOT)).toBe(7);
    expect(rig.callouts).toEqual([
      {
        service: 'auth',
        method: 'POST',
        path: '/check?x=1',
        authority: 'auth.internal',
        headers: ['x-key', 'k'],
        body: Buffer.from('hello'),
        timeoutMs: 500,
      },
    ]);
  });

  it.each([
    [0, LIMITS.pluginCalloutMs],
    [LIMITS.pluginCalloutMs + 1, LIMITS.pluginCalloutMs],
    [1, 1],
  ])('waits for a timeout of %i at most %i ms', (timeout, timeoutMs) => {
    expect(ask({ timeout })).toBe(Status.ok);
    expect(rig.callouts[0]).toMatchObject({ timeoutMs, body: null });
  });

  it.each([
    ['no method', { head: without(':method') }],
    ['no path', { head: without(':path') }],
    ['a tunnel', { head: withField(':method', 'CONNECT') }],
    ['a path with a space', { head: withField(':path', '/a b') }],
    ['a path that is none', { head: withField(':path', 'a') }],
    ['an authority that is none', { head: withField(':authority', 'a b') }],
    ['a line break', { head: withField('x-key', 'a\r\nb: c') }],
    ['a name that is none', { head: withField('x key', 'a') }],
    ['a negative timeout', { timeout: -1 }],
    ['trailers', { trailers: ['x-sum', '1'] }],
    ['pairs that are none', { headers: [1024, 3] as const }],
  ] as readonly (readonly [string, Ask])[])('refuses %s', (_name, request) => {
    rig.put('xyz');
    expect(ask(request)).toBe(Status.badArgument);
    expect(rig.callouts).toEqual([]);
  });

  it('tells an unknown service from too many callouts', () => {
    rig.calloutId = -1;
    expect(ask()).toBe(Status.badArgument);
    rig.calloutId = -2;
    expect(ask()).toBe(Status.internalFailure);
  });

  it('checks every address first', () => {
    expect(ask({ headers: [OUTSIDE, 4] })).toBe(Status.invalidMemoryAccess);
    expect(ask({ headers: [0, -1] })).toBe(Status.invalidMemoryAccess);
    expect(ask({ slot: OUTSIDE })).toBe(Status.invalidMemoryAccess);
    expect(rig.callouts).toEqual([]);
  });
});
