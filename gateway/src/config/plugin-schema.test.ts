import { describe, expect, it } from 'vitest';
import type { Plain } from './document.ts';
import { pluginConfigProblems } from './plugin-config.ts';
import { readPluginSchema } from './plugin-schema.ts';

const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more });

/** Keys of what is wrong with a configuration. */
function wrong(schema: object, config: Plain): string[] {
  return pluginConfigProblems(schema, config).map(({ key }) => key);
}

describe('the schema of a plugin', () => {
  const cases: readonly [reason: string, schema: unknown][] = [
    ['this is no schema that a value could meet', null],
    ['this is no schema that a value could meet', []],
    ['this is no schema that a value could meet', false],
    ['the configuration of a plugin is an object; give type: object', { type: 'string' }],
    ['the configuration of a plugin is an object; give type: object', true],
    ['type: must be one of object, array', { type: 'null' }],
    ['type: must be one of object, array', { type: ['object'] }],
    ['the keyword "oneOf" is not checked here in a schema of type object', { type: 'object', oneOf: [] }],
    [
      'properties.a: the keyword "minimum" is not checked here in a schema of type string',
      object({ a: { type: 'string', minimum: 1 } }),
    ],
    ['properties.a: the keyword "pattern" is not checked here without type', object({ a: { pattern: 'x' } })],
    ['properties.a.$ref: only references such as', object({ a: { $ref: 'https://example.com/schema.json' } })],
    ['properties.a.$ref: only references such as', object({ a: { $ref: '#' } })],
    ['properties.a.$ref: there is no "b" in $defs', object({ a: { $ref: '#/$defs/b' } })],
    [
      'a definition that holds itself is not followed',
      object({ a: { $ref: '#/$defs/b' } }, { $defs: { b: object({ c: { $ref: '#/$defs/b' } }) } }),
    ],
    ['properties.a.pattern: the pattern is not taken', object({ a: { type: 'string', pattern: '(?=x)' } })],
    ['properties.a.pattern: the pattern is not taken', object({ a: { type: 'string', pattern: '(a{1000}){1000}' } })],
    ['properties.a.pattern: the pattern is not taken', object({ a: { type: 'string', pattern: '(' } })],
    ['properties.a.pattern: must be text', object({ a: { type: 'string', pattern: 5 } })],
    ['properties.a.maximum: must be a number', object({ a: { type: 'number', maximum: Infinity } })],
    ['required: "b" is not one of the properties', object({ a: true }, { required: ['b'] })],
    ['required: must be a list of names', object({ a: true }, { required: 'a' })],
    ['properties: must be an object of schemas', { type: 'object', properties: [] }],
    ['properties.a.anyOf: the branches must differ in their type', object({ a: { anyOf: [object({}), object({})] } })],
    [
      'properties.a.anyOf: the branches must differ in their type',
      object({ a: { anyOf: [{ type: 'integer' }, { type: 'number' }] } }),
    ],
    ['properties.a.anyOf: must be a list', object({ a: { anyOf: {} } })],
    ['properties.a.enum: only text, numbers', object({ a: { enum: [null] } })],
    ['properties.a.enum: must be a list', object({ a: { enum: [] } })],
    ['properties.a.minItems: must be a whole number from 0 on', object({ a: { type: 'array', minItems: -1 } })],
    ['properties.a.minimum: must be a number', object({ a: { type: 'number', minimum: '1' } })],
    ['properties.a.multipleOf: must be a number', object({ a: { type: 'number', multipleOf: 0 } })],
  ];

  it.each(cases)('is refused: %s', (reason, schema) => {
    const { schema: taken, problem } = readPluginSchema(schema);
    expect(taken).toBeNull();
    expect(problem).toContain(reason);
  });

  it('may be neither large nor deep, and may not unfold to much', () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`k${index}`, true]));
    expect(readPluginSchema(object(many)).problem).toContain('more than 1000 parts');
    let deep: object = { type: 'boolean' };
    for (let level = 0; level < 100; level++) deep = { type: 'array', items: deep };
    expect(readPluginSchema(object({ a: deep })).problem).toContain('nested too deep');
    const $defs: Record<string, object> = { d0: { type: 'boolean' } };
    for (let level = 1; level < 12; level++) {
      const $ref = `#/$defs/d${level - 1}`;
      $defs[`d${level}`] = object({ a: { $ref }, b: { $ref } });
    }
    expect(readPluginSchema(object({ a: { $ref: '#/$defs/d11' } }, { $defs })).problem).toContain(
      'more than 1000 parts',
    );
  });

  it('is read in time that a pattern of its author cannot stretch', () => {
    const schema = object({ a: { type: 'string', pattern: '^(a+)+$' } });
    expect(wrong(schema, { a: `${'a'.repeat(5000)}!` })).toEqual(['config.a']);
    expect(wrong(schema, { a: 'aaa' })).toEqual([]);
    // As JSON Schema has it, a match anywhere counts.
    expect(wrong(object({ a: { type: 'string', pattern: 'b' } }), { a: 'abc' })).toEqual([]);
  });

  it('holds a definition once, however often it is referred to', () => {
    const values = Array.from({ length: 5000 }, (_, index) => `value-${index}`);
    const $defs = { choice: { enum: values }, word: { type: 'string', pattern: '^[a-z]{1,900}$' } };
    const keys = Array.from({ length: 400 }, (_, index) => [`k${index}`, { $ref: '#/$defs/choice' }]);
    const { schema } = readPluginSchema(
      object({ ...Object.fromEntries(keys), w: { $ref: '#/$defs/word' } }, { $defs }),
    );
    expect(schema?.properties?.['k0']?.anyOf).toHaveLength(5000);
    expect(schema?.properties?.['k399']?.anyOf).toBe(schema?.properties?.['k0']?.anyOf);
    const words = Array.from({ length: 400 }, (_, index) => [`w${index}`, { $ref: '#/$defs/word' }]);
    expect(readPluginSchema(object(Object.fromEntries(words), { $defs })).problem).toBe('');
  });

  it('counts what its definitions unfold to', () => {
    const $defs = {
      a: object({ x: true, y: true }),
      b: object({ p: { $ref: '#/$defs/a' }, q: { $ref: '#/$defs/a' } }),
    };
    const keys = Array.from({ length: 120 }, (_, index) => [`k${index}`, { $ref: '#/$defs/b' }]);
    expect(readPluginSchema(object(Object.fromEntries(keys.slice(0, 70)), { $defs })).problem).toBe('');
    expect(readPluginSchema(object(Object.fromEntries(keys), { $defs })).problem).toContain('more than 1000 parts');
  });

  it('has patterns that cost no more than so much together', () => {
    const patterns = Array.from({ length: 40 }, (_, index) => [
      `k${index}`,
      { type: 'string', pattern: `a{9}${index}[b-z]{900}` },
    ]);
    expect(readPluginSchema(object(Object.fromEntries(patterns.slice(0, 10)))).problem).toBe('');
    expect(readPluginSchema(object(Object.fromEntries(patterns))).problem).toContain('too costly together');
  });

  it('takes names that objects have anyway', () => {
    const schema = JSON.parse(
      '{ "type": "object", "additionalProperties": false, "properties": { "constructor": { "type": "string" }, "toString": { "type": "integer" } } }',
    ) as object;
    expect(wrong(schema, {})).toEqual([]);
    expect(wrong(schema, { constructor: 'a', toString: 5 })).toEqual([]);
    expect(wrong(schema, { valueOf: 1 })).toEqual(['config.valueOf']);
  });
});

