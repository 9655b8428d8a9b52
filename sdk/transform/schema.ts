import type { ConfigClass, Field } from './config-class.ts';
import { HEADER_NAME, HEADER_VALUE, mayBeNone } from './initial.ts';

/** JSON Schema 2020-12, as far as settings need it. */
export type JsonSchema = { readonly [key: string]: unknown };

/** Answers the configuration class that a setting's objects are of. */
export type ConfigClassOf = (field: Field) => ConfigClass;

/** The schema of a configuration: accepts exactly what the generated reader accepts, apart from `check` methods. */
export function schemaOf(config: ConfigClass, inner: ConfigClassOf): JsonSchema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...objectSchema(config, inner) };
}

/** Of a plugin that reads no configuration. */
export const NO_SETTINGS: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  additionalProperties: false,
};

function objectSchema(config: ConfigClass, inner: ConfigClassOf): JsonSchema {
  const required = config.fields.filter(({ rules }) => rules.required).map(({ name }) => name);
  return {
    ...described(config.description),
    type: 'object',
    properties: Object.fromEntries(config.fields.map((field) => [field.name, fieldSchema(field, inner)])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function described(description: string): JsonSchema {
  return description === '' ? {} : { description };
}

function fieldSchema(field: Field, inner: ConfigClassOf): JsonSchema {
  const { description, rules, type } = field;
  const initial = type.kind === 'pairs' && field.initial ? {} : field.initial;
  const { description: ofClass, ...shape } = shapeOf(field, inner) as { description?: string };
  return {
    ...described(description === '' ? (ofClass ?? '') : description),
    ...shape,
    ...(rules.secret && { writeOnly: true }),
    ...(initial !== undefined && initial !== null && !rules.secret && { default: initial }),
  };
}

function shapeOf(field: Field, inner: ConfigClassOf): JsonSchema {
  const { type, rules } = field;
  switch (type.kind) {
    case 'text':
      return textSchema(field);
    case 'bool':
      return { type: 'boolean' };
    case 'integer':
      return { type: 'integer', minimum: rules.minimum ?? type.least, maximum: rules.maximum ?? type.most };
    case 'float':
      return {
        type: 'number',
        ...(rules.minimum !== undefined && { minimum: rules.minimum }),
        ...(rules.maximum !== undefined && { maximum: rules.maximum }),
      };
    case 'texts':
      return { type: 'array', items: textSchema(field), ...counts(field) };
    case 'pairs':
      return { type: 'object', additionalProperties: textSchema(field) };
    case 'object':
      return objectSchema(inner(field), inner);
    case 'objects':
      return { type: 'array', items: objectSchema(inner(field), inner), ...counts(field) };
    default:
      return {};
  }
}

function counts({ rules }: Field): JsonSchema {
  return {
    ...(rules.minItems !== undefined && { minItems: rules.minItems }),
    ...(rules.maxItems !== undefined && { maxItems: rules.maxItems }),
  };
}

/** Of a text, or of each text of a list or an object. */
function textSchema({ type, rules }: Field): JsonSchema {
  return {
    type: 'string',
    ...(rules.oneOf && { enum: rules.oneOf }),
    ...(rules.headerName && {
      pattern: mayBeNone(type) ? `^(${HEADER_NAME})?$` : `^${HEADER_NAME}$`,
      'x-expects': mayBeNone(type) ? 'a header name such as x-device-id, or ""' : 'a header name such as x-device-id',
    }),
    ...(rules.headerValue && {
      pattern: `^${HEADER_VALUE}$`,
      'x-expects': 'a header value: one line without control characters',
    }),
    ...(rules.minLength !== undefined && { minLength: rules.minLength }),
    ...(rules.maxLength !== undefined && { maxLength: rules.maxLength }),
  };
}
