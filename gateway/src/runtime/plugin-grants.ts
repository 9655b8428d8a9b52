import type { PluginAllow, PluginConfig } from '../config/schema-plugin.ts';
import type { PluginVersion } from '../wasm/generation.ts';
import type { PermissionRules } from '../wasm/permissions.ts';

function permissionsOf(allow: PluginAllow): PermissionRules {
  const { properties = null, foreignFunctions = null, hostCalls } = allow;
  return {
    ...allow,
    properties,
    foreignFunctions,
    hostCalls: { allow: hostCalls.allow ?? null, deny: hostCalls.deny },
  };
}

/** What the operator grants a plugin of the catalogue, as workers get it. */
export function grantsOf({ limits, allow }: PluginConfig): Omit<PluginVersion, 'module' | 'configuration'> {
  return {
    fuel: limits.fuel,
    bodyLimit: limits.body,
    pauseMs: limits.pause,
    recycleBytes: limits.recycleMemory ?? Math.floor(limits.memory * 0.75),
    permissions: permissionsOf(allow),
  };
}
