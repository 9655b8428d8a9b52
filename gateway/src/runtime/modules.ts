import { readFile } from 'node:fs/promises';
import { pluginPath } from '../config/parse-gateway.ts';
import type { PluginConfig } from '../config/schema-gateway.ts';
import type { Log } from '../core/log.ts';
import { prepareModule } from '../wasm/module.ts';
import type { CatalogueModule } from './feed.ts';

/** A plugin of the catalogue after its module was looked at. */
export interface LoadedModule extends CatalogueModule {
  /** Why there is no module, or ''. */
  readonly error: string;
}

/**
 * Reads, checks and compiles the modules of the catalogue. One that fails does not stop the others: its uses apply their
 * failure policy, and the gateway does not become ready.
 */
export async function loadModules(plugins: readonly PluginConfig[], log: Log): Promise<LoadedModule[]> {
  return Promise.all(plugins.map((plugin) => loadModule(plugin, log)));
}

async function loadModule(plugin: PluginConfig, log: Log): Promise<LoadedModule> {
  const { name, limits, sha256 } = plugin;
  const { fuel } = limits;
  const path = pluginPath(plugin);
  try {
    const bytes = await readFile(path);
    const options = { name: path, memory: limits.memory, startFuel: fuel.configure };
    const module = await prepareModule(bytes, sha256 === undefined ? options : { ...options, sha256 });
    return { name, module, fuel, error: '' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error({ plugin: name, file: path, reason }, 'plugin module cannot be loaded');
    return { name, module: null, fuel, error: reason };
  }
}
