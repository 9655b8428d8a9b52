import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { kindOf } from './call-ids.ts';
import { type SpeakingGuest, speakingGuest } from './grpc.suite.ts';
import type { Callouts, GrpcEnd, GrpcHandle, GrpcHandler, GrpcRequest } from './host.ts';
import { pluginRig, say, TestExchange, versionOf } from './plugin-rig.suite.ts';

class Call implements GrpcHandle {
  readonly request: GrpcRequest;
  readonly handler: GrpcHandler;
  readonly sent: string[] = [];
  /** It takes no message at the moment. */
  full = false;
  state: 'open' | 'closed' | 'cancelled' = 'open';

  constructor(request: GrpcRequest, handler: GrpcHandler) {
    this.request = request;
    this.handler = handler;
  }

  send(message: Buffer, end: boolean): boolean {
    if (this.full) return false;
    this.sent.push(message.toString() + (end ? '.' : ''));
    return true;
  }

  close(): void {
    this.state = 'closed';
  }

  cancel(): void {
    this.state = 'cancelled';
  }

  message(text = 'hello'): void {
    this.handler.onGrpcMessage(Buffer.from(text));
  }

  end(status = 0, parts: Partial<GrpcEnd> = {}): void {
    const trailers = ['grpc-status', String(status)];
    this.handler.onGrpcEnd({ status, message: '', trailers, result: 'success', ...parts });
  }

  all(): void {
    this.handler.onGrpcMetadata([':status', '200', 'x-a', 'b']);
    this.message();
    this.end();
  }
}

/** A service whose answers are the test's. */
class Service implements Callouts {
  readonly calls: Call[] = [];
  unknown = false;

  send(): null {
    return null;
  }

  openGrpc(request: GrpcRequest, handler: GrpcHandler): GrpcHandle | null {
    if (this.unknown) return null;
    this.calls.push(new Call(request, handler));
    return this.calls.at(-1)!;
  }
}

/** Says what it is told of: head, message, trailers, a good end or a bad one, and that an exchange is forgotten. */
const TALKING = {
  proxy_on_grpc_receive_initial_metadata: say('h'),
  proxy_on_grpc_receive: say('m'),
  proxy_on_grpc_receive_trailing_metadata: say('t'),
  proxy_on_grpc_close: `(if (local.get 2) (then ${say('-')}) (else ${say('+')}))`,
  proxy_on_delete: say('x'),
};

const talking = (guest: SpeakingGuest) => speakingGuest({ ...guest, callbacks: { ...TALKING, ...guest.callbacks } });
const rig = (guest: SpeakingGuest = {}) => pluginRig(talking(guest), new Service());

