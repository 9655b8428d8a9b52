import { GatewaySchema } from './schema-gateway.ts';
import { ServicesSchema } from './schema-services.ts';
import { TenantSchema } from './schema-tenant.ts';
import { isMapping, type PlainMap } from './schema-view.ts';

const SCHEMAS = { gateway: GatewaySchema, tenant: TenantSchema, services: ServicesSchema };

/**
 * JSON Schema (2020-12) of a configuration file, for editors: keys with a default are not required, and a reference to
 * a secret may stand where text may. What only the gateway's own checks know is not in it.
 */
export function schemaJson(kind: keyof typeof SCHEMAS): PlainMap {
  const plain = JSON.parse(JSON.stringify(SCHEMAS[kind])) as PlainMap;
  const secrets = kind !== 'services';
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `Sluice ${kind} configuration`,
    ...convert(plain, secrets),
    ...(secrets ? { $defs: { secret: SECRET } } : {}),
  };
}

const SECRET: PlainMap = {
  type: 'object',
  description: 'a file of the secrets directory',
  properties: { secret: { type: 'string', pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$' } },
  required: ['secret'],
  additionalProperties: false,
};

function convert(schema: PlainMap, secrets: boolean): PlainMap {
  const { expects, ...rest } = schema;
  const result: PlainMap = { ...rest };
  if (expects !== undefined && result['description'] === undefined) result['description'] = expects;
  for (const key of ['properties', 'patternProperties']) {
    const children = schema[key];
    if (!isMapping(children)) continue;
    result[key] = Object.fromEntries(
      Object.entries(children).map(([name, child]) => [name, convert(child as PlainMap, secrets)]),
    );
  }
  if (isMapping(schema['items'])) result['items'] = convert(schema['items'], secrets);
  if (Array.isArray(schema['anyOf'])) {
    result['anyOf'] = schema['anyOf'].map((branch) => convert(branch as PlainMap, secrets));
  }
  if (Array.isArray(schema['required']))
    result['required'] = schema['required'].filter((key) => !hasDefault(schema, key));
  return secrets && schema['type'] === 'string' && schema['const'] === undefined ? orSecret(result) : result;
}

function hasDefault(schema: PlainMap, key: unknown): boolean {
  const properties = schema['properties'];
  const property = isMapping(properties) ? properties[String(key)] : null;
  return isMapping(property) && property['default'] !== undefined;
}

function orSecret(text: PlainMap): PlainMap {
  const { default: fallback, description, ...rest } = text;
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [rest, { $ref: '#/$defs/secret' }],
  };
}