describe('a configuration', () => {
  it.each<[what: string, schema: object, good: Plain[], bad: Plain[]]>([
    ['text', { type: 'string', minLength: 2, maxLength: 3 }, ['ab', 'abc'], ['a', 'abcd', 5, null, ['ab'], {}]],
    ['whole numbers', { type: 'integer', minimum: 0, multipleOf: 5 }, [0, 10, 5.0], [-5, 7, 2.5, '5', true]],
    ['numbers', { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, [0.5], [0, 1, '0.5']],
    ['truth values', { type: 'boolean' }, [true, false], ['true', 0, null]],
    ['constants', { const: 'a' }, ['a'], ['b', 1, {}]],
    ['choices', { enum: ['a', 1, true] }, ['a', 1, true], ['1', false, 2, []]],
    [
      'lists',
      { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 2 },
      [[1], [1, 2]],
      [[], [1, 2, 3], ['a'], {}, 1],
    ],
    [
      'lists of anything',
      { type: 'array', uniqueItems: true },
      [[], [1, '1', [1]]],
      [
        [1, 1],
        [{ a: 1 }, { a: 1 }],
      ],
    ],
    [
      'mappings',
      { type: 'object', additionalProperties: { type: 'integer' } },
      [{}, { a: 1, b: 2 }],
      [{ a: 'x' }, [], 'a'],
    ],
    ['closed mappings', { type: 'object', additionalProperties: false }, [{}], [{ a: 1 }]],
    ['open mappings', { ...object({ a: { type: 'integer' } }) }, [{}, { a: 1, b: 'x' }], [{ a: 'x' }]],
    [
      'unions',
      { anyOf: [{ type: 'integer' }, { type: 'array', items: { type: 'string' } }] },
      [1, ['a']],
      ['a', [1], {}],
    ],
    ['anything', {}, [1, 'a', [], {}, null], []],
  ])('with %s is held against its schema', (_, schema, good, bad) => {
    const root = object({ a: schema });
    for (const a of good) expect([a, wrong(root, { a })]).toEqual([a, []]);
    for (const a of bad) expect([a, wrong(root, { a }).length > 0]).toEqual([a, true]);
  });

  it('must have what is required, whatever the default', () => {
    const schema = object(
      { a: { type: 'integer', default: 1 }, b: { type: 'integer', default: 2 } },
      { required: ['a'] },
    );
    expect(pluginConfigProblems(schema, {}).map(({ message }) => message)).toEqual(['the key a is missing']);
  });

  it('is told what would be right', () => {
    const remedyOf = (schema: object, a: Plain) => pluginConfigProblems(object({ a: schema }), { a })[0]?.remedy;
    expect(remedyOf({ type: 'number', exclusiveMinimum: 0, maximum: 2, multipleOf: 0.1 }, 0)).toBe(
      'give a number above 0 up to 2 in steps of 0.1',
    );
    expect(remedyOf({ type: 'number', multipleOf: 0.1 }, 0.3)).toBeUndefined();
    expect(remedyOf({ type: 'string', minLength: 3 }, 'a')).toBe('give text of at least 3 characters');
    expect(remedyOf({ type: 'string', minLength: 2, maxLength: 2 }, '👍👍')).toBeUndefined();
    expect(remedyOf({ type: 'string', writeOnly: true, maxLength: 3 }, 'hidden')).toBe('give text, 0 to 3 characters');
  });

  it('is not checked against a schema that is no good', () => {
    expect(wrong({ type: 'object', oneOf: [] }, { whatever: 1 })).toEqual([]);
  });
});
