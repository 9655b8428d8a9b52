import type { StaticDecode, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { fillDefaults } from './defaults.ts';
import type { Plain } from './document.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import {
  childSchema,
  chooseBranch,
  constantsOf,
  expectation,
  isMapping,
  type PlainMap,
  requiredKeys,
  type SchemaView,
  viewOf,
} from './schema-view.ts';
import { nearest, suggest } from './suggest.ts';
import { unbuiltKey, unbuiltValue } from './unsupported.ts';

/**
 * The value with defaults filled in and units decoded, or null with the problems in `report`: one for each mistake.
 * Unlike the errors of a JSON Schema checker they follow the one branch of a union that was meant, name the nearest
 * known key, and say what would be right.
 */
export function decodeShape<S extends TSchema>(schema: S, value: Plain, report: Report): StaticDecode<S> | null {
  walk(viewOf(schema), value, [], report);
  if (!report.clean) return null;
  const filled = fillDefaults(schema, value);
  try {
    return Value.Decode(schema, filled);
  } catch (error) {
    // A keyword that the walk does not know; what it refuses must not pass as valid.
    const overlooked = Value.Errors(schema, filled)[0];
    if (overlooked === undefined) throw error;
    const path = overlooked.instancePath.split('/').slice(1);
    const keys = path.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    report.add(keys, 'SLUICE_CONFIG_VALUE', overlooked.message, 'see the JSON Schema of the configuration');
    return null;
  }
}

function walk(schema: SchemaView, value: Plain, path: Path, report: Report): void {
  const unbuilt = unbuiltValue(path, value);
  if (unbuilt !== undefined) {
    report.add(path, 'SLUICE_CONFIG_UNSUPPORTED', `not supported yet: ${unbuilt.feature}`, unbuilt.remedy);
  } else if (schema.anyOf !== undefined) walkUnion(schema, schema.anyOf, value, path, report);
  else if (schema.type === 'object') walkMapping(schema, value, path, report);
  else if (schema.type === 'array') walkList(schema, value, path, report);
  else if (schema.type !== undefined && !Value.Check(schema as TSchema, value)) wrong(schema, value, path, report);
}

function walkUnion(
  schema: SchemaView,
  branches: readonly SchemaView[],
  value: Plain,
  path: Path,
  report: Report,
): void {
  const branch = chooseBranch(branches, value);
  if (branch !== null) return walk(branch, value, path, report);
  const kinds = branches.filter((option) => option.properties?.['type']?.const !== undefined);
  if (isMapping(value) && kinds.length > 1) return walkKind(kinds, value, path, report);
  wrong(schema, value, path, report);
}

/** Mappings that differ by their key `type`. */
function walkKind(kinds: readonly SchemaView[], value: PlainMap, path: Path, report: Report): void {
  const types: SchemaView = { anyOf: kinds.map((kind) => kind.properties!['type']!) };
  if (value['type'] === undefined) missing('type', types, path, report);
  else walk(types, value['type'], [...path, 'type'], report);
}

function walkMapping(schema: SchemaView, value: Plain, path: Path, report: Report): void {
  if (!isMapping(value)) return wrong(schema, value, path, report);
  const known = Object.keys(schema.properties ?? {});
  const slips = new Set<string>();
  for (const [key, child] of Object.entries(value)) {
    const inner = childSchema(schema, key);
    if (inner === undefined) unknownKey(key, known, [...path, key], report, slips);
    else if (schema.properties === undefined && !keyFits(schema, key)) badKey(key, [...path, key], report);
    else walk(inner, child, [...path, key], report);
  }
  for (const key of requiredKeys(schema)) {
    if (!Object.hasOwn(value, key) && !slips.has(key)) missing(key, schema.properties![key]!, path, report);
  }
}

/** @param slips collects the known keys that were meant, so that they are not reported as missing too. */
function unknownKey(key: string, known: readonly string[], path: Path, report: Report, slips: Set<string>): void {
  const unbuilt = unbuiltKey(path);
  if (unbuilt !== undefined) {
    const message = `not supported yet: ${unbuilt.feature}`;
    return report.add(path, 'SLUICE_CONFIG_UNSUPPORTED', message, unbuilt.remedy, 'key');
  }
  const meant = nearest(key, known);
  if (meant !== undefined) slips.add(meant);
  report.add(path, 'SLUICE_CONFIG_UNKNOWN_KEY', 'unknown key', suggest(key, known, 'remove it'), 'key');
}

function keyFits(schema: SchemaView, key: string): boolean {
  const pattern = Object.keys(schema.patternProperties ?? {})[0];
  return pattern === undefined || new RegExp(pattern, 's').test(key);
}

function badKey(key: string, path: Path, report: Report): void {
  const remedy = 'use a name of letters, digits and dashes';
  report.add(path, 'SLUICE_CONFIG_VALUE', `${show(key)} cannot be a name here`, remedy, 'key');
}

function missing(key: string, schema: SchemaView, path: Path, report: Report): void {
  const remedy = `add ${key}: ${expectation(schema)}`;
  report.add(path, 'SLUICE_CONFIG_MISSING_KEY', `the key ${key} is missing`, remedy);
}

function walkList(schema: SchemaView, value: Plain, path: Path, report: Report): void {
  if (!Array.isArray(value)) return wrong(schema, value, path, report);
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  if (value.length < minItems) {
    const message = value.length === 0 ? 'the list is empty' : `the list has ${value.length} items`;
    report.add(path, 'SLUICE_CONFIG_VALUE', message, `give at least ${minItems}`);
  }
  if (value.length > maxItems) {
    return report.add(path, 'SLUICE_CONFIG_VALUE', `the list has ${value.length} items`, `give at most ${maxItems}`);
  }
  for (const [index, item] of value.entries()) walk(schema.items ?? {}, item, [...path, index], report);
}

/** One problem for a value that is of the wrong type, or of the right one and out of bounds. */
function wrong(schema: SchemaView, value: Plain, path: Path, report: Report): void {
  if (value === null) {
    return report.add(path, 'SLUICE_CONFIG_VALUE', 'the value is missing', `give ${expectation(schema)}`);
  }
  const isText = typeof value === 'string';
  if (schema.type === 'string' && schema.const === undefined && !isText && typeof value !== 'object') {
    const written = report.sourceOf(path) ?? String(value);
    const quoted = Value.Check(schema as TSchema, written);
    const remedy = quoted ? `put it in quotes: "${written}"` : `give ${expectation(schema)}`;
    return report.add(path, 'SLUICE_CONFIG_VALUE', `${written} is a ${typeof value}, not text`, remedy);
  }
  const words = constantsOf(schema).map(String);
  const near = isText ? nearest(value, words) : undefined;
  const remedy = near === undefined ? `give ${expectation(schema)}` : `did you mean ${near}?`;
  report.add(path, 'SLUICE_CONFIG_VALUE', `${show(value)} is not valid here`, remedy);
}
