import { pluginSchemaOf } from '../config/plugin-config.ts';
import { expectation, type SchemaView } from '../config/schema-view.ts';
import type { PluginManifest, WantedPermissions } from '../wasm/manifest.ts';

/** A label, and what stands behind it. */
type Row = [label: string, values: readonly string[]];

/** What a module says of itself, in rows of a report; none where it says nothing. */
export function manifestRows(manifest: PluginManifest | null): Row[] {
  if (manifest === null) return [];
  const { name, version, description, sdk, phases, permissions, config } = manifest;
  const tools = sdk === '' ? '' : `, built with SDK ${sdk}`;
  const schema = config === null ? null : pluginSchemaOf(config);
  return [
    ['manifest', [`${name} ${version}${tools}`, ...(description === '' ? [] : [description])]],
    ['phases', phases],
    ['wants', wants(permissions)],
    ['config', schema === null ? [] : configLines(schema)],
  ];
}

function wants(wanted: WantedPermissions): string[] {
  return Object.entries(wanted).flatMap(([key, value]: [string, WantedPermissions[keyof WantedPermissions]]) => {
    if (typeof value === 'object') return value.map((item) => `${key} ${item}`);
    return value === true || value === 'precise' ? [`${key} ${value}`] : [];
  });
}

/** Each key of a configuration with its type and default, or that it must be there; those of lists and mappings beneath. */
function configLines(schema: SchemaView, prefix = ''): string[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([key, child]) => {
    const path = `${prefix}${key}`;
    const fate = child.default === undefined ? [] : [`default ${JSON.stringify(child.default)}`];
    const must = required.includes(key) ? ['required'] : [];
    const words = child.description === undefined ? '' : `: ${child.description}`;
    return [`${path} (${[expectation(child), ...must, ...fate].join(', ')})${words}`, ...inner(child, path)];
  });
}

function inner(schema: SchemaView, path: string): string[] {
  if (schema.items !== undefined) return inner({ ...schema.items }, `${path}[]`);
  if (schema.type !== 'object') return [];
  return schema.properties === undefined ? [] : configLines(schema, `${path}.`);
}
