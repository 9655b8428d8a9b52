import type { ConfigDocument, Plain } from './document.ts';
import { type PluginSchema, readPluginSchema } from './plugin-schema.ts';
import type { Path, Problem } from './problem.ts';
import { Report } from './report.ts';
import { checkShape } from './shape.ts';

const schemas = new WeakMap<object, PluginSchema | null>();

/** The schema of a manifest, made ready once; null: it cannot be checked against. */
export function pluginSchemaOf(raw: object): PluginSchema | null {
  let schema = schemas.get(raw);
  if (schema === undefined) {
    ({ schema } = readPluginSchema(raw));
    schemas.set(raw, schema);
  }
  return schema;
}

/**
 * Checks the configuration of one use of a plugin against the schema that its module carries.
 * @param raw JSON Schema of the manifest; one that is no good checks nothing
 * @param config with the values of secrets
 * @param path of the configuration in the file
 */
export function checkPluginConfig(raw: object, config: Plain, path: Path, report: Report): void {
  const schema = pluginSchemaOf(raw);
  if (schema !== null) checkShape(schema, config, path, report);
}

const NOWHERE: ConfigDocument = {
  value: undefined,
  problems: [],
  locate: () => ({ line: 0, column: 0 }),
  sourceOf: () => undefined,
};

/** The same for a configuration that stands in no file: problems have keys from `config` on, and no place. */
export function pluginConfigProblems(raw: object, config: Plain): readonly Problem[] {
  const report = new Report('', NOWHERE);
  checkPluginConfig(raw, config, ['config'], report);
  return report.problems();
}
