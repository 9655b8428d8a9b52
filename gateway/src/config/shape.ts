import { IsCodec, type StaticDecode, type TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { Value } from 'typebox/value';
import { fillDefaults } from './defaults.ts';
import type { Plain } from './document.ts';
import { TYPOGRAPHIC_QUOTE } from './hosts.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import {
  allowsText,
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
import { fileOf, unbuiltKey, unbuiltValue } from './unsupported.ts';

/**
 * The value with defaults filled in and units decoded, with the problems in `report`: one for each mistake. Unlike the
 * errors of a JSON Schema checker they follow the one branch of a union that was meant, name the nearest known key, and
 * say what would be right. What is wrong is left out of the result, or has a stand-in where it must not be absent, and
 * is settled in `report`, so that the rest can be checked further. Null when nothing can be read.
 */
export function decodeShape<S extends TSchema>(schema: S, value: Plain, report: Report): StaticDecode<S> | null {
  const mended = walk(viewOf(schema), value, [], report);
  if (mended === undefined) return null;
  const filled = fillDefaults(schema, mended);
  // A keyword that the walk does not know; what it refuses must not pass as valid.
  if (report.clean && !compiled(schema).Check(filled)) {
    const overlooked = Value.Errors(schema, filled)[0]!;
    const path = overlooked.instancePath.split('/').slice(1);
    const keys = path.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    report.add(keys, 'SLUICE_CONFIG_VALUE', overlooked.message, 'see the JSON Schema of the configuration');
    return null;
  }
  return decodeUnits(viewOf(schema), filled) as StaticDecode<S>;
}

/**
 * The same for a value inside a file, by a schema of its own that no code is generated from: problems alone, and neither
 * defaults nor units.
 */
export function checkShape(schema: SchemaView, value: Plain, path: Path, report: Report): void {
  walk(schema, value, path, report);
}

const validators = new WeakMap<object, Validator>();

/** A schema's check as generated code: fifteen times as fast as interpreting the schema. */
function compiled(schema: SchemaView | TSchema): Validator {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema);
    validators.set(schema, validator);
  }
  return validator;
}

/** Whether a text, number or truth value is valid. */
function fits(schema: SchemaView, value: Plain): boolean {
  return schema.fits === undefined ? compiled(schema).Check(value) : schema.fits(value);
}

/** A decoded copy; as `Value.Decode`, also of a stand-in that the schema would refuse, and without checking all again. */
function decodeUnits(schema: SchemaView, value: Plain): unknown {
  let decoded: unknown = value;
  if (typeof value === 'object' && value !== null) {
    const meant = schema.anyOf === undefined ? schema : (chooseBranch(schema.anyOf, value) ?? NO_SCHEMA);
    if (Array.isArray(value)) {
      const items = meant.items ?? NO_SCHEMA;
      decoded = value.map((item) => decodeUnits(items, item));
    } else {
      const copy: Record<string, unknown> = {};
      for (const key of Object.keys(value)) copy[key] = decodeUnits(childSchema(meant, key) ?? NO_SCHEMA, value[key]!);
      decoded = copy;
    }
  }
  return IsCodec(schema) ? schema['~codec'].decode(decoded) : decoded;
}

const NO_SCHEMA: SchemaView = {};

/** A value of the right type for one that must be there and cannot be read. Never valid, but where any value is. */
function standIn(schema: SchemaView): Plain {
  if (schema.const !== undefined) return schema.const;
  if (schema.anyOf !== undefined) return standIn(schema.anyOf[0]!);
  const required = () => requiredKeys(schema).map((key) => [key, standIn(schema.properties![key]!)]);
  if (schema.type === 'object') return Object.fromEntries(required());
  if (schema.type === 'array') return [];
  if (schema.type === 'boolean') return false;
  return schema.type === 'string' ? '' : 0;
}

