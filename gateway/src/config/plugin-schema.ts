import { RE2JS } from 're2js';
import { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { compileRegex } from '../core/regex.ts';
import type { Plain } from './document.ts';
import { formatPath, type Path, quote, shorten } from './problem.ts';
import { isMapping, type SchemaView } from './schema-view.ts';

/** The JSON Schema of a plugin's configuration, checked and ready for use: see `readPluginSchema`. */
export type PluginSchema = SchemaView & { readonly type: 'object' };

/** What became of an author's JSON Schema. */
export type PluginSchemaReading =
  | { readonly schema: PluginSchema; readonly problem: '' }
  /** Where it is wrong, and why. */
  | { readonly schema: null; readonly problem: string };

type Type = NonNullable<SchemaView['type']>;
type Matcher = (text: string) => boolean;

/** What a value would be, in words: for patterns that say too little to a reader of a message. */
const EXPECTS = 'x-expects';
const MOST_WORDS = 120;

/** They say something to people, and nothing about what is valid. */
const NOTES: readonly string[] = [
  '$schema',
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'format',
  EXPECTS,
];

const NUMBER = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'];

/** Keywords beside the notes, by type. */
const KEYWORDS: Readonly<Record<Type, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['minLength', 'maxLength', 'pattern'],
  integer: NUMBER,
  number: NUMBER,
  boolean: [],
};

/** A schema that is not taken; the message says where and why. */
class SchemaFault extends Error {
  constructor(path: Path, reason: string) {
    super(shorten(path.length === 0 ? reason : `${formatPath(path)}: ${reason}`));
  }
}

/**
 * Reads the JSON Schema (2020-12) that a plugin's author gives. It may come from anybody: it is bounded, refers to
 * nothing outside, its patterns are matched in linear time, and no code is generated from it. A keyword that would not be
 * checked is refused, so that what passes is valid. Never throws.
 */
export function readPluginSchema(raw: unknown): PluginSchemaReading {
  try {
    const schema = new SchemaReader(raw).read(raw, []);
    if (schema.type !== 'object')
      throw new SchemaFault([], 'the configuration of a plugin is an object; give type: object');
    return { schema: schema as PluginSchema, problem: '' };
  } catch (error) {
    if (!(error instanceof SchemaFault)) throw error;
    return { schema: null, problem: error.message };
  }
}

class SchemaReader {
  readonly #definitions: Readonly<Record<string, unknown>>;
  /** References that are being followed. */
  readonly #open = new Set<string>();
  /** Definitions that have been read, with the number of their parts. */
  readonly #read = new Map<string, { readonly node: SchemaView; readonly parts: number }>();
  readonly #patterns = new Map<string, Matcher>();
  /** What is being read stands in something that is `writeOnly`, and is to be told no more than that. */
  #hidden = false;
  #nodes = 0;
  #patternCost = 0;

  constructor(root: unknown) {
    const definitions = isMapping(root) ? root['$defs'] : undefined;
    this.#definitions = isMapping(definitions) ? definitions : {};
  }

  read(raw: unknown, path: Path): SchemaView {
    this.#count(1, path);
    if (path.length > LIMITS.configDepth) throw new SchemaFault(path.slice(0, 8), 'nested too deep');
    if (raw === true) return {};
    if (!isMapping(raw)) throw new SchemaFault(path, 'this is no schema that a value could meet');
    const { description, default: preset, [EXPECTS]: expects } = raw;
    const around = this.#hidden;
    const writeOnly = around || raw['writeOnly'] === true;
    this.#hidden = writeOnly;
    const node = this.#readKind(raw, path);
    this.#hidden = around;
    return {
      ...node,
      ...(typeof description === 'string' && { description }),
      ...(preset !== undefined && { default: preset }),
      ...(writeOnly && { writeOnly }),
      ...(typeof expects === 'string' && { expects: expects.slice(0, MOST_WORDS) }),
    };
  }

  #count(parts: number, path: Path): void {
    this.#nodes += parts;
    if (this.#nodes <= LIMITS.pluginSchemaNodes) return;
    throw new SchemaFault(path, `the schema has more than ${LIMITS.pluginSchemaNodes} parts, references unfolded`);
  }

