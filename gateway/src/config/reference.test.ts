import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PluginUse, ValueMatch } from './schema-common.ts';
import { GatewaySchema, Registry } from './schema-gateway.ts';
import { ServicesSchema } from './schema-services.ts';
import { TenantSchema } from './schema-tenant.ts';
import { type SchemaView, viewOf } from './schema-view.ts';

/** Parts that stand in several places have tables of their own. */
const SHARED: ReadonlyMap<SchemaView, string> = new Map([
  [viewOf(ValueMatch), 'list of [comparisons](#comparison)'],
  [viewOf(PluginUse), 'list of [plugin uses](#plugin-use)'],
]);

const [nacos, file] = viewOf(Registry).anyOf!;

/** Tables of docs/configuration.md, between `<!-- keys: name -->` and `<!-- end -->`. */
const TABLES: Readonly<Record<string, SchemaView>> = {
  gateway: viewOf(GatewaySchema),
  nacos: nacos!,
  file: file!,
  tenant: viewOf(TenantSchema),
  'plugin use': viewOf(PluginUse),
  comparison: viewOf(ValueMatch),
  services: viewOf(ServicesSchema),
};

/** Every key of a schema as a row of a table: key, value, default, meaning. */
function rowsOf(schema: SchemaView, prefix: string): string[] {
  const rows: string[] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    const [value, meaning] = [valueOf(property), meaningOf(property)];
    // A mapping without words of its own is explained by its keys.
    if (value !== 'mapping' || meaning !== '') {
      rows.push(`| \`${key}\` | ${value} | ${defaultOf(schema, name, property)} | ${meaning} |`);
    }
    rows.push(...rowsBelow(property, key));
  }
  return rows;
}

function rowsBelow(schema: SchemaView, key: string): string[] {
  const { items } = schema;
  if (items !== undefined) return SHARED.has(items) ? [] : rowsBelow(items, `${key}[]`);
  const record = recordOf(schema);
  if (record !== undefined) return record.properties === undefined ? [] : rowsOf(record, `${key}.<name>`);
  // The one union of mappings besides registries is a thing, or a list of it.
  const single = schema.anyOf?.find((branch) => branch.properties !== undefined);
  return rowsOf(single ?? schema, key);
}

function recordOf(schema: SchemaView): SchemaView | undefined {
  return Object.values(schema.patternProperties ?? {})[0];
}

function valueOf(schema: SchemaView): string {
  const { type, items, anyOf, expects } = schema;
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (items !== undefined) return listOf(schema, items);
  if (anyOf !== undefined) return [...new Set(anyOf.map(valueOf))].join(', ');
  const record = recordOf(schema);
  if (record !== undefined) return record.type === 'string' ? 'mapping of text' : 'mapping by name';
  if (type === 'object') return 'mapping';
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'integer' || type === 'number') return `${type}${range(schema.minimum, schema.maximum)}`;
  if (type === undefined) return 'anything';
  if (expects === undefined) return 'text';
  return expects.startsWith('a path') ? 'path' : expects.replace(/^an? (?=\w+)/, '');
}

function listOf({ minItems, maxItems }: SchemaView, items: SchemaView): string {
  const shared = SHARED.get(items);
  if (shared !== undefined) return shared;
  const list = maxItems === undefined ? 'list' : `list (${minItems ?? 0} to ${maxItems})`;
  return items.type === 'object' ? list : `${list}: ${valueOf(items)}`;
}

function range(least: number | undefined, most: number | undefined): string {
  return least === undefined || most === undefined ? '' : ` ${least} to ${most}`;
}

function defaultOf(schema: SchemaView, name: string, property: SchemaView): string {
  if (property.default === undefined) return schema.required?.includes(name) === true ? '**required**' : '–';
  const { default: fallback } = property;
  return fallback === '' ? '`""`' : `\`${JSON.stringify(fallback).replaceAll('"', '')}\``;
}

function meaningOf({ description = '', items }: SchemaView): string {
  return (description || items?.description || '').replaceAll('|', '\\|');
}

describe('docs/configuration.md', () => {
  it('lists every key (vitest -u writes the tables)', async () => {
    const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    const named = new Set<string>();
    const written = page.replace(
      /(<!-- keys: (.*) -->\n)[\s\S]*?(<!-- end -->)/g,
      (_, start: string, name: string, end) => {
        named.add(name);
        const head = '| key | value | default | meaning |\n|---|---|---|---|';
        return `${start}${[head, ...rowsOf(TABLES[name]!, '')].join('\n')}\n${end}`;
      },
    );
    expect([...named].sort()).toEqual(Object.keys(TABLES).sort());
    await expect(written).toMatchFileSnapshot('../../../docs/configuration.md');
  });

  it.each(Object.keys(TABLES))('has a meaning for every key of %s', (name) => {
    const silent = rowsOf(TABLES[name]!, '').filter((row) => row.endsWith('|  |'));
    expect(silent).toEqual([]);
  });
});