/** The value without what is wrong; undefined when it is wrong as a whole. */
function walk(schema: SchemaView, value: Plain, path: Path, report: Report): Plain | undefined {
  const unbuilt = unbuiltValue(path, value);
  if (unbuilt !== undefined) {
    report.add(path, 'SLUICE_CONFIG_UNSUPPORTED', `not supported yet: ${unbuilt.feature}`, unbuilt.remedy);
    return undefined;
  }
  if (schema.anyOf !== undefined) return walkUnion(schema, schema.anyOf, value, path, report);
  if (schema.type === 'object') return walkMapping(schema, value, path, report);
  if (schema.type === 'array') return walkList(schema, value, path, report);
  if (schema.type === undefined || fits(schema, value)) return value;
  wrong(schema, value, path, report);
  return undefined;
}

function walkUnion(
  schema: SchemaView,
  branches: readonly SchemaView[],
  value: Plain,
  path: Path,
  report: Report,
): Plain | undefined {
  const branch = chooseBranch(branches, value);
  if (branch !== null) return walk(branch, value, path, report);
  const kinds = branches.filter((option) => option.properties?.['type']?.const !== undefined);
  if (isMapping(value) && kinds.length > 1) walkKind(kinds, value, path, report);
  else wrong(schema, value, path, report);
  return undefined;
}

/** Mappings that differ by their key `type`, which here names none of them. */
function walkKind(kinds: readonly SchemaView[], value: PlainMap, path: Path, report: Report): void {
  const types: SchemaView = { anyOf: kinds.map((kind) => kind.properties!['type']!) };
  if (value['type'] === undefined) missing('type', types, path, report);
  else walk(types, value['type'], [...path, 'type'], report);
}

function walkMapping(schema: SchemaView, value: Plain, path: Path, report: Report): Plain | undefined {
  if (!isMapping(value)) {
    wrong(schema, value, path, report);
    return undefined;
  }
  const slips = new Set<string>();
  const mended: PlainMap = {};
  for (const [key, child] of Object.entries(value)) {
    const inner = childSchema(schema, key);
    const at = [...path, key];
    let kept: Plain | undefined;
    if (inner === undefined) unknownKey(schema, key, at, report, slips);
    else if (schema.properties === undefined && !keyFits(schema, key)) badKey(key, at, report);
    else kept = walk(inner, child, at, report);
    if (kept === undefined) report.settle(at);
    // The names of a record count even when what they stand for cannot be read.
    if (kept === undefined && inner !== undefined && schema.properties === undefined) kept = standIn(inner);
    if (kept !== undefined) mended[key] = kept;
  }
  const absent = [...slips, ...requiredKeys(schema)].filter((key) => !Object.hasOwn(value, key));
  for (const key of absent) {
    if (!slips.has(key)) missing(key, schema.properties![key]!, path, report);
    report.settle([...path, key]);
  }
  for (const key of requiredKeys(schema)) mended[key] ??= standIn(schema.properties![key]!);
  return mended;
}

/** @param slips collects the known keys that were meant, so that they are not reported as missing too. */
function unknownKey(schema: SchemaView, key: string, path: Path, report: Report, slips: Set<string>): void {
  const unbuilt = unbuiltKey(path);
  if (unbuilt !== undefined) {
    const message = `not supported yet: ${unbuilt.feature}`;
    return report.add(path, 'SLUICE_CONFIG_UNSUPPORTED', message, unbuilt.remedy, 'key');
  }
  const known = Object.keys(schema.properties ?? {});
  const meant = nearest(key, known);
  if (meant !== undefined) slips.add(meant);
  const place = meant === undefined ? placeOf(schema, key) : undefined;
  if (place !== undefined) slips.add(place);
  let remedy = suggest(key, known, 'remove it');
  if (place !== undefined) remedy = `write it inside ${place}`;
  else if (key.startsWith('//')) remedy = 'begin a comment with #';
  else if (fileOf(key, known) !== undefined) remedy = `it belongs in ${fileOf(key, known)}`;
  report.add(path, 'SLUICE_CONFIG_UNKNOWN_KEY', 'unknown key', remedy, 'key');
}

