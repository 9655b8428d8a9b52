import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { type AskingGuest, askingGuest } from './callout.suite.ts';
import type { CalloutHandler, CalloutRequest, CalloutResult, Callouts } from './host.ts';
import { pluginRig, say, TestExchange, versionOf } from './plugin-rig.suite.ts';
import type { PluginText } from './wat.suite.ts';

/** A service whose answers are the test's. */
class Service implements Callouts {
  readonly sent: { request: CalloutRequest; handler: CalloutHandler; cancelled: boolean }[] = [];

  send(request: CalloutRequest, handler: CalloutHandler) {
    const call = { request, handler, cancelled: false };
    this.sent.push(call);
    return { cancel: () => void (call.cancelled = true) };
  }

  openGrpc(): null {
    return null;
  }

  answer(at = 0): void {
    this.sent[at]!.handler.onCalloutDone({ headers: [':status', '200'], body: Buffer.of(), trailers: [] }, 'success');
  }
}

/** Says `+` for each callout that it is told of, `-` for one that failed, and `x` when an exchange is forgotten. */
const TALKING = {
  proxy_on_http_call_response: `(if (local.get 2) (then ${say('+')}) (else ${say('-')}))`,
  proxy_on_delete: say('x'),
};

const talking = (guest: Partial<AskingGuest>): PluginText =>
  askingGuest({ service: 'auth', ...guest, callbacks: { ...TALKING, ...guest.callbacks } });

const rig = async (guest: Partial<AskingGuest> = {}) => pluginRig(talking(guest), new Service());

describe('callouts of a VM', () => {
  it('say who makes them, and for which exchange', async () => {
    const { service, plugin } = await rig();
    new TestExchange(plugin).begin();
    expect(service.sent[0]!.request).toMatchObject({
      service: 'auth',
      caller: { tenant: 't', services: ['other/shared'], tenantServices: true },
      origin: { tenant: 't', lane: 'gray' },
    });
  });

  it('are told once each, whatever the service does', async () => {
    const { service, plugin, said } = await rig({ times: 2 });
    new TestExchange(plugin).begin();
    service.answer(1);
    service.answer(1);
    service.answer(0);
    expect([said(), plugin.stats().callouts]).toEqual(['++', { success: 2 }]);
  });

  it('are told when the guest has returned, even if the answer is there before', async () => {
    const { service, plugin, said } = await rig();
    const exchange = new TestExchange(plugin);
    const send = service.send.bind(service);
    service.send = (request, handler) => {
      const handle = send(request, handler);
      service.answer();
      return handle;
    };
    exchange.begin();
    expect(said()).toBe('');
    await Promise.resolve();
    expect([said(), plugin.stats()]).toMatchObject(['+', { callouts: { success: 1 }, failures: 0 }]);
    exchange.end();
    expect(said()).toBe('+x');
  });

  it.each<[CalloutResult, string, string]>([
    ['connect-failed', '503', 'H0'],
    ['no-endpoint', '503', 'H0'],
    ['overloaded', '503', 'H0'],
    ['timeout', '504', 'H0'],
    ['reset', '', '-B'],
    ['too-large', '', '-B'],
  ])('that fail by %s are told of %j', async (result, status, said) => {
    const words = `(drop (call $get_status (i32.const 100) (i32.const 104) (i32.const 108)))
      (if (i32.load (i32.const 100)) (then ${say('B')}) (else ${say('0')}))`;
    const first = '(i32.load8_u offset=2 (i32.load (i32.const 68)))';
    const told = `(if (local.get 2) (then
        (drop (call $get_header_map_value (i32.const 6) (i32.const 512) (i32.const 7) (i32.const 68) (i32.const 72)))
        (if (i32.eq ${first} (i32.const ${status.charCodeAt(2) || 0})) (then ${say('H')})))
      (else ${say('-')})) ${words}`;
    const rigged = await rig({ callbacks: { proxy_on_http_call_response: told } });
    new TestExchange(rigged.plugin).begin();
    rigged.service.sent[0]!.handler.onCalloutDone(null, result);
    expect([rigged.said(), rigged.plugin.stats().callouts]).toEqual([said, { [result]: 1 }]);
  });

  it('are given up with their exchange, which the guest is told after it', async () => {
    const { service, plugin, said } = await rig({ times: 2 });
    const [ending, staying] = [new TestExchange(plugin), new TestExchange(plugin)];
    ending.begin();
    staying.begin();
    ending.end();
    expect(service.sent.map(({ cancelled }) => cancelled)).toEqual([true, true, false, false]);
    service.answer(0);
    service.answer(2);
    expect([said(), plugin.stats().callouts]).toEqual(['x--+', { cancelled: 2, success: 1 }]);
  });

  it('that are made at the end of an exchange go on without it', async () => {
    const { service, plugin, said } = await rig({ at: 'proxy_on_log', times: LIMITS.pluginCalloutsPerExchange + 1 });
    new TestExchange(plugin).end();
    expect(service.sent.filter(({ cancelled }) => cancelled)).toEqual([]);
    expect(service.sent[0]!.request.origin).toMatchObject({ lane: 'gray' });
    service.answer(0);
    expect(said()).toBe('x+');
  });

  it("of the plugin itself are nobody else's", async () => {
    const { service, plugin, said } = await rig({ at: 'proxy_on_configure' });
    plugin.start();
    expect(service.sent[0]!.request.origin).toBeNull();
    new TestExchange(plugin).end();
    service.answer(0);
    expect(said()).toBe('x+');
  });

  it('are limited in number', async () => {
    const { service, plugin } = await rig({ times: LIMITS.pluginCalloutsPerExchange });
    const most = LIMITS.pluginCallouts / LIMITS.pluginCalloutsPerExchange;
    const exchanges = Array.from({ length: most + 1 }, () => new TestExchange(plugin));
    for (const exchange of exchanges) exchange.begin();
    expect([service.sent.length, plugin.stats().callouts]).toEqual([LIMITS.pluginCallouts, { refused: 1 }]);
    exchanges[0]!.end();
    exchanges[most]!.begin();
    expect(service.sent).toHaveLength(LIMITS.pluginCallouts + LIMITS.pluginCalloutsPerExchange);
  });

  it('end with the VM, silently', async () => {
    const { service, plugin, said } = await rig();
    const exchange = new TestExchange(plugin);
    exchange.begin();
    new TestExchange(plugin).begin();
    plugin.close();
    exchange.generation.onTimeout(1);
    expect(service.sent.map(({ cancelled }) => cancelled)).toEqual([true, true]);
    service.answer(0);
    expect([said(), exchange.failed, plugin.stats().callouts]).toEqual(['', true, { cancelled: 2 }]);
  });

  it('go on on a VM that was replaced, until its last exchange is over', async () => {
    const { service, plugin, said, wheel } = await rig();
    const old = new TestExchange(plugin);
    old.begin();
    plugin.replace(await versionOf(talking({ callbacks: { proxy_on_http_call_response: say('n') } })));
    service.answer(0);
    expect(said()).toBe('+');
    old.end();
    plugin.close();
    expect([plugin.stats().instances, wheel.size]).toEqual([0, 0]);
  });

  it('that come from a tick are paid from its budget', async () => {
    const period = '(drop (call $set_tick_period_milliseconds (i32.const 50))) (i32.const 1)';
    const { service, plugin, pass, said } = await rig({
      at: 'proxy_on_tick',
      callbacks: { proxy_on_vm_start: period },
    });
    plugin.start();
    pass(60);
    service.answer(0);
    expect(said()).toBe('+');
  });
});
