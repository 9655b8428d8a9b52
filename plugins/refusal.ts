import type { Log } from '../gateway/src/core/log.ts';
import { TimerWheel } from '../gateway/src/core/wheel.ts';
import { LogLevel } from '../gateway/src/wasm/abi.ts';
import { NO_CALLOUTS } from '../gateway/src/wasm/callout.ts';
import { systemClock } from '../gateway/src/wasm/host.ts';
import { prepareModule } from '../gateway/src/wasm/module.ts';
import { Plugin } from '../gateway/src/wasm/plugin.ts';
import { SharedDataMemory } from '../gateway/src/wasm/shared-data.ts';
import { readFile } from 'node:fs/promises';

const FUEL = { request: 5_000_000, tick: 5_000_000, configure: 20_000_000 };

/**
 * Starts a plugin with a configuration it must refuse and answers the lines it logged about it.
 * @throws Error when it accepts
 */
export async function refusalOf(file: string, configuration: string): Promise<string> {
  const lines: string[] = [];
  const keep: Log['error'] = (_fields, message) => lines.push(message);
  const module = await prepareModule(await readFile(file), { name: file, memory: 16 << 20, startFuel: FUEL.configure });
  const plugin = new Plugin(
    {
      name: 'plugin',
      tenant: 'test',
      version: { module, configuration: Buffer.from(configuration), fuel: FUEL, bodyLimit: 1 << 20 },
    },
    {
      log: { debug: keep, info: keep, warn: keep, error: keep },
      wheel: new TimerWheel(),
      clock: systemClock,
      sharedData: SharedDataMemory.ofOneThread(),
      callouts: NO_CALLOUTS,
      logLevel: LogLevel.trace,
      node: { id: 'test', cluster: 'sluice' },
    },
  );
  try {
    plugin.start();
  } catch {
    return lines.join('\n');
  }
  plugin.close();
  throw new Error(`accepted ${configuration}`);
}
