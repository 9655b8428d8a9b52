import { type CompiledPlugin, compilePlugin, PluginCompileError } from '../sdk/compile.ts';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = dirname(fileURLToPath(import.meta.url));

/** A plugin of this folder and its module. */
export interface BuiltPlugin extends CompiledPlugin {
  name: string;
}

/** Names of the plugins in this folder: those with a `plugin.json`. */
export function pluginNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => existsSync(join(FOLDER, name, 'plugin.json')))
    .sort();
}

/** Compiles one plugin to `<name>/build/<name>.wasm` when its sources, the SDK or the options have changed. */
export async function buildPlugin(name: string): Promise<BuiltPlugin> {
  return { name, ...(await compilePlugin({ folder: join(FOLDER, name) })) };
}

/**
 * Compiles every plugin of this folder that is not up to date.
 * @throws PluginCompileError for the first that does not compile
 */
export async function buildPlugins(): Promise<BuiltPlugin[]> {
  const built: BuiltPlugin[] = [];
  for (const name of pluginNames()) built.push(await buildPlugin(name));
  return built;
}

async function main(): Promise<void> {
  try {
    for (const { name, size, compiled, warnings } of await buildPlugins()) {
      if (warnings !== '') console.error(warnings);
      console.log(`${name}: ${size} bytes${compiled ? '' : ', up to date'}`);
    }
  } catch (error) {
    if (!(error instanceof PluginCompileError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

if (import.meta.main) await main();
