import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { parseConfigText } from './document.ts';
import { schemaJson } from './json-schema.ts';

describe('schemaJson', () => {
  const tenant = schemaJson('tenant');

  it('does not require what has a default', () => {
    expect(tenant['required']).toEqual(['tenant', 'domains']);
    expect(schemaJson('gateway')['required']).toEqual(['apiVersion', 'listeners', 'tenants']);
  });

  it('has only keywords of JSON Schema', () => {
    const keys = new Set(JSON.stringify([tenant, schemaJson('gateway'), schemaJson('services')]).match(/"[^"]+":/g));
    expect(keys.has('"expects":')).toBe(false);
    expect([...keys].filter((key) => key.startsWith('"~'))).toEqual([]);
  });

  it.each([
    ['tenant: a\ndomains: [a.b]\nroutes: [{ id: r, respond: { body: { secret: x } } }]', true],
    ['tenant: a\ndomains: [a.b]\nroutes: [{ id: r, respnd: {} }]', false],
    ['tenant: a\ndomains: [a.b]\nroutes: [{ id: r, timeouts: { request: 3 } }]', false],
  ])('judges %j', (text, valid) => {
    const { value } = parseConfigText('t.yaml', text);
    expect(Value.Check(tenant as Parameters<typeof Value.Check>[0], value)).toBe(valid);
  });
});
