import type { TSchema } from 'typebox';
import type { Plain } from './document.ts';

/** The keywords of JSON Schema that the configuration schemas use, as a reader of schemas sees them. */
export interface SchemaView {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  readonly properties?: Readonly<Record<string, SchemaView>>;
  readonly patternProperties?: Readonly<Record<string, SchemaView>>;
  readonly required?: readonly string[];
  readonly items?: SchemaView;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly anyOf?: readonly SchemaView[];
  readonly const?: string | number | boolean;
  readonly default?: unknown;
  readonly description?: string;
  readonly expects?: string;
  /** The value is a secret, and not to be told. */
  readonly writeOnly?: boolean;
  /** Schema of what stands at keys that are not in `properties`; absent: there are no others. */
  readonly rest?: SchemaView;
  /** Whether a text, number or truth value is valid: of schemas that no code may be generated from. */
  readonly fits?: (value: Plain) => boolean;
}

/** TypeBox schemas are JSON Schema objects; this is the same object. */
export function viewOf(schema: TSchema): SchemaView {
  return schema;
}

export type PlainMap = { [key: string]: Plain };

export function isMapping(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys that must be written: those that are neither optional nor have a default. */
export function requiredKeys(schema: SchemaView): string[] {
  return (schema.required ?? []).filter((key) => schema.properties?.[key]?.default === undefined);
}

/** Schema of the value at `key`, or undefined when the key means nothing. */
export function childSchema(schema: SchemaView, key: string): SchemaView | undefined {
  if (schema.properties !== undefined) {
    return Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.rest;
  }
  return Object.values(schema.patternProperties ?? {})[0] ?? schema.rest;
}

/** Whether text may stand here, and so a reference to a secret: a string, or anything. */
export function allowsText(schema: SchemaView): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some(allowsText);
  return schema.type === 'string' || schema.type === undefined;
}

/** The branch of a union that the writer of `value` meant, or null when that cannot be told. */
export function chooseBranch(branches: readonly SchemaView[], value: Plain): SchemaView | null {
  if (isMapping(value)) {
    const mappings = branches.filter((branch) => branch.type === 'object');
    if (mappings.length <= 1) return mappings[0] ?? null;
    return mappings.find((branch) => branch.properties?.['type']?.const === value['type']) ?? null;
  }
  const type = Array.isArray(value) ? 'array' : typeof value;
  const fitting = branches.filter((branch) => branch.type === type || (branch.type === 'integer' && type === 'number'));
  const exact = fitting.find((branch) => branch.const === value);
  if (exact !== undefined) return exact;
  return fitting.length === 1 && fitting[0]!.const === undefined ? fitting[0]! : null;
}

/** What the constants of a union are; empty when it has none. */
export function constantsOf(schema: SchemaView): (string | number | boolean)[] {
  const branches = schema.anyOf ?? [schema];
  return branches.flatMap((branch) => (branch.const === undefined ? [] : [branch.const]));
}

/** What would be right here, to follow "give": `a whole number from 0 to 65535`. */
export function expectation(schema: SchemaView): string {
  if (schema.expects !== undefined) return schema.expects;
  if (schema.anyOf !== undefined) return unionExpectation(schema.anyOf);
  if (schema.const !== undefined) return constantText(schema.const);
  if (schema.type === undefined) return 'a value';
  return EXPECTATIONS[schema.type](schema);
}

const EXPECTATIONS: Readonly<Record<NonNullable<SchemaView['type']>, (schema: SchemaView) => string>> = {
  integer: (schema) => `a whole number${rangeOf(schema)}`,
  number: (schema) => `a number${rangeOf(schema)}`,
  boolean: () => 'true or false',
  string: (schema) => `text${lengthOf(schema)}`,
  array: ({ items }) => (items === undefined ? 'a list' : `a list; each item is ${expectation(items)}`),
  object: (schema) => {
    if (schema.properties !== undefined) return `a mapping with ${keysOf(schema.properties)}`;
    const inner = childSchema(schema, '');
    return inner === undefined ? 'a mapping' : `a mapping by name; each value is ${expectation(inner)}`;
  },
};

/** As it is to be written in YAML. */
function constantText(value: string | number | boolean): string {
  return typeof value === 'string' && /^[\d.]+$/.test(value) ? `"${value}"` : String(value);
}

function keysOf(properties: Readonly<Record<string, SchemaView>>): string {
  const keys = Object.keys(properties);
  return keys.length > 8 ? `${keys.slice(0, 8).join(', ')} …` : keys.join(', ');
}

function unionExpectation(branches: readonly SchemaView[]): string {
  const constants = branches.flatMap(({ const: value }) => (value === undefined ? [] : [constantText(value)]));
  const others = branches.filter((branch) => branch.const === undefined);
  const kinds = others.every((branch) => branch.type === 'object' || branch.type === 'array');
  const texts = others.map((branch) => (kinds ? kindOf(branch) : expectation(branch)));
  const options = [...constants, ...new Set(texts)];
  return options.length === 1 ? options[0]! : `${options.slice(0, -1).join(', ')} or ${options.at(-1)}`;
}

function kindOf(schema: SchemaView): string {
  return schema.type === 'array' ? 'a list of them' : 'a mapping';
}

function rangeOf(schema: SchemaView): string {
  const { minimum, maximum } = schema;
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` from ${minimum} on`;
  return maximum === undefined ? '' : ` up to ${maximum}`;
}

function lengthOf(schema: SchemaView): string {
  const { minLength = 0, maxLength } = schema;
  if (maxLength !== undefined) return `, ${minLength} to ${maxLength} characters`;
  if (minLength > 1) return ` of at least ${minLength} characters`;
  return minLength === 0 ? '' : ' that is not empty';
}
