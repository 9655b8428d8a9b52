import { describe, expect, it } from 'vitest';
import { inspectModule } from './inspect.ts';
import { SMALL_MANIFEST, withManifest } from './manifest.suite.ts';
import { type PluginManifest, readManifest } from './manifest.ts';
import { prepareModule } from './module.ts';
import { missingPermissions } from './wanted.ts';
import { pluginModule } from './wat.suite.ts';

const MODULE = pluginModule({ callbacks: { proxy_on_log: '' } });
const FULL = {
  name: 'key-auth',
  version: '0.1.0',
  description: 'Asks for a key.',
  sdk: '0.2.0',
  phases: ['requestHeaders', 'log'],
  permissions: {
    services: ['auth', 'shared/auth'],
    tenantServices: true,
    properties: ['request'],
    foreignFunctions: ['compress'],
    environment: ['REGION'],
    hostCalls: ['proxy_http_call'],
    clock: 'precise',
  },
  config: {
    type: 'object',
    properties: { header: { type: 'string', default: 'x-api-key' } },
    additionalProperties: false,
  },
} as const;

const problemOf = (content: object | string | Uint8Array): string =>
  readManifest(withManifest(MODULE, content)).problem;

describe('the manifest of a module', () => {
  it('is read as it was written, with what it leaves out', () => {
    expect(readManifest(withManifest(MODULE, FULL))).toEqual({ manifest: FULL, problem: '' });
    expect(readManifest(withManifest(MODULE, SMALL_MANIFEST)).manifest).toEqual({
      ...SMALL_MANIFEST,
      description: '',
      sdk: '',
      permissions: {
        services: [],
        tenantServices: false,
        properties: [],
        foreignFunctions: [],
        environment: [],
        hostCalls: [],
        clock: 'coarse',
      },
      config: null,
    });
  });

  it('need not be there', () => {
    for (const bytes of [MODULE, new Uint8Array(), Buffer.from('no module'), MODULE.subarray(0, 20)]) {
      expect(readManifest(bytes)).toEqual({ manifest: null, problem: '' });
    }
  });

  const changed = (change: object): object => ({ ...SMALL_MANIFEST, ...change });
  it.each<[problem: string, content: object | string | Uint8Array]>([
    ['it is not JSON', '{ name: x }'],
    ['it is not JSON', ''],
    ['it is not JSON', '\ufeff{}'],
    ['it is not JSON', Uint8Array.of(0x22, 0xff, 0x22)],
    ['it is not an object', '[]'],
    ['it is not an object', 'null'],
    ['it has 65537 bytes, more than 65536', ' '.repeat(65_537)],
    ['the key "name" is there twice', '{ "name": "a", "n\\u0061me": "b" }'],
    ['the key "type" is there twice', '{ "config": { "type": "object", "type": "object" } }'],
    ['__proto__ cannot be a key', '{ "__proto__": {} }'],
    ['nested too deep', `{ "config": ${'['.repeat(200)}${']'.repeat(200)} }`],
    ['the key name is missing', {}],
    ['name: must be text', changed({ name: 5 })],
    ['name: "Key" must begin with a letter', changed({ name: 'Key' })],
    ['name: "-a" must', changed({ name: '-a' })],
    ['name: "a.b" must', changed({ name: 'a.b' })],
    ['must begin with a letter, and have', changed({ name: 'a'.repeat(64) })],
    ['the key version is missing', { name: 'a', phases: [] }],
    ['version: must not be empty', changed({ version: '' })],
    ['description: must be text of at most 1024', changed({ description: 'a'.repeat(1025) })],
    ['unknown key "author"', changed({ author: 'me' })],
    ['the key phases is missing', { name: 'a', version: '1' }],
    ['phases: "onRequest" is none of requestHeaders', changed({ phases: ['onRequest'] })],
    ['phases: must be a list', changed({ phases: 'log' })],
    ['permissions: must be an object', changed({ permissions: [] })],
    ['permissions: unknown key "network"', changed({ permissions: { network: true } })],
    ['permissions.services: must be a list of at most 256 names', changed({ permissions: { services: 'auth' } })],
    ['permissions.services: must be a list', changed({ permissions: { services: Array(257).fill('a') } })],
    ['permissions.environment: must be a list', changed({ permissions: { environment: { A: 'b' } } })],
    ['permissions.tenantServices: must be true or false', changed({ permissions: { tenantServices: 'yes' } })],
    ['permissions.clock: must be precise or coarse', changed({ permissions: { clock: 'fast' } })],
    ['config: the configuration of a plugin is an object', changed({ config: { type: 'string' } })],
    [
      'config: properties.a: the keyword "oneOf"',
      changed({ config: { type: 'object', properties: { a: { oneOf: [] } } } }),
    ],
  ])('is refused: %s', (problem, content) => {
    expect(problemOf(content)).toContain(problem);
    expect(readManifest(withManifest(MODULE, content)).manifest).toBeNull();
  });

  it('is refused when there are two', () => {
    const twice = withManifest(withManifest(MODULE, SMALL_MANIFEST), SMALL_MANIFEST);
    expect(readManifest(twice).problem).toBe('there are 2 sections sluice:manifest');
  });

  it('may be any bytes', () => {
    const good = withManifest(MODULE, FULL);
    let seed = 1;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    let refused = 0;
    for (let round = 0; round < 1500; round++) {
      const bytes = Uint8Array.from(good);
      for (let edit = random(4); edit >= 0; edit--)
        bytes[MODULE.length + random(bytes.length - MODULE.length)] = random(256);
      const { manifest, problem } = readManifest(
        bytes.subarray(0, random(20) === 0 ? random(bytes.length) : bytes.length),
      );
      if (manifest === null) refused++;
      else expect(problem).toBe('');
    }
    expect(refused).toBeGreaterThan(700);
  });

  it('comes with a module, which runs whatever it says', async () => {
    const options = { name: 'a.wasm', memory: 1024 * 1024, startFuel: 1_000_000 };
    const good = await prepareModule(withManifest(MODULE, FULL), options);
    expect([good.manifest?.name, good.manifestProblem]).toEqual(['key-auth', '']);
    const bad = await prepareModule(withManifest(MODULE, '{}'), options);
    expect([bad.manifest, bad.manifestProblem]).toEqual([null, 'the key name is missing']);
    expect((await prepareModule(MODULE, options)).manifest).toBeNull();
  });

  it('is held against the callbacks of its module', () => {
    expect(inspectModule(withManifest(MODULE, { ...SMALL_MANIFEST, phases: ['log'] })).warnings).toEqual([]);
    expect(inspectModule(withManifest(MODULE, { ...SMALL_MANIFEST, phases: ['requestBody'] })).warnings).toEqual([
      'the manifest has the phase requestBody, and the module no proxy_on_request_body; build it again',
      'the module has proxy_on_log, and the manifest not the phase log; build it again',
    ]);
    expect(inspectModule(withManifest(MODULE, '{}')).warnings).toEqual([
      'the manifest is not valid, and checks nothing: the key name is missing',
    ]);
  });
});

