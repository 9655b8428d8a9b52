import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { silentLog } from '../core/log.ts';
import { TimerWheel } from '../core/wheel.ts';
import { type AskingGuest, askingGuest } from './callout.suite.ts';
import type { Context } from './context.ts';
import type { Generation, PluginVersion } from './generation.ts';
import {
  type CalloutHandler,
  type CalloutOrigin,
  type CalloutRequest,
  type Callouts,
  type ContextHost,
  systemClock,
} from './host.ts';
import { prepareModule } from './module.ts';
import { Plugin } from './plugin.ts';
import { SharedDataMemory } from './shared-data.ts';
import { pluginModule } from './wat.suite.ts';

/** A service whose answers are the test's. */
class Service implements Callouts {
  readonly sent: { request: CalloutRequest; handler: CalloutHandler; cancelled: boolean }[] = [];

  send(request: CalloutRequest, handler: CalloutHandler) {
    const call = { request, handler, cancelled: false };
    this.sent.push(call);
    return { cancel: () => void (call.cancelled = true) };
  }

  answer(at = 0): void {
    this.sent[at]!.handler.onCalloutDone({ headers: [':status', '200'], body: Buffer.of(), trailers: [] }, 'success');
  }
}

class Exchange implements ContextHost {
  readonly origin: CalloutOrigin = { tenant: 't', lane: 'gray', trace: null };
  failed = false;
  readonly generation: Generation;
  readonly context: Context;

  constructor(plugin: Plugin) {
    this.generation = plugin.acquire()!;
    this.context = this.generation.openStream(this)!;
  }

  headerMap(): null {
    return null;
  }

  buffer(): null {
    return null;
  }

  getProperty(): null {
    return null;
  }

  setProperty(): void {}

  addTime(): void {}

  onActions(): void {}

  onVmFailed(): void {
    this.failed = true;
  }

  begin(): void {
    const { vm, version } = this.generation;
    vm.call(vm.exports.requestHeaders!, 'proxy_on_request_headers', this.context, version.fuel.request, 0, 0);
  }

  end(): void {
    this.generation.closeStream(this.context);
  }
}

const say = (text: string): string =>
  `(i32.store8 (i32.const 200) (i32.const ${text.charCodeAt(0)})) (drop (call $log (i32.const 2) (i32.const 200) (i32.const 1)))`;

/** Says `+` for each callout that it is told of, `-` for one that failed, and `x` when an exchange is forgotten. */
const TALKING = {
  proxy_on_http_call_response: `(if (local.get 2) (then ${say('+')}) (else ${say('-')}))`,
  proxy_on_delete: say('x'),
};

async function version(guest: Partial<AskingGuest>): Promise<PluginVersion> {
  const asking = askingGuest({ service: 'auth', ...guest, callbacks: { ...TALKING, ...guest.callbacks } });
  const module = await prepareModule(pluginModule(asking), { name: 'p', memory: 1 << 20, startFuel: 100_000 });
  const fuel = { request: 100_000, tick: 100_000, configure: 100_000 };
  return { module, configuration: Buffer.from('{}'), fuel, bodyLimit: 1024 * 1024, services: ['other/shared'] };
}

async function rig(guest: Partial<AskingGuest> = {}) {
  const clock = { now: 0 };
  const wheel = new TimerWheel(10, () => clock.now);
  const pass = (ms: number): void => {
    clock.now += ms;
    wheel.advance();
  };
  const lines: string[] = [];
  const log = { ...silentLog, info: (_fields: unknown, message: string) => void lines.push(message) };
  const service = new Service();
  const services = {
    log,
    wheel,
    clock: systemClock,
    sharedData: SharedDataMemory.ofOneThread(),
    callouts: service,
    logLevel: 2,
    node: { id: 'n', cluster: 'c' },
  };
  const options = { name: 'p', tenant: 't', version: await version(guest) };
  return { service, wheel, pass, plugin: new Plugin(options, services), said: () => lines.join('') };
}

describe('callouts of a VM', () => {
  it('say who makes them, and for which exchange', async () => {
    const { service, plugin } = await rig();
    new Exchange(plugin).begin();
    expect(service.sent[0]!.request).toMatchObject({
      service: 'auth',
      caller: { tenant: 't', services: ['other/shared'] },
      origin: { tenant: 't', lane: 'gray' },
    });
  });

  it('are told once each, whatever the service does', async () => {
    const { service, plugin, said } = await rig({ times: 2 });
    new Exchange(plugin).begin();
    service.answer(1);
    service.answer(1);
    service.answer(0);
    expect([said(), plugin.stats().callouts]).toEqual(['++', { success: 2 }]);
  });

  it('are told when the guest has returned, even if the answer is there before', async () => {
    const { service, plugin, said } = await rig();
    const exchange = new Exchange(plugin);
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

  it('are given up with their exchange, which the guest is told after it', async () => {
    const { service, plugin, said } = await rig({ times: 2 });
    const [ending, staying] = [new Exchange(plugin), new Exchange(plugin)];
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
    new Exchange(plugin).end();
    expect(service.sent.filter(({ cancelled }) => cancelled)).toEqual([]);
    expect(service.sent[0]!.request.origin).toMatchObject({ lane: 'gray' });
    service.answer(0);
    expect(said()).toBe('x+');
  });

  it("of the plugin itself are nobody else's", async () => {
    const { service, plugin, said } = await rig({ at: 'proxy_on_configure' });
    plugin.start();
    expect(service.sent[0]!.request.origin).toBeNull();
    new Exchange(plugin).end();
    service.answer(0);
    expect(said()).toBe('x+');
  });

  it('are limited in number', async () => {
    const { service, plugin } = await rig({ times: LIMITS.pluginCalloutsPerExchange });
    const most = LIMITS.pluginCallouts / LIMITS.pluginCalloutsPerExchange;
    const exchanges = Array.from({ length: most + 1 }, () => new Exchange(plugin));
    for (const exchange of exchanges) exchange.begin();
    expect([service.sent.length, plugin.stats().callouts]).toEqual([LIMITS.pluginCallouts, { refused: 1 }]);
    exchanges[0]!.end();
    exchanges[most]!.begin();
    expect(service.sent).toHaveLength(LIMITS.pluginCallouts + LIMITS.pluginCalloutsPerExchange);
  });

  it('end with the VM, silently', async () => {
    const { service, plugin, said } = await rig();
    const exchange = new Exchange(plugin);
    exchange.begin();
    new Exchange(plugin).begin();
    plugin.close();
    exchange.generation.onTimeout(1);
    expect(service.sent.map(({ cancelled }) => cancelled)).toEqual([true, true]);
    service.answer(0);
    expect([said(), exchange.failed, plugin.stats().callouts]).toEqual(['', true, { cancelled: 2 }]);
  });

  it('go on on a VM that was replaced, until its last exchange is over', async () => {
    const { service, plugin, said, wheel } = await rig();
    const old = new Exchange(plugin);
    old.begin();
    plugin.replace(await version({ callbacks: { proxy_on_http_call_response: say('n') } }));
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