/** The one key whose mapping has this key, for one that was written too far out. */
function placeOf({ properties = {} }: SchemaView, key: string): string | undefined {
  const places = Object.keys(properties).filter((name) => Object.hasOwn(properties[name]?.properties ?? {}, key));
  return places.length === 1 ? places[0] : undefined;
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

function walkList(schema: SchemaView, value: Plain, path: Path, report: Report): Plain | undefined {
  if (!Array.isArray(value)) {
    wrong(schema, value, path, report);
    return undefined;
  }
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  const items = schema.items ?? {};
  const kept =
    value.length > maxItems ? [] : value.map((item, index) => walkItem(items, item, [...path, index], report));
  if (schema.uniqueItems === true) repeatedItems(value, path, report);
  if (value.length >= minItems && value.length <= maxItems) return kept;
  const message = value.length === 0 ? 'the list is empty' : `the list has ${value.length} items`;
  const remedy = value.length < minItems ? `give at least ${minItems}` : `give at most ${maxItems}`;
  report.add(path, 'SLUICE_CONFIG_VALUE', message, remedy);
  return undefined;
}

function repeatedItems(list: readonly Plain[], path: Path, report: Report): void {
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    const text = JSON.stringify(item);
    if (seen.has(text)) report.add([...path, index], 'SLUICE_CONFIG_VALUE', 'the item is there twice', 'give it once');
    seen.add(text);
  }
}

/** Positions count, so that an item that cannot be read keeps its own. */
function walkItem(schema: SchemaView, item: Plain, path: Path, report: Report): Plain {
  const kept = walk(schema, item, path, report);
  if (kept !== undefined) return kept;
  report.settle(path);
  return standIn(schema);
}

/** One problem for a value that is of the wrong type, or of the right one and out of bounds. */
function wrong(schema: SchemaView, value: Plain, path: Path, report: Report): void {
  if (value === null) {
    return report.add(path, 'SLUICE_CONFIG_VALUE', 'the value is missing', `give ${expectation(schema)}`);
  }
  const [message, remedy] = (typeof value === 'object' ? null : quotesAmiss(schema, value, path, report)) ?? [
    `${show(value)} is not valid here`,
    (typeof value === 'string' ? slipOf(schema, value) : null) ?? `give ${expectation(schema)}`,
  ];
  report.add(path, 'SLUICE_CONFIG_VALUE', message, remedy);
}

type Words = readonly [message: string, remedy: string];

/** Words for text without quotes that YAML takes for a number or truth value, and for those in quotes. */
function quotesAmiss(schema: SchemaView, value: string | number | boolean, path: Path, report: Report): Words | null {
  if (typeof value === 'string') {
    if (schema.writeOnly === true) return ['the value is not valid here', `give ${expectation(schema)}`];
    // From outside it has no quotes, and is not for telling.
    if (report.sourceOf(path) === undefined) return null;
    const bare = /^(true|false|-?\d{1,15}(\.\d+)?)$/.test(value) ? (JSON.parse(value) as boolean | number) : value;
    if (bare === value || !fits(schema, bare)) return null;
    return [`${show(value)} is text, not a ${typeof bare}`, `remove the quotes: ${value}`];
  }
  // A password is not told, though it be wrong.
  if (path.at(-1) === 'password' || schema.writeOnly === true) {
    if (allowsText(schema)) return ['the value is not text', 'put it in quotes'];
    return ['the value is not valid here', `give ${expectation(schema)}`];
  }
  const written = report.sourceOf(path) ?? String(value);
  const quoted = fits(schema, written);
  if (!quoted && (schema.type !== 'string' || schema.const !== undefined)) return null;
  const remedy = quoted ? `put it in quotes: "${written}"` : `give ${expectation(schema)}`;
  return [`${written} is a ${typeof value}, not text`, remedy];
}

/** The remedy for text where something else was meant, if that can be guessed. */
function slipOf(schema: SchemaView, text: string): string | null {
  const near = nearest(text, constantsOf(schema).map(String));
  if (near !== undefined) return `did you mean ${near}?`;
  if (TYPOGRAPHIC_QUOTE.test(text)) return 'use plain quotes: " or \'';
  if (schema.type === 'object' && /^[A-Za-z]+:(?!\/\/)\S/.test(text)) return 'write a space after the colon';
  if (schema.type === 'array' && /^-\S/.test(text)) return 'write a space after the dash';
  return null;
}