describe('gRPC calls of a VM', () => {
  it('say who makes them, for which exchange, and what', async () => {
    const { service, plugin } = await rig({ metadata: ['X-Key', 'k', ':authority', 'auth.internal', 'te', 'x'] });
    new TestExchange(plugin).begin();
    expect(service.calls[0]!.request).toEqual({
      caller: { tenant: 't', services: ['other/shared'], tenantServices: true },
      origin: { tenant: 't', lane: 'gray', trace: null },
      service: 'auth',
      authority: 'auth.internal',
      path: '/test.Echo/Say',
      metadata: ['x-key', 'k'],
      message: Buffer.from('question'),
      timeoutMs: 5000,
    });
  });

  it('are told in order, and once of the end', async () => {
    const { service, plugin, said } = await rig();
    new TestExchange(plugin).begin();
    service.calls[0]!.all();
    service.calls[0]!.end();
    service.calls[0]!.message();
    expect([said(), plugin.stats().callouts]).toEqual(['hmt+', { success: 1 }]);
  });

  it('are told when the guest has returned, even if the answer is there before', async () => {
    const { service, plugin, said } = await rig();
    const open = service.openGrpc.bind(service);
    service.openGrpc = (request, handler) => {
      const handle = open(request, handler);
      service.calls[0]!.all();
      return handle;
    };
    new TestExchange(plugin).begin();
    expect(said()).toBe('');
    await Promise.resolve();
    expect([said(), plugin.stats().failures]).toEqual(['hmt+', 0]);
  });

  it('bring what can be read while they are told, and only then', async () => {
    const is = (call: string, expected: number) => `(if (i32.ne ${call} (i32.const ${expected})) (then (unreachable)))`;
    const buffer = (type: number) =>
      `(call $get_buffer_bytes (i32.const ${type}) (i32.const 0) (i32.const 99) (i32.const 100) (i32.const 104))`;
    const map = (type: number) => `(call $get_header_map_size (i32.const ${type}) (i32.const 100))`;
    const add = (type: number) =>
      `(call $add_header_map_value (i32.const ${type}) (i32.const 4096) (i32.const 3) (i32.const 4096) (i32.const 3))`;
    const status = '(call $get_status (i32.const 100) (i32.const 104) (i32.const 108))';
    const slot = (at: number) => `(i32.load (i32.const ${at}))`;
    const { service, plugin, said } = await rig({
      callbacks: {
        proxy_on_grpc_receive_initial_metadata: `${is('(local.get 2)', 2)} ${is(map(4), 0)} ${is(slot(100), 12)}
          ${is(add(4), 2)} ${is(map(5), 2)} ${is(map(6), 2)} ${is(buffer(5), 1)} ${say('h')}`,
        proxy_on_grpc_receive: `${is('(local.get 2)', 5)} ${is(buffer(5), 0)} ${is(slot(104), 5)} ${is(buffer(4), 1)}
          ${is(map(4), 2)} ${say('m')}`,
        proxy_on_grpc_receive_trailing_metadata: `${is('(local.get 2)', 1)} ${is(map(5), 0)} ${is(slot(100), 12)}
          ${is(map(4), 2)} ${is(buffer(5), 1)} ${is(status, 0)} ${is(slot(100), 0)} ${say('t')}`,
        proxy_on_grpc_close: `${is('(local.get 2)', 7)} ${is(status, 0)} ${is(slot(100), 7)} ${is(slot(108), 3)}
          ${is(map(5), 2)} ${say('c')}`,
        proxy_on_delete: `${is(buffer(5), 1)} ${is(status, 0)} ${is(slot(100), 0)} ${say('x')}`,
      },
    });
    const exchange = new TestExchange(plugin);
    exchange.begin();
    const [call] = service.calls;
    call!.handler.onGrpcMetadata([':status', '200', 'a', 'b']);
    call!.message();
    call!.end(7, { message: 'why', trailers: ['grpc-status', '7'] });
    exchange.end();
    expect([said(), plugin.stats().lastFailure]).toEqual(['hmtcx', '']);
  });

  it('are given up with their exchange, which the guest is told after it', async () => {
    const { service, plugin, said } = await rig({ times: 2 });
    const [ending, staying] = [new TestExchange(plugin), new TestExchange(plugin)];
    ending.begin();
    staying.begin();
    ending.end();
    expect(service.calls.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'open', 'open']);
    service.calls[0]!.all();
    service.calls[2]!.all();
    expect([said(), plugin.stats().callouts]).toEqual(['x--hmt+', { cancelled: 2, success: 1 }]);
  });

  it('that are made at the end of an exchange go on without it', async () => {
    const { service, plugin, said } = await rig({ at: 'proxy_on_log', times: LIMITS.pluginCalloutsPerExchange + 1 });
    new TestExchange(plugin).end();
    expect(new Set(service.calls.map(({ state }) => state))).toEqual(new Set(['open']));
    expect(service.calls[0]!.request.origin).toMatchObject({ lane: 'gray' });
    service.calls[0]!.all();
    expect(said()).toBe('xhmt+');
  });

  it("of the plugin itself are nobody else's", async () => {
    const { service, plugin, said } = await rig({ at: 'proxy_on_configure' });
    plugin.start();
    expect([service.calls[0]!.request.origin, plugin.idle]).toEqual([null, false]);
    new TestExchange(plugin).end();
    service.calls[0]!.all();
    expect([said(), plugin.idle]).toEqual(['xhmt+', true]);
  });

  it('are limited in number, of an exchange and of all', async () => {
    const { service, plugin } = await rig({ times: LIMITS.pluginCalloutsPerExchange, callbacks: { proxy_on_log: '' } });
    const exchanges = Array.from(
      { length: LIMITS.pluginGrpcCalls / LIMITS.pluginCalloutsPerExchange + 1 },
      () => new TestExchange(plugin),
    );
    for (const exchange of exchanges) exchange.begin();
    expect([service.calls.length, plugin.stats().callouts]).toEqual([LIMITS.pluginGrpcCalls, { refused: 1 }]);
    exchanges[0]!.end();
    exchanges.at(-1)!.begin();
    expect(service.calls.length).toBe(LIMITS.pluginGrpcCalls + LIMITS.pluginCalloutsPerExchange);
    exchanges.at(-1)!.begin();
    expect(plugin.stats().callouts.refused).toBe(2);
  });

  it('end with the VM, silently', async () => {
    const { service, plugin, said } = await rig();
    const exchange = new TestExchange(plugin);
    exchange.begin();
    plugin.close();
    exchange.generation.onTimeout(1);
    service.calls[0]!.all();
    expect([said(), service.calls[0]!.state, plugin.stats().callouts]).toEqual(['', 'cancelled', { cancelled: 1 }]);
  });

  it('end with a VM that fails over one of them', async () => {
    const { service, plugin } = await rig({ times: 2, callbacks: { proxy_on_grpc_receive: '(unreachable)' } });
    const exchange = new TestExchange(plugin);
    exchange.begin();
    service.calls[0]!.all();
    service.calls[1]!.all();
    expect(service.calls.map(({ state }) => state)).toEqual(['cancelled', 'cancelled']);
    expect([plugin.stats().callouts, exchange.failed]).toEqual([{ cancelled: 2 }, true]);
  });

  it('go on on a VM that was replaced, until its last exchange is over', async () => {
    const { service, plugin, said, wheel } = await rig();
    const old = new TestExchange(plugin);
    old.begin();
    plugin.replace(await versionOf(talking({ callbacks: { proxy_on_grpc_receive: say('n') } })));
    service.calls[0]!.all();
    expect(said()).toBe('hmt+');
    old.end();
    plugin.close();
    expect([plugin.stats().instances, wheel.size]).toEqual([0, 0]);
  });

  it('may be told by the misnamed export of older SDKs', async () => {
    const misnamed = { proxy_on_grpc_trailing_metadata: say('T') };
    const guest = speakingGuest({ callbacks: { ...misnamed, proxy_on_grpc_close: '', proxy_on_grpc_receive: '' } });
    const { service, plugin, said } = await pluginRig(guest, new Service());
    new TestExchange(plugin).begin();
    service.calls[0]!.all();
    expect(said()).toBe('T');
  });
});

