import { beforeEach, describe, expect, it } from 'vitest';
import { Status } from './abi.ts';
import { Action } from './host.ts';
import { HostCallRig, NONE, OUTSIDE } from './host-call.suite.ts';
import { pairsByteLength, writePairs } from './pairs.ts';

let rig: HostCallRig;
beforeEach(async () => {
  rig = await HostCallRig.make();
});

function pairs(...texts: string[]): Buffer {
  const bytes = Buffer.alloc(pairsByteLength(texts));
  writePairs(texts, bytes, 0);
  return bytes;
}

function reply(status: number, body = '', headers: Buffer = Buffer.alloc(0), grpcStatus = -1): number {
  const spans = [...rig.put('by the\nplugin'), ...rig.put(body), ...rig.put(headers)];
  return rig.call('proxy_send_local_response', status, ...spans, grpcStatus);
}

describe('continue and close', () => {
  it.each([
    ['proxy_continue_stream', [0], Action.continueRequest],
    ['proxy_continue_stream', [1], Action.continueResponse],
    ['proxy_close_stream', [0], Action.close],
    ['proxy_close_stream', [1], Action.close],
    ['proxy_continue_request', [], Action.continueRequest],
    ['proxy_continue_response', [], Action.continueResponse],
  ])('%s %j is carried out when the guest has returned', (name, args, action) => {
    let during: number[] = [];
    rig.run(() => {
      expect(rig.env[name]!(...args)).toBe(Status.ok);
      during = [...rig.host.actions];
    });
    expect([during, rig.host.actions]).toEqual([[], [action]]);
  });

  it('knows no streams of TCP, and no others', () => {
    expect([2, 3, 4, -1].map((type) => rig.call('proxy_continue_stream', type))).toEqual([12, 12, 2, 2]);
    expect([2, 3, 4, -1].map((type) => rig.call('proxy_close_stream', type))).toEqual([12, 12, 2, 2]);
    expect(rig.host.actions).toEqual([]);
  });

  it('has no effect for the plugin itself, of which the log tells once', () => {
    expect(rig.callAsRoot('proxy_continue_stream', 0)).toBe(Status.ok);
    expect(rig.callAsRoot('proxy_close_stream', 0)).toBe(Status.ok);
    expect([rig.host.actions, rig.rootHost.actions, rig.lines.length]).toEqual([[], [], 1]);
  });

  it('acts on the effective context', () => {
    rig.run(
      () => {
        rig.env['proxy_set_effective_context']!(rig.stream.id);
        rig.env['proxy_continue_stream']!(0);
      },
      'proxy_on_http_call_response',
      rig.root,
    );
    expect(rig.host.actions).toEqual([Action.continueRequest]);
  });
});

describe('proxy_clear_route_cache', () => {
  it('asks for another route, and is nothing to the plugin itself', () => {
    let cleared = 0;
    rig.host.stream = { clearRouteCache: () => void cleared++ } as unknown as NonNullable<typeof rig.host.stream>;
    expect([rig.call('proxy_clear_route_cache'), rig.callAsRoot('proxy_clear_route_cache')]).toEqual([0, 0]);
    expect(cleared).toBe(1);
  });
});

describe('proxy_send_local_response', () => {
  it('hands over a copy of all it was given', () => {
    expect(reply(403, 'no', pairs('X-Why', 'because', ':status', '500'), 7)).toBe(Status.ok);
    rig.vm.memory.bytes.fill(0);
    expect(rig.host.actions).toEqual([Action.reply]);
    expect(rig.host.response).toEqual({
      status: 403,
      details: 'by_the_plugin',
      body: Buffer.from('no'),
      headers: ['x-why', 'because'],
      grpcStatus: 7,
    });
  });

  it.each([-1, 17, 0x7fff_ffff])('takes %i for no status of gRPC', (grpcStatus) => {
    reply(500, '', undefined, grpcStatus);
    expect(rig.host.response).toMatchObject({ body: null, grpcStatus: -1 });
  });

  it.each([
    [0, 2],
    [99, 2],
    [100, 2],
    [199, 2],
    [1000, 2],
    [-1, 2],
    [200, 0],
    [599, 0],
    [600, 0],
    [999, 0],
  ])('answers status %i with %i', (status, answer) => {
    expect(reply(status)).toBe(answer);
    expect(rig.host.actions.length).toBe(answer === 0 ? 1 : 0);
  });

  it.each([
    ['a line break', pairs('x-a', 'b\r\nc: d')],
    ['a name that is none', pairs('x a', 'b')],
    ['pairs cut short', pairs('x-a', 'b').subarray(0, 9)],
  ])('refuses %s', (_name, headers) => {
    expect(reply(200, '', headers)).toBe(Status.badArgument);
    expect(rig.host.actions).toEqual([]);
  });

  it.each([
    ['0.2.1', Status.ok],
    ['0.2.100', Status.badArgument],
  ] as const)('counts once, in %s', async (abi, second) => {
    rig = await HostCallRig.make({ abi });
    rig.run(() => {
      const send = rig.env['proxy_send_local_response']!;
      expect(send(403, ...NONE, ...NONE, ...NONE, -1)).toBe(Status.ok);
      expect(send(404, ...NONE, ...NONE, ...NONE, -1)).toBe(second);
    });
    expect(reply(405)).toBe(second);
    expect([rig.host.actions, rig.host.response!.status]).toEqual([[Action.reply], 403]);
  });

  it('is ignored without an exchange, and at its end', () => {
    const send = (): number => rig.callAsRoot('proxy_send_local_response', 200, ...NONE, ...NONE, ...NONE, -1);
    expect(send()).toBe(Status.ok);
    rig.stream.ended = true;
    expect(reply(200)).toBe(Status.ok);
    expect([rig.host.actions, rig.rootHost.actions, rig.lines.length]).toEqual([[], [], 1]);
  });

  it('checks every address', () => {
    const spans = [rig.put('a'), rig.put('b'), NONE];
    for (let bad = 0; bad < 3; bad++) {
      const args = spans.map((span, at) => (at === bad ? [OUTSIDE, 1] : span)).flat();
      expect(rig.call('proxy_send_local_response', 200, ...args, -1)).toBe(Status.invalidMemoryAccess);
    }
    expect(rig.host.actions).toEqual([]);
  });
});