  #readKind(raw: Readonly<Record<string, Plain>>, path: Path): SchemaView {
    if (raw['$ref'] !== undefined) return this.#follow(raw, path);
    if (raw['anyOf'] !== undefined) return this.#union(raw, path);
    if (raw['enum'] !== undefined) return choices(raw, path);
    if (raw['const'] !== undefined) return constant(raw, raw['const'], path);
    const type = raw['type'];
    if (type === undefined) {
      only(raw, [], path, ' without type');
      return {};
    }
    if (typeof type !== 'string' || !Object.hasOwn(KEYWORDS, type)) {
      throw new SchemaFault([...path, 'type'], `must be one of ${Object.keys(KEYWORDS).join(', ')}`);
    }
    only(raw, ['type', ...KEYWORDS[type as Type]], path, ` in a schema of type ${type}`);
    if (type === 'object') return this.#object(raw, path);
    if (type === 'array') return this.#array(raw, path);
    return type === 'string' ? this.#text(raw, path) : scalar(raw, type as Type, path);
  }

  #follow(raw: Readonly<Record<string, Plain>>, path: Path): SchemaView {
    only(raw, ['$ref'], path, ' beside $ref');
    const reference = raw['$ref'];
    const name = typeof reference === 'string' ? /^#\/\$defs\/([^/~%]+)$/.exec(reference)?.[1] : undefined;
    const at = [...path, '$ref'];
    if (name === undefined) throw new SchemaFault(at, 'only references such as #/$defs/name are followed');
    if (!Object.hasOwn(this.#definitions, name)) throw new SchemaFault(at, `there is no ${quote(name)} in $defs`);
    if (this.#open.has(name)) throw new SchemaFault(at, 'a definition that holds itself is not followed');
    const key = `${this.#hidden ? 'hidden' : 'plain'} ${name}`;
    const known = this.#read.get(key);
    if (known !== undefined) {
      this.#count(known.parts, at);
      return known.node;
    }
    this.#open.add(name);
    const before = this.#nodes;
    const node = this.read(this.#definitions[name], at);
    this.#open.delete(name);
    this.#read.set(key, { node, parts: this.#nodes - before });
    return node;
  }

  /** The branch that a value is held against follows from its type; so there is one for each. */
  #union(raw: Readonly<Record<string, Plain>>, path: Path): SchemaView {
    only(raw, ['anyOf'], path, ' beside anyOf');
    const branches = raw['anyOf'];
    if (!Array.isArray(branches) || branches.length === 0) throw new SchemaFault([...path, 'anyOf'], 'must be a list');
    const anyOf = branches
      .map((branch, index) => this.read(branch, [...path, 'anyOf', index]))
      .flatMap((branch) => branch.anyOf ?? [branch]);
    const kinds = anyOf
      .filter((branch) => branch.const === undefined)
      .map(({ type }) => (type === 'integer' ? 'number' : type));
    if (kinds.includes(undefined) || new Set(kinds).size < kinds.length) {
      throw new SchemaFault([...path, 'anyOf'], 'the branches must differ in their type');
    }
    return { anyOf, fits: (value) => anyOf.some((branch) => branch.fits?.(value) === true) };
  }

  #object(raw: Readonly<Record<string, Plain>>, path: Path): SchemaView {
    const { properties: given = {}, required: named = [], additionalProperties: others = true } = raw;
    if (!isMapping(given)) throw new SchemaFault([...path, 'properties'], 'must be an object of schemas');
    if (!Array.isArray(named) || !named.every((key) => typeof key === 'string')) {
      throw new SchemaFault([...path, 'required'], 'must be a list of names');
    }
    const required = new Set(named);
    const stray = named.find((key) => !Object.hasOwn(given, key));
    if (stray !== undefined)
      throw new SchemaFault([...path, 'required'], `${quote(stray)} is not one of the properties`);
    const read = ([key, child]: [string, Plain]): [string, SchemaView] => {
      const { default: preset, ...node } = this.read(child, [...path, 'properties', key]);
      // What must be written must be, whatever its author would take in its place.
      return [key, preset === undefined || required.has(key) ? node : { ...node, default: preset }];
    };
    const properties = Object.fromEntries(Object.entries(given).map(read));
    const rest = others === false ? undefined : this.read(others, [...path, 'additionalProperties']);
    const keys = { required: [...required], ...(rest === undefined ? {} : { rest }) };
    // Without names of its own it is a mapping by names of others.
    const known = Object.keys(properties).length > 0 || rest === undefined ? { properties } : {};
    return { type: 'object', ...known, ...keys, fits: never };
  }

  #array(raw: Readonly<Record<string, Plain>>, path: Path): SchemaView {
    const sizes = countsOf(raw, ['minItems', 'maxItems'], path);
    const items = raw['items'] === undefined ? {} : this.read(raw['items'], [...path, 'items']);
    return { type: 'array', items, ...sizes, uniqueItems: raw['uniqueItems'] === true, fits: never };
  }

  #text(raw: Readonly<Record<string, Plain>>, path: Path): SchemaView {
    const bounds = countsOf(raw, ['minLength', 'maxLength'], path);
    const { minLength = 0, maxLength = Infinity } = bounds;
    const { pattern } = raw;
    const at = [...path, 'pattern'];
    if (pattern !== undefined && typeof pattern !== 'string') throw new SchemaFault(at, 'must be text');
    const matches = pattern === undefined ? null : this.#matcher(pattern, at);
    const fits = (value: Plain): boolean =>
      typeof value === 'string' && lengthFits(value, minLength, maxLength) && (matches === null || matches(value));
    const expects = pattern === undefined ? {} : { expects: `text that matches ${shown(pattern)}` };
    return { type: 'string', ...bounds, ...expects, fits };
  }

  #matcher(pattern: string, path: Path): Matcher {
    const known = this.#patterns.get(pattern);
    if (known !== undefined) return known;
    const { cost, matches } = linearPattern(pattern, path);
    this.#patternCost += cost;
    if (this.#patternCost > LIMITS.pluginSchemaPatternCost) {
      throw new SchemaFault(path, 'the patterns of this schema are too costly together; give fewer or shorter ones');
    }
    this.#patterns.set(pattern, matches);
    return matches;
  }
}

