import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { fillDefaults } from './defaults.ts';
import { parseConfigText, type Plain } from './document.ts';
import { gateway } from './fixture.suite.ts';
import { draftTenant, fillSecrets, parseTenant, surroundingsOf, withoutSecrets } from './parse-tenant.ts';
import { Report } from './report.ts';
import { TenantSchema } from './schema-tenant.ts';
import { SecretReading } from './secrets.ts';
import { decodeShape } from './shape.ts';

/** A tenant with every kind of value, and secrets inside and outside of a plugin's configuration. */
const TEXT = (body: string) => `tenant: home
domains: [App.example.com, "*.iot.example.com"]
discovery: { registry: nacos }
lanes: [{ name: gray, tag: gray, rules: [{ percentage: 5.25, stickyBy: { header: X-Id } }] }]
plugins:
  - { use: key-auth, config: { keys: [{ key: { secret: one }, consumer: app }, { key: { secret: two } }], plain: [1, null] } }
  - { use: key-auth, config: { key: { secret: one } } }
services: { legacy: { static: [{ address: "10.0.0.7:8080" }] } }
routes:
  - id: a
    match: { path: { prefix: /a }, headers: [{ name: X-Api, regex: "v[12]" }] }
    maxBodySize: 1.5MiB
    upstream: { services: [{ service: legacy, weight: 0 }, { service: other }] }
    timeouts: { request: 1.5s }
    plugins: [{ use: key-auth, config: { deep: { deeper: { secret: one } } } }]
  - { id: b, respond: { body: ${body} } }
`;
const SECRETS: Readonly<Record<string, string>> = { one: 'first-value', two: 'second-value', three: 'third-value' };
const readSecret = (directory: string, name: string) => (directory === '/c/secrets' ? (SECRETS[name] ?? null) : null);
const secretsOf = (read = readSecret) => new SecretReading('/c/secrets', 'home', read);
const draft = (body = 'text') => draftTenant('home.yaml', TEXT(body), { gateway, readSecret });

describe('a draft of a tenant', () => {
  it('has the secrets of plugins as references, with their places', () => {
    const { config, secretPlaces, secretNames, holdsSecrets, problems } = draft();
    expect(problems).toEqual([]);
    expect(JSON.stringify(config)).not.toMatch(/-value/);
    expect(secretNames).toEqual(['one', 'two']);
    expect(secretPlaces.map(({ path, name }) => `${path.join('.')} ${name}`)).toEqual([
      'plugins.0.config.keys.0.key one',
      'plugins.0.config.keys.1.key two',
      'plugins.1.config.key one',
      'routes.0.plugins.0.config.deep.deeper one',
    ]);
    expect(holdsSecrets).toBe(false);
  });

  it('says when secrets stand in it all the same', () => {
    const { holdsSecrets, config } = draft('{ secret: three }');
    expect(holdsSecrets).toBe(true);
    expect(config?.routes[1]?.respond?.body).toBe('third-value');
  });

  it('becomes what parsing in one step gives, also by way of JSON, and can be taken back', () => {
    const whole = parseTenant('home.yaml', TEXT('text'), { gateway, readSecret });
    const { config, secretPlaces } = draft();
    const json = JSON.stringify(config);
    const filled = fillSecrets(JSON.parse(json), secretPlaces, secretsOf());
    expect(filled).toEqual(whole.config);
    expect(JSON.stringify(filled)).toContain('"keys":[{"key":"first-value","consumer":"app"},{"key":"second-value"}]');
    expect(Object.isFrozen(filled?.plugins[0]?.config)).toBe(true);
    expect(JSON.stringify(withoutSecrets(filled!, secretPlaces))).toBe(json);
  });

  it('takes new values of secrets without touching the former configuration', () => {
    const { config, secretPlaces } = draft();
    const before = fillSecrets(config!, secretPlaces, secretsOf())!;
    const after = fillSecrets(
      before,
      secretPlaces,
      secretsOf((_, name) => `new-${name}`),
    )!;
    expect(after.plugins[1]?.config).toEqual({ key: 'new-one' });
    expect(before.plugins[1]?.config).toEqual({ key: 'first-value' });
    expect(after.services).toBe(before.services);
    expect(
      fillSecrets(
        before,
        secretPlaces,
        secretsOf(() => null),
      ),
    ).toBeNull();
  });

  it('has a problem in place of a reference to a secret that is missing', () => {
    const { config, problems } = draftTenant('home.yaml', TEXT('text'), { gateway, readSecret: () => null });
    expect(config).toBeNull();
    expect(problems.map(({ key }) => key)).toHaveLength(4);
    expect(problems[0]).toMatchObject({ code: 'SLUICE_CONFIG_SECRET', line: 6, key: 'plugins[0].config.keys[0].key' });
  });

  it('refuses a secret as the whole configuration of a plugin', () => {
    const text = 'tenant: home\ndomains: [a.example.com]\nplugins: [{ use: key-auth, config: { secret: one } }]\n';
    const { problems } = draftTenant('home.yaml', text, { gateway, readSecret });
    expect(problems.map(({ message }) => message)).toEqual(['the value of { secret: one } is not valid here']);
  });

  it('has a digest that follows the values of its secrets', () => {
    const digest = draft().secretsDigest;
    expect(digest).toBe(secretsOf().digest(['one', 'two']));
    expect(digest).not.toBe(secretsOf((_, name) => (name === 'two' ? 'other' : SECRETS[name]!)).digest(['one', 'two']));
    expect(secretsOf().digest([])).toBe('');
  });
});

describe('what tenants are parsed against', () => {
  it('is the same for the whole configuration of the gateway and for its part', () => {
    const part = surroundingsOf(gateway);
    expect(surroundingsOf(part)).toEqual(part);
    expect(JSON.parse(JSON.stringify(part))).toEqual(part);
    expect(JSON.stringify(part)).not.toContain('8848');
    const text = TEXT('text').replace('registry: nacos', 'registry: nakos').replace('use: key-auth', 'use: keyauth');
    const problems = (surroundings: typeof part) =>
      draftTenant('home.yaml', text, { gateway: surroundings, readSecret }).problems;
    expect(problems(part)).toEqual(problems(gateway));
    expect(problems(part)).toHaveLength(2);
  });
});

describe('decoding', () => {
  it('agrees with that of the schema library', () => {
    const document = parseConfigText('home.yaml', TEXT('text'));
    const report = new Report('home.yaml', document);
    const value = document.value as Plain;
    const own = decodeShape(TenantSchema, value, report);
    expect(report.problems()).toEqual([]);
    expect(own).toEqual(Value.Decode(TenantSchema, fillDefaults(TenantSchema, value)));
    expect(own?.routes[0]).toMatchObject({ maxBodySize: 1.5 * 1024 * 1024, timeouts: { request: 1500 } });
  });
});
