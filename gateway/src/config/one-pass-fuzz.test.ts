import { describe, expect, it } from 'vitest';
import type { Plain } from './document.ts';
import { gateway } from './fixture.suite.ts';
import { parseGateway } from './parse-gateway.ts';
import { parseTenant } from './parse-tenant.ts';
import { formatPath, formatProblem, type Path, type Problem } from './problem.ts';
import { isMapping } from './schema-view.ts';

const readSecret = () => 'secret-text';
const checkTenant = (text: string) => parseTenant('home.yaml', text, { gateway, readSecret });
const checkGateway = (text: string) => parseGateway('gateway.yaml', text, { readSecret });

type Mistake = readonly [path: Path, value: Plain | undefined];

const TENANT: Plain = {
  tenant: 'home',
  domains: ['app.example.com', '*.iot.example.com'],
  discovery: { registry: 'nacos', namespace: 'prod', group: 'g' },
  tagHeader: 'x-lane',
  lanes: [
    {
      name: 'gray',
      tag: 'gray',
      enabled: true,
      fallback: 'reject',
      endpoints: { metadata: { version: 'v2' } },
      rules: [
        { headers: [{ name: 'x-model', in: ['a', 'b'] }], clientIp: ['10.0.0.0/8'] },
        { percentage: 5, stickyBy: { cookie: 'id', issue: true } },
      ],
    },
    { name: 'beta', tag: 'beta', rules: [{ query: [{ name: 'q', present: true }] }] },
  ],
  plugins: [{ use: 'key-auth', priority: 5, onFailure: 'open', config: { key: { secret: 'app-key' } } }],
  services: {
    device: { registry: 'nacos', group: 'other', loadBalancer: 'p2c' },
    legacy: { static: [{ address: '10.0.0.7:80', weight: 0 }, { address: '10.0.0.8:80' }], scheme: 'https' },
  },
  routes: [
    {
      id: 'a',
      hosts: ['app.example.com', 'cam.iot.example.com'],
      match: [{ path: { prefix: '/a' }, methods: ['GET'] }, { path: { prefix: '/b' } }],
      priority: 3,
      rewrite: { replacePrefix: '/c', host: 'h:1' },
      upstream: { service: 'device' },
      timeouts: { request: '30s', perTry: '20s' },
      retries: { attempts: 2, on: ['try-timeout', 503] },
      plugins: [{ use: 'key-auth' }],
    },
    {
      id: 'b',
      match: { path: { template: '/x/{id}' }, cookies: [{ name: 'c', regex: 'a+' }] },
      rewrite: { template: '/y/{id}' },
      upstream: { services: [{ service: 'legacy', weight: 0 }, { service: 'device' }] },
    },
    {
      id: 'c',
      match: { path: { regex: '/r/(.*)' } },
      rewrite: { regex: '/r/(.*)', replacement: '/$1' },
      upstream: { service: 'legacy' },
    },
    { id: 'd', match: { path: { prefix: '/d' } }, redirect: { scheme: 'https', replacePrefix: '/e', status: 301 } },
    { id: 'e', maxBodySize: '1KiB', respond: { status: 204, headers: { 'x-a': 'b' } } },
  ],
};

const GATEWAY: Plain = {
  apiVersion: 'sluice/v1',
  listeners: [
    { name: 'a', address: '127.0.0.1', port: 80, limits: { connections: 5, idleTimeout: '5s', requestBody: '1MiB' } },
    { name: 'b', address: '127.0.0.2', port: 80 },
  ],
  workers: 2,
  shutdown: { grace: '1s', deadline: '10s' },
  admin: { address: '127.0.0.3', port: 80 },
  registries: {
    nacos: { type: 'nacos', servers: ['h:60000'], username: 'u', password: { secret: 's' }, grpcPortOffset: 5 },
    local: { type: 'file', path: 'services.yaml' },
  },
  tenants: {
    directory: 'tenants',
    limits: { routes: 10, bufferedBodies: '1MiB' },
    overrides: { home: { limits: { routes: 20 } } },
  },
  overload: { loopDelay: '1s', descriptors: 80 },
  plugins: [{ name: 'p', source: 'file:p.wasm', limits: { memory: '1MiB', fuel: { request: 5000 } } }],
  chain: [{ use: 'p', config: { a: { secret: 's' } } }],
  secrets: { directory: 's' },
  state: { directory: 'state' },
  trustedProxies: ['10.0.0.0/8'],
  accessLog: { path: 'stdout', format: 'json' },
};

/** Paths of all values below the root. */
function pathsOf(value: Plain, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value)
    ? value.flatMap((item, index) => pathsOf(item, [...path, index]))
    : Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...path, key]));
  return path.length === 0 ? inner : [path, ...inner];
}

