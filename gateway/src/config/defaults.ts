import type { TSchema } from 'typebox';
import type { Plain } from './document.ts';
import { childSchema, chooseBranch, isMapping, type PlainMap, type SchemaView, viewOf } from './schema-view.ts';

/**
 * A copy of `value` with the defaults of the schema where keys are absent. (`Value.Default` leaves the values of a
 * record alone, and checks every branch of a union.)
 */
export function fillDefaults(schema: TSchema, value: Plain): Plain {
  return fill(viewOf(schema), value);
}

function fill(schema: SchemaView, value: Plain): Plain {
  if (typeof value !== 'object' || value === null) return value;
  const meant = schema.anyOf === undefined ? schema : (chooseBranch(schema.anyOf, value) ?? {});
  if (Array.isArray(value)) {
    const items = meant.items ?? {};
    return value.map((item) => fill(items, item));
  }
  if (meant.type === 'object' || meant.type === undefined) return fillMapping(meant, value);
  return value;
}

function fillMapping(schema: SchemaView, value: PlainMap): PlainMap {
  const result: PlainMap = {};
  for (const [key, child] of Object.entries(value)) result[key] = fill(childSchema(schema, key) ?? {}, child);
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (Object.hasOwn(value, key) || property.default === undefined) continue;
    // Defaults are constants of the schema, so that only mappings among them need filling in turn.
    result[key] = isMapping(property.default) ? fill(property, {}) : (structuredClone(property.default) as Plain);
  }
  return result;
}
