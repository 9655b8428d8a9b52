import { onTestFinished } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { silentLog } from '../../core/log.ts';
import { TimerWheel } from '../../core/wheel.ts';
import type { FilterFactory } from '../../filters/filter.ts';
import { createWasmFilter, type FailurePolicy } from '../../filters/wasm-filter.ts';
import { LogLevel } from '../../wasm/abi.ts';
import { NO_CALLOUTS } from '../../wasm/callout.ts';
import { systemClock } from '../../wasm/host.ts';
import { prepareModule } from '../../wasm/module.ts';
import { Plugin } from '../../wasm/plugin.ts';
import { SharedDataMemory } from '../../wasm/shared-data.ts';
import { atEnd, notingGuest, splice } from '../../wasm/body-guest.suite.ts';
import { pluginModule, type PluginText } from '../../wasm/wat.suite.ts';
import { type ProxyRig, rigOf, upstream } from './proxy-rig.suite.ts';

export interface PluginUseOptions {
  /** Default closed. */
  readonly onFailure?: FailurePolicy;
  /** Default 1 MiB. */
  readonly bodyLimit?: number;
}

/** A filter that runs a guest; closed when the test ends. */
export async function pluginFilter(text: PluginText, options: PluginUseOptions = {}): Promise<FilterFactory> {
  const { onFailure = 'closed', bodyLimit = LIMITS.pluginBodyBytes } = options;
  const fuel = { request: 5_000_000, tick: 5_000_000, configure: 5_000_000 };
  const prepared = { name: 'test.wasm', memory: 16 * 1024 * 1024, startFuel: fuel.configure };
  const module = await prepareModule(pluginModule(text), prepared);
  const version = { module, configuration: Buffer.from('{}'), fuel, bodyLimit };
  const plugin = new Plugin(
    { name: 'guest', tenant: 'a', version },
    {
      log: silentLog,
      wheel: new TimerWheel(),
      clock: systemClock,
      sharedData: SharedDataMemory.ofOneThread(),
      callouts: NO_CALLOUTS,
      logLevel: LogLevel.error,
      node: { id: 'test', cluster: 'test' },
    },
  );
  onTestFinished(() => plugin.close());
  return createWasmFilter(plugin, { onFailure });
}

/** The data of the guests below, at 300. */
export const MARK = '(data (i32.const 300) "<")';

/** Puts `<` in front of a whole body, or of each piece of it. */
export const gathering = (buffer: 0 | 1): PluginText =>
  notingGuest({ [buffer === 0 ? 'b' : 'B']: atEnd(splice(buffer, 0, 0, [300, 1])) }, { fields: MARK });
export const streaming = (buffer: 0 | 1): PluginText =>
  notingGuest(
    { [buffer === 0 ? 'b' : 'B']: `(if (local.get 1) (then ${splice(buffer, 0, 0, [300, 1])})) (i32.const 0)` },
    { fields: MARK },
  );

/** A proxy with one plugin and one upstream. */
export async function rigWith(text: PluginText, port: number, options: PluginUseOptions = {}): Promise<ProxyRig> {
  return rigOf({ filters: [await pluginFilter(text, options)], limits: { requestBody: 200 * 1024 * 1024 } }, [port]);
}

/** Answers with what it was sent, in chunks. */
export const echo = () => upstream('main', (request, response) => void request.pipe(response));