/** A copy with another value at `path`; undefined removes it. With `rename` the key changes in place of the value. */
function changed(root: Plain, path: Path, value: Plain | undefined, rename?: string): Plain {
  const [part, ...rest] = path;
  if (part === undefined) return value ?? null;
  if (Array.isArray(root)) {
    return root.map((item, index) => (index === part ? changed(item, rest, value, rename) : item));
  }
  if (!isMapping(root)) return root;
  const entries = Object.entries(root).flatMap(([key, item]): [string, Plain][] => {
    if (key !== part) return [[key, item]];
    if (rest.length > 0) return [[key, changed(item, rest, value, rename)]];
    if (rename !== undefined) return [[rename, item]];
    return value === undefined ? [] : [[key, value]];
  });
  return Object.fromEntries(entries);
}

const FILES = [
  ['a tenant', TENANT, checkTenant],
  ['a gateway', GATEWAY, checkGateway],
] as const;

/** Whether the names of the mapping at `path` are the writer's own. */
const namesOwn = (path: Path) =>
  /(^|\.)(services|registries|metadata|headers|config|overrides)$/.test(formatPath(path));

describe.each(FILES)('a mistake in %s', (_, file, check) => {
  const paths = pathsOf(file).filter((path) => !path.includes('config') && !path.includes('secret'));

  it('is none in the file as it stands', () => {
    expect(check(JSON.stringify(file)).problems).toEqual([]);
    expect(paths.length).toBeGreaterThan(25);
  });

  it.each([[[[]]], [null], [2e9]] as readonly [Plain][])('has no consequences elsewhere: %j', (junk) => {
    for (const path of paths) {
      const { problems, config } = check(JSON.stringify(changed(file, path, junk)));
      expect(problems.length, formatPath(path)).toBeGreaterThan(0);
      expect(problems.filter(({ key }) => !key.startsWith(formatPath(path))).map(formatProblem)).toEqual([]);
      expect(config).toBeNull();
    }
  });

  it('has no consequences elsewhere when a key is misspelt', () => {
    for (const path of paths.filter(
      (at) => typeof at.at(-1) === 'string' && at.at(-1) !== 'type' && !namesOwn(at.slice(0, -1)),
    )) {
      const key = String(path.at(-1));
      const misspelt = `${key.slice(0, -1)}-${key.slice(-1)}`;
      const { problems } = check(JSON.stringify(changed(file, path, undefined, misspelt)));
      const at = formatPath([...path.slice(0, -1), misspelt]);
      expect(problems.map((problem) => `${problem.key} ${problem.message}`)).toEqual([`${at} unknown key`]);
    }
  });
});

/** Mistakes that stand beside each other. A list of alternatives is of mistakes that touch one another. */
const MISTAKES: readonly (readonly Mistake[])[] = [
  [[['tenant'], 'Home']],
  [
    [['domains', 1], 'a.*.b'],
    [['routes', 0, 'hosts', 1], 'other.org'],
    [['domains'], 'x'],
  ],
  [
    [['discovery', 'registry'], 'nakos'],
    [['discovery', 'group'], 5],
  ],
  [
    [['tagHeader'], 'host'],
    [['tagHeader'], 'a b'],
  ],
  [[['quotas'], {}]],
  [
    [['lanes', 0, 'name'], 'baseline'],
    [['lanes', 0, 'name'], 'Gray!'],
    [['lanes', 1, 'name'], 'gray'],
  ],
  [
    [['lanes', 0, 'endpoints', 'metadata'], {}],
    [['lanes', 0, 'endpoints', 'metadata', 'version'], 2],
  ],
  [
    [['lanes', 0, 'rules', 0], {}],
    [['lanes', 0, 'rules', 0, 'clientIp', 0], 'x.y'],
    [['lanes', 0, 'rules', 0], 7],
  ],
  [
    [['lanes', 0, 'rules', 1, 'percentage'], 101],
    [['lanes', 0, 'rules', 1, 'stickyBy'], undefined],
  ],
  [
    [['lanes', 1, 'tag'], undefined],
    [['lanes', 1, 'tag'], 'gray'],
    [['lanes', 1], 'beta'],
  ],
  [
    [['plugins', 0, 'use'], 'key-aut'],
    [['plugins', 0, 'use'], undefined],
  ],
  [[['plugins', 0, 'config'], 5]],
  [
    [['services', 'device', 'registry'], 'x'],
    [['services', 'device', 'loadBalancer'], 'random'],
    [['services', 'device'], []],
  ],
  [
    [['services', 'legacy', 'group'], 'g'],
    [['services', 'legacy', 'scheme'], 'ftp'],
  ],
  [
    [['services', 'legacy', 'static', 0, 'address'], 'h:0'],
    [['services', 'legacy', 'static', 0, 'address'], 5],
  ],
  [
    [['services', 'legacy', 'static', 1, 'weight'], 0],
    [['services', 'legacy', 'static', 1, 'weight'], -1],
  ],
  [
    [['routes', 0, 'match', 1, 'path'], { exact: '/x' }],
    [['routes', 0, 'match', 1, 'path', 'prefix'], 'x'],
  ],
  [[['routes', 0, 'match', 0, 'methods', 0], 'get']],
  [
    [['routes', 0, 'timeouts', 'perTry'], '50s'],
    [['routes', 0, 'timeouts', 'request'], '30'],
    [['routes', 0, 'timeouts'], {}],
  ],
  [[['routes', 0, 'retires'], {}]],
  [
    [['routes', 0, 'plugins', 0], { use: 'x' }],
    [['routes', 0, 'plugins', 0], 'key-auth'],
  ],
  [[['routes', 0, 'rewrite', 'host'], 'a b']],
  [
    [['routes', 1, 'match', 'path'], { template: '/x/{y}' }],
    [['routes', 1, 'rewrite', 'template'], 5],
  ],
  [
    [['routes', 1, 'match', 'cookies', 0, 'regex'], '('],
    [['routes', 1, 'match', 'cookies', 0, 'name'], 'a b'],
  ],
  [
    [['routes', 1, 'upstream', 'services', 1, 'weight'], 0],
    [['routes', 1, 'upstream', 'services', 1], 'device'],
  ],
  [
    [['routes', 2, 'rewrite', 'replacement'], '$9'],
    [['routes', 2, 'rewrite', 'regex'], undefined],
  ],
  [
    [['routes', 2, 'id'], 'd'],
    [['routes', 2, 'id'], undefined],
  ],
  [[['routes', 3, 'redirect', 'status'], 300]],
  [
    [['routes', 3, 'redirect', 'port'], 0],
    [['routes', 3, 'redirect', 'host'], 'a:1'],
  ],
  [
    [['routes', 4, 'respond', 'body'], 'x'],
    [['routes', 4, 'respond', 'headers', 'x-a'], '\n'],
  ],
  [
    [['routes', 4, 'rewrite'], { path: '/x' }],
    [['routes', 4, 'redirect'], { port: 1 }],
    [['routes', 4], false],
  ],
];