describe('what a guest does with its calls', () => {
  /** A stream whose guest does something when it is told of a message; says the status of that, as a digit. */
  async function doing(act: string, guest: SpeakingGuest = {}) {
    const digit = `(i32.store8 (i32.const 200) (i32.add (i32.const 48) ${act})) (drop (call $log (i32.const 2) (i32.const 200) (i32.const 1)))`;
    const rigged = await rig({ stream: true, message: '', ...guest, callbacks: { proxy_on_grpc_receive: digit } });
    const exchange = new TestExchange(rigged.plugin);
    exchange.begin();
    return { ...rigged, exchange, call: rigged.service.calls[0]! };
  }
  const sending = (id: string, length = 4, end = 0) =>
    `(call $grpc_send ${id} (i32.const 4096) (i32.const ${length}) (i32.const ${end}))`;
  const ID = '(local.get 1)';

  it('sends messages', async () => {
    const { call, said } = await doing(sending(ID, 4), { message: 'more' });
    expect([call.request.message, call.request.timeoutMs, call.sent]).toEqual([null, 0, ['more']]);
    call.message();
    call.full = true;
    call.message();
    expect([call.sent, said()]).toEqual([['more', 'more'], '02']);
  });

  it('ends its side', async () => {
    const { call, said } = await doing(sending(ID, 0, 1));
    call.message();
    expect([call.sent, said()]).toEqual([['.'], '0']);
  });

  it.each([
    ['a number that was never given', '(i32.const 4002)', '1'],
    ['another one', '(i32.const 0)', '1'],
    ['a negative one', '(i32.const -1)', '1'],
    ['a unary call', '(i32.const 5)', '2'],
    ['an HTTP callout', '(i32.const 4)', '2'],
  ])('sends nothing to %s', async (_what, id, status) => {
    const { call, said } = await doing(sending(id));
    call.message();
    expect([call.sent, said()]).toEqual([[], status]);
  });

  it('sends nothing too large, nor what is not its own', async () => {
    const large = await doing(sending(ID, LIMITS.pluginGrpcMessageBytes + 1), { memory: '20' });
    large.call.message();
    const outside = await doing(sending(ID, 10_000_000));
    outside.call.message();
    expect([large.said(), outside.said(), large.call.sent]).toEqual(['2', '6', []]);
  });

  it('sends nothing to a call that is over', async () => {
    const { service, exchange, said } = await doing(sending('(i32.const 6)'));
    service.calls[0]!.end();
    exchange.begin();
    service.calls[1]!.message();
    expect(said()).toBe('t+1');
  });

  it.each([
    ['cancels', 'cancelled', { cancelled: 1 }],
    ['closes', 'closed', {}],
  ] as const)('%s a stream, and hears no more of it', async (does, state, counted) => {
    const { call, said, plugin } = await doing(`(call $grpc_${does === 'cancels' ? 'cancel' : 'close'} ${ID})`);
    call.message();
    call.message();
    call.end();
    expect([call.state, said()]).toEqual([state, '0']);
    expect(plugin.stats().callouts).toEqual(does === 'cancels' ? counted : { success: 1 });
  });

  it('closes a stream that then goes on without its exchange', async () => {
    const { call, exchange, said, plugin } = await doing(`(call $grpc_close ${ID})`);
    call.message();
    exchange.end();
    expect([call.state, said(), plugin.idle]).toEqual(['closed', '0x', false]);
    call.end();
    expect([said(), plugin.idle]).toEqual(['0x', true]);
  });

  it.each(['$grpc_cancel', '$grpc_close'])('gives a unary call up: %s', async (name) => {
    const { service, plugin, said } = await rig({
      callbacks: { proxy_on_grpc_receive_initial_metadata: `(if (call ${name} ${ID}) (then (unreachable)))` },
    });
    new TestExchange(plugin).begin();
    service.calls[0]!.all();
    expect([service.calls[0]!.state, said(), plugin.stats().lastFailure]).toEqual(['cancelled', '', '']);
  });

  it('gives up in the middle of the end', async () => {
    const { service, plugin, said } = await rig({
      callbacks: { proxy_on_grpc_receive_trailing_metadata: `(if (call $grpc_cancel ${ID}) (then (unreachable)))` },
    });
    new TestExchange(plugin).begin();
    service.calls[0]!.all();
    expect([said(), plugin.stats().lastFailure]).toEqual(['hm', '']);
  });

  it.each(['cancel', 'close'])('does not know of others to %s', async (name) => {
    for (const id of ['(i32.const 0)', '(i32.const 4)', '(i32.const 10)', '(i32.const -2)']) {
      const { call, said } = await doing(`(call $grpc_${name} ${id})`);
      call.message();
      expect([said(), call.state]).toEqual(['1', 'open']);
    }
  });

  it('makes calls of which each has a number of its kind', async () => {
    const ids: number[] = [];
    const note = (kind: number) =>
      `(if (i32.ne (i32.and ${ID} (i32.const 3)) (i32.const ${kind})) (then (unreachable)))`;
    for (const [stream, kind] of [
      [false, 1],
      [true, 2],
    ] as const) {
      const { service, plugin } = await rig({ stream, callbacks: { proxy_on_grpc_receive: note(kind) } });
      new TestExchange(plugin).begin();
      service.calls[0]!.message();
      expect(plugin.stats().lastFailure).toBe('');
      ids.push(kind);
    }
    expect(ids.map(kindOf)).toEqual([1, 2]);
  });
});
