import { silentLog } from '../core/log.ts';
import { TimerWheel } from '../core/wheel.ts';
import type { Context } from './context.ts';
import type { Generation, PluginVersion } from './generation.ts';
import { type CalloutOrigin, type Callouts, type ContextHost, systemClock } from './host.ts';
import { prepareModule } from './module.ts';
import { Plugin, type PluginServices } from './plugin.ts';
import { SharedDataMemory } from './shared-data.ts';
import { pluginModule, type PluginText } from './wat.suite.ts';

/** An exchange of a plugin, without anything around it. */
export class TestExchange implements ContextHost {
  readonly origin: CalloutOrigin = { tenant: 't', lane: 'gray', trace: null };
  readonly stream = null;
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

/** Logs a letter. */
export const say = (text: string): string =>
  `(i32.store8 (i32.const 200) (i32.const ${text.charCodeAt(0)})) (drop (call $log (i32.const 2) (i32.const 200) (i32.const 1)))`;

/** A version of the plugin that the rig runs; it may call `other/shared`. */
export async function versionOf(text: PluginText): Promise<PluginVersion> {
  const module = await prepareModule(pluginModule(text), { name: 'p', memory: 2 << 20, startFuel: 100_000 });
  const fuel = { request: 100_000, tick: 100_000, configure: 100_000 };
  const permissions = { services: ['other/shared'] };
  return { module, configuration: Buffer.from('{}'), fuel, bodyLimit: 1024 * 1024, permissions };
}

/**
 * A plugin whose calls the test answers, and whose time the test moves.
 * @param more services in place of those that do nothing
 */
export async function pluginRig<C extends Callouts>(text: PluginText, callouts: C, more: Partial<PluginServices> = {}) {
  const clock = { now: 0 };
  const wheel = new TimerWheel(10, () => clock.now);
  const pass = (ms: number): void => {
    clock.now += ms;
    wheel.advance();
  };
  const lines: string[] = [];
  const log = { ...silentLog, info: (_fields: unknown, message: string) => void lines.push(message) };
  const services: PluginServices = {
    log,
    wheel,
    clock: systemClock,
    sharedData: SharedDataMemory.ofOneThread(),
    callouts,
    logLevel: 2,
    node: { id: 'n', cluster: 'c' },
    ...more,
  };
  const plugin = new Plugin({ name: 'p', tenant: 't', version: await versionOf(text) }, services);
  return { service: callouts, wheel, pass, plugin, said: () => lines.join('') };
}

/** Logs what a host call answers: A for 0, B for 1, and so on. */
export const answer = (call: string): string =>
  `(i32.store8 (i32.const 200) (i32.add (i32.const 65) ${call})) (drop (call $log (i32.const 2) (i32.const 200) (i32.const 1)))`;