/** Numbers from 0 to 1, the same ones each time (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const startsWith = (path: Path, prefix: Path) => prefix.every((part, index) => path[index] === part);

/** `JSON.stringify` drops what is undefined, so that a mistake may also add a key. */
function withMistakes(mistakes: readonly Mistake[]): string {
  let file: Plain = TENANT;
  for (const [path, value] of mistakes) {
    const parent = path.slice(0, -1).reduce<Plain>((at, part) => (at as { [key: string]: Plain })[part] ?? null, file);
    const key = path.at(-1)!;
    const adds = isMapping(parent) && !Object.hasOwn(parent, key) && value !== undefined;
    file = adds ? changed(file, path.slice(0, -1), { ...parent, [key]: value }) : changed(file, path, value);
  }
  return JSON.stringify(file);
}

const told = (problems: readonly Problem[]) => problems.map(({ key, message }) => `${key}: ${message}`).sort();

describe('many mistakes in a tenant', () => {
  it('are told at once: mending one brings no other to light, and none is made up', () => {
    const random = randomFrom(7);
    const alone = new Map<Mistake, string[]>(
      MISTAKES.flat().map((mistake) => [mistake, told(checkTenant(withMistakes([mistake])).problems)]),
    );
    for (const [mistake, problems] of alone) expect(problems, formatPath(mistake[0])).not.toEqual([]);
    for (let round = 0; round < 200; round++) {
      const picked: Mistake[] = [];
      for (const alternatives of MISTAKES) {
        const mistake = alternatives[Math.floor(random() * alternatives.length)]!;
        const apart = picked.every(([path]) => !startsWith(path, mistake[0]) && !startsWith(mistake[0], path));
        if (apart && random() < 0.4) picked.push(mistake);
      }
      const { problems, config } = checkTenant(withMistakes(picked));
      expect(told(problems)).toEqual(picked.flatMap((mistake) => alone.get(mistake)!).sort());
      expect(config === null).toBe(picked.length > 0);
    }
  });
});

describe.each(FILES)('junk in %s', (_, file, check) => {
  it('never throws, and never passes with a problem', () => {
    const random = randomFrom(11);
    const junk: readonly Plain[] = [
      null,
      0,
      -1.5,
      '',
      'x y',
      '\n',
      true,
      [],
      {},
      [[]],
      [null],
      { secret: 'a' },
      { secret: 1 },
    ];
    const values = [
      ...junk,
      ...pathsOf(file).map((path) => path.reduce<Plain>((at, part) => (at as { [key: string]: Plain })[part]!, file)),
    ];
    for (let round = 0; round < 600; round++) {
      let mutant: Plain = file;
      for (let count = 1 + random() * 6; count > 0; count--) {
        const paths = pathsOf(mutant);
        const path = paths[Math.floor(random() * paths.length)] ?? [];
        const value = random() < 0.1 ? undefined : values[Math.floor(random() * values.length)];
        mutant = changed(mutant, path, value, random() < 0.1 ? `${path.at(-1)}x` : undefined);
      }
      const { problems, config } = check(JSON.stringify(mutant));
      expect(config === null).toBe(problems.length > 0);
    }
  });
});