describe('permissions that are wanted', () => {
  const wanted = readManifest(withManifest(MODULE, FULL)).manifest!.permissions;
  const remedies = (rules: Parameters<typeof missingPermissions>[1], asked: PluginManifest['permissions'] = wanted) =>
    missingPermissions(asked, rules).map(({ remedy }) => remedy);

  it('are missing as far as they are not allowed', () => {
    expect(remedies({})).toEqual(['services: [shared/auth]', 'environment: { REGION: … }']);
    expect(remedies({ services: ['shared/auth'], environment: { REGION: 'eu' } })).toEqual([]);
    expect(
      remedies({
        tenantServices: false,
        properties: ['response'],
        foreignFunctions: [],
        hostCalls: { allow: null, deny: ['proxy_http_*'] },
        clock: 'coarse',
      }),
    ).toEqual([
      'tenantServices: true',
      'services: [shared/auth]',
      'tenantServices: true',
      'properties: [request]',
      'foreignFunctions: [compress]',
      'environment: { REGION: … }',
      'hostCalls: { allow: [proxy_http_call] }',
      'clock: precise',
    ]);
  });

  it('count what is hidden unless it is named', () => {
    const hidden = { ...wanted, services: [], environment: [], properties: ['node.metadata'] };
    expect(remedies({}, hidden)).toEqual(['properties: [node.metadata]']);
    expect(remedies({ properties: ['node'] }, hidden)).toEqual([]);
  });
});
