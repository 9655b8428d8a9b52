import type { PluginUse } from '../config/schema-common.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';

/** What uses of one owner have in common that run on one VM: plugin and configuration. */
export function useKey({ use, config }: PluginUse): string {
  return `${use}\n${JSON.stringify(config)}`;
}

/** Every use of a plugin in a tenant's configuration. */
export function usesOf({ plugins, routes }: TenantConfig): PluginUse[] {
  return [...plugins, ...routes.flatMap((route) => route.plugins)];
}
