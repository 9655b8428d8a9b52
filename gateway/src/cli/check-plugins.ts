import { readFile, stat } from 'node:fs/promises';
import type { InspectedPlugin, PluginRemark } from '../config/load-plugins.ts';
import { parsePluginSource } from '../config/plugin-source.ts';
import { quote } from '../config/problem.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { PluginConfig } from '../config/schema-plugin.ts';
import { LIMITS } from '../core/limits.ts';
import { keptModule } from '../runtime/modules/cache.ts';
import { pinOf } from '../runtime/modules/remote-source.ts';
import { grantsOf } from '../runtime/plugin-grants.ts';
import { type PluginManifest, readManifest } from '../wasm/manifest.ts';
import { missingPermissions } from '../wasm/wanted.ts';

const NOT_HERE: PluginRemark = {
  at: ['source'],
  code: 'SLUICE_CONFIG_UNREADABLE',
  message: 'the module has not been fetched to this machine, so that configurations of the plugin are not checked',
  remedy: 'check again where a gateway with this catalogue and state.directory has run',
};

/**
 * What the modules of a catalogue say of themselves, of those that are on this machine: files, and what a gateway with this
 * configuration has fetched and kept. Nothing of them runs. Never rejects.
 */
export async function inspectCatalogue({ plugins, state }: GatewayConfig): Promise<InspectedPlugin[]> {
  return Promise.all(
    plugins.map(async (plugin) => {
      const found = await bytesOf(plugin, state?.directory ?? null);
      if (found === 'unreadable') return NOTHING;
      return found === 'elsewhere' ? { ...NOTHING, notes: [NOT_HERE] } : remarksOn(plugin, found);
    }),
  );
}

const NOTHING: InspectedPlugin = { schema: null, warnings: [], notes: [] };

/** `unreadable`: what is wrong with it is told by others. */
async function bytesOf(
  plugin: PluginConfig,
  stateDirectory: string | null,
): Promise<Uint8Array | 'unreadable' | 'elsewhere'> {
  const source = parsePluginSource(plugin.source);
  if ('message' in source) return 'unreadable';
  if (source.kind !== 'file') {
    const pin = pinOf(plugin, source);
    if (!/[0-9a-f]{64}$/.test(pin)) return 'unreadable';
    return (stateDirectory === null ? null : await keptModule(stateDirectory, plugin.name, pin)) ?? 'elsewhere';
  }
  try {
    const status = await stat(source.path);
    return status.isFile() && status.size <= LIMITS.pluginModuleBytes ? await readFile(source.path) : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

function remarksOn(plugin: PluginConfig, bytes: Uint8Array): InspectedPlugin {
  const { manifest, problem } = readManifest(bytes);
  if (problem !== '') {
    const message = `the manifest of the module is not valid, and checks nothing: ${problem}`;
    const remedy = 'build the plugin again, or tell its author';
    const warning: PluginRemark = { at: ['source'], code: 'SLUICE_PLUGIN_MANIFEST_INVALID', message, remedy };
    return { ...NOTHING, warnings: [warning] };
  }
  if (manifest === null) return NOTHING;
  return { schema: manifest.config, warnings: notAllowed(plugin, manifest), notes: [] };
}

function notAllowed(plugin: PluginConfig, { name, permissions }: PluginManifest): PluginRemark[] {
  const missing = missingPermissions(permissions, grantsOf(plugin).permissions ?? {});
  return missing.map(({ permission, value, remedy }) => {
    const what = value === '' ? permission : `${permission} ${quote(value)}`;
    return {
      at: ['allow'],
      code: 'SLUICE_PLUGIN_NOT_ALLOWED',
      message: `${name} asks for ${what}, which is not allowed`,
      remedy: `add ${remedy} to allow, if it shall have it`,
    };
  });
}