/** Lists and mappings are looked into, and never held against a schema as a whole. */
const never = (): boolean => false;

function only(raw: Readonly<Record<string, Plain>>, keywords: readonly string[], path: Path, where: string): void {
  const allowed = path.length === 0 ? [...keywords, '$defs'] : keywords;
  const other = Object.keys(raw).find((key) => !allowed.includes(key) && !NOTES.includes(key));
  if (other !== undefined) throw new SchemaFault(path, `the keyword ${quote(other)} is not checked here${where}`);
}

function choices(raw: Readonly<Record<string, Plain>>, path: Path): SchemaView {
  const values = raw['enum'];
  if (!Array.isArray(values) || values.length === 0) throw new SchemaFault([...path, 'enum'], 'must be a list');
  only(raw, ['enum', 'type'], path, ' beside enum');
  const anyOf = values.map((value) => constant({ ...raw, enum: [] }, value, [...path, 'enum']));
  const listed = new Set(values);
  return { anyOf, fits: (value) => listed.has(value) };
}

function constant(raw: Readonly<Record<string, Plain>>, value: Plain, path: Path): SchemaView {
  only(raw, ['const', 'enum', 'type'], path, ' beside const');
  const type = typeof value;
  if (type !== 'string' && type !== 'number' && type !== 'boolean') {
    throw new SchemaFault(path, 'only text, numbers, true and false can be listed');
  }
  return { type, const: value as string | number | boolean, fits: (other) => other === value };
}

function scalar(raw: Readonly<Record<string, Plain>>, type: Type, path: Path): SchemaView {
  if (type === 'boolean') return { type, fits: (value) => typeof value === 'boolean' };
  const bounds = numbersOf(raw, NUMBER, path);
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = bounds;
  const { multipleOf } = bounds;
  const fits = (value: Plain): boolean =>
    typeof value === 'number' &&
    (type === 'number' || Number.isInteger(value)) &&
    value >= minimum &&
    value <= maximum &&
    value > exclusiveMinimum &&
    value < exclusiveMaximum &&
    (multipleOf === undefined || isMultiple(value, multipleOf));
  return { type, ...bounds, ...stepsOf(type, bounds), fits };
}

/** Fractions of ten are not exact. */
function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

/** Words for bounds that have none elsewhere. */
function stepsOf(type: Type, bounds: Readonly<Record<string, number>>): { readonly expects?: string } {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = bounds;
  if (exclusiveMinimum === undefined && exclusiveMaximum === undefined && multipleOf === undefined) return {};
  const words = [
    minimum === undefined ? '' : ` from ${minimum} on`,
    exclusiveMinimum === undefined ? '' : ` above ${exclusiveMinimum}`,
    maximum === undefined ? '' : ` up to ${maximum}`,
    exclusiveMaximum === undefined ? '' : ` below ${exclusiveMaximum}`,
    multipleOf === undefined ? '' : ` in steps of ${multipleOf}`,
  ];
  return { expects: `a ${type === 'integer' ? 'whole number' : 'number'}${words.join('')}` };
}

/** Characters count, of which some are two units of a string. */
function lengthFits(value: string, least: number, most: number): boolean {
  if (value.length < least || value.length > 2 * most) return false;
  if (value.length >= 2 * least && value.length <= most) return true;
  const { length } = Array.from(value);
  return length >= least && length <= most;
}

function countsOf(raw: Readonly<Record<string, Plain>>, keys: readonly string[], path: Path): Record<string, number> {
  const counts = numbersOf(raw, keys, path);
  for (const [key, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 0)
      throw new SchemaFault([...path, key], 'must be a whole number from 0 on');
  }
  return counts;
}

function numbersOf(raw: Readonly<Record<string, Plain>>, keys: readonly string[], path: Path): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const key of keys) {
    const value = raw[key];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isFinite(value) || (key === 'multipleOf' && value <= 0)) {
      throw new SchemaFault([...path, key], 'must be a number');
    }
    numbers[key] = value;
  }
  return numbers;
}

/** What tells, in time linear in a text, whether it has a match somewhere: what is too long to be looked at has none. */
function linearPattern(source: string, path: Path): { readonly cost: number; readonly matches: Matcher } {
  try {
    // For its bounds: what unfolds to too many steps is refused.
    const { inputLimit, cost } = compileRegex(source);
    const compiled = RE2JS.compile(source);
    return { cost, matches: (text) => text.length <= inputLimit && compiled.matcher(text).find() };
  } catch (error) {
    const reason = error instanceof GatewayError ? error.detail : (error as Error).message;
    throw new SchemaFault(path, `the pattern is not taken: ${reason}`);
  }
}

function shown(pattern: string): string {
  return quote(pattern.length > 80 ? `${pattern.slice(0, 80)}…` : pattern);
}
