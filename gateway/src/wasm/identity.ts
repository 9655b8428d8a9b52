import { nodeMessage } from './property-path.ts';

/** Envoy's number for listeners of gateways, as a property says it. */
const OUTBOUND = '\x02\0\0\0\0\0\0\0';

/** Properties that are the same for all contexts of a plugin, by path with NULs. */
export function identityOf(
  plugin: { readonly name: string; readonly tenant: string },
  node: { readonly id: string; readonly cluster: string },
): ReadonlyMap<string, string> {
  return new Map([
    ['plugin_name', plugin.name],
    ['plugin_root_id', ''],
    ['plugin_vm_id', plugin.tenant],
    ['node', nodeMessage(node.id, node.cluster)],
    ['node\0id', node.id],
    ['node\0cluster', node.cluster],
    ['listener_direction', OUTBOUND],
    ['xds\0listener_direction', OUTBOUND],
  ]);
}
