import { schemaJson } from '../config/json-schema.ts';

/** Files that have a schema. */
export const SCHEMA_KINDS = ['gateway', 'tenant', 'services'] as const;
export type SchemaKind = (typeof SCHEMA_KINDS)[number];

/** `sluice schema`: the JSON Schema of a configuration file as text, without a last line end. */
export function schemaText(kind: SchemaKind): string {
  return JSON.stringify(schemaJson(kind), null, 2);
}
