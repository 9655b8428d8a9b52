import { describe, expect, it } from 'vitest';
import { DEFAULT_LISTENER_LIMITS } from './schema-limits.ts';
import { parseGateway } from './parse-gateway.ts';
import { formatProblem } from './problem.ts';

const BASE = 'apiVersion: sluice/v1\nlisteners: [{ name: http, port: 8080 }]\ntenants: { directory: tenants }\n';

type Case = readonly [text: string, problems: readonly string[]];

const BROKEN: readonly Case[] = [
  ['', ['gateway.yaml: the file is empty — write the configuration into it']],
  [
    '- a',
    [
      'gateway.yaml:1:1 a list is not valid here — give a mapping with apiVersion, listeners, workers, shutdown, admin, registries, tenants, overload …',
    ],
  ],
  [
    'a: [',
    [
      'gateway.yaml:1:5 the bracket of 1:4 does not close before this — close it with ], and indent what is inside more than its key',
    ],
  ],
  [
    `apiVersion: sluice/v2
listeners: []
tenants: {}`,
    [
      'gateway.yaml:1:13 apiVersion: "sluice/v2" is not valid here — did you mean sluice/v1?',
      'gateway.yaml:2:12 listeners: the list is empty — give at least 1',
      'gateway.yaml:3:10 tenants: the key directory is missing — add directory: text that is not empty',
    ],
  ],
  [BASE + 'listners: []', ['gateway.yaml:4:1 listners: unknown key — did you mean listeners?']],
  [BASE + 'workers: autp', ['gateway.yaml:4:10 workers: "autp" is not valid here — did you mean auto?']],
  [BASE + 'workers: "4"', ['gateway.yaml:4:10 workers: "4" is text, not a number — remove the quotes: 4']],
  [BASE + 'workers: 65', ['gateway.yaml:4:10 workers: 65 is not valid here — give a whole number from 0 to 64']],
  [
    BASE + 'shutdown: { grace: 5 }',
    ['gateway.yaml:4:20 shutdown.grace: 5 is a number, not text — give a duration such as 250ms, 3s, 1.5m or 1h'],
  ],
  [
    BASE + 'admin: { port: 8080 }',
    ['gateway.yaml:4:16 admin.port: port 8080 is already taken by listener http — choose another port'],
  ],
  [
    BASE + 'admin: { port: 99999 }',
    ['gateway.yaml:4:16 admin.port: 99999 is not valid here — give a whole number from 0 to 65535'],
  ],
  [BASE + 'admin: on', ['gateway.yaml:4:8 admin: "on" is not valid here — give a mapping with address, port']],
  [
    BASE + 'registries: { a: { type: dns } }',
    [
      'gateway.yaml:4:26 registries.a.type: not supported yet: a registry of type dns — use nacos or file, or static or dns in a service',
    ],
  ],
  [
    BASE + 'registries: { a: { type: nacoss, servers: [x] } }',
    ['gateway.yaml:4:26 registries.a.type: "nacoss" is not valid here — did you mean nacos?'],
  ],
  [
    BASE + 'registries: { a: { servers: [x] } }',
    ['gateway.yaml:4:18 registries.a: the key type is missing — add type: nacos or file'],
  ],
  [
    BASE + 'registries: { a: { type: nacos, servers: [x] } }',
    [
      'gateway.yaml:4:43 registries.a.servers[0]: "x" is not valid here — give host:port such as 10.0.0.7:8080 or "[::1]:8080"',
    ],
  ],
  [
    BASE + 'registries: { a: { type: nacos, servers: ["h:0", "h:65000"] } }',
    [
      'gateway.yaml:4:43 registries.a.servers[0]: "h:0" has no port that can be connected to — give 1 to 65535',
      'gateway.yaml:4:50 registries.a.servers[1]: "h:65000" with grpcPortOffset 1000 is no port for gRPC — lower the port or the offset: the sum is 1 to 65535',
    ],
  ],
  [
    BASE + 'registries: { a: { type: file } }',
    ['gateway.yaml:4:18 registries.a: the key path is missing — add path: text that is not empty'],
  ],
  [
    BASE + 'registries: { A_b: { type: file, path: x } }',
    [
      'gateway.yaml:4:15 registries.A_b: "A_b" cannot be the name of a registry — use lower-case letters, digits and inner dashes, 1 to 63 characters',
    ],
  ],
  [BASE + 'registries: { a: nacos }', ['gateway.yaml:4:18 registries.a: "nacos" is not valid here — give a mapping']],
  [
    BASE +
      'plugins: [{ name: a, source: https://x/y.wasm }, { name: a, source: x.wasm }, { name: b, source: "file:x", sha256: ABC, allow: { foreignFunctions: x } }]',
    [
      'gateway.yaml:4:30 plugins[0].source: the key sha256 is missing: a module that is fetched must be named by its digest — add sha256: the digest that sluice plugin inspect prints for the module',
      'gateway.yaml:4:58 plugins[1].name: the plugin name "a" is there twice — give each plugin name once',
      'gateway.yaml:4:69 plugins[1].source: "x.wasm" is not valid here — give file: and the path of the module, https://host/path, or oci://host/repository:tag',
      'gateway.yaml:4:116 plugins[2].sha256: "ABC" is not valid here — give 64 hexadecimal digits in lower case',
      'gateway.yaml:4:148 plugins[2].allow.foreignFunctions: "x" is not valid here — give a list; each item is text, 1 to 128 characters',
    ],
  ],
  [
    BASE + 'plugins: [{ name: a, source: "file:x", limits: { memory: 16MB, fuel: { request: 1 } } }]',
    [
      'gateway.yaml:4:58 plugins[0].limits.memory: "16MB" is not valid here — give a size such as 512B, 16KiB, 16MiB or 1GiB',
      'gateway.yaml:4:81 plugins[0].limits.fuel.request: 1 is not valid here — give a whole number from 1000 to 1000000000',
    ],
  ],
  [
    BASE + 'chain: [{ use: nope }]',
    [
      'gateway.yaml:4:16 chain[0].use: there is no plugin "nope" in the catalogue — add it under plugins in gateway.yaml',
    ],
  ],
  [
    BASE +
      `plugins: [{ name: key-auth, source: "file:x" }]
chain: [{ use: key-aut, config: 3 }]`,
    [
      'gateway.yaml:5:16 chain[0].use: there is no plugin "key-aut" in the catalogue — did you mean key-auth?',
      'gateway.yaml:5:33 chain[0].config: 3 is not a plugin configuration — give a mapping',
    ],
  ],
  [
    BASE + 'trustedProxies: [10.0.0.0/33, fe80::1%eth0, 1.2.3]',
    [
      'gateway.yaml:4:18 trustedProxies[0]: "10.0.0.0/33" is neither an address nor a CIDR — write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32',
      'gateway.yaml:4:31 trustedProxies[1]: "fe80::1%eth0" is neither an address nor a CIDR — write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32',
      'gateway.yaml:4:45 trustedProxies[2]: "1.2.3" is neither an address nor a CIDR — write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32',
    ],
  ],
  [BASE + 'accessLog: { format: text }', ['gateway.yaml:4:22 accessLog.format: "text" is not valid here — give json']],
  [
    BASE +
      `secrets: { directory: /s }
registries: { a: { type: nacos, servers: ["h:1"], password: { secret: nope } } }`,
    ['gateway.yaml:5:61 registries.a.password: the secret nope is missing or unreadable — put it as text into /s/nope'],
  ],
  [
    BASE + 'registries: { a: { type: nacos, servers: ["h:1"], password: { secret: ../x } } }',
    [
      'gateway.yaml:4:61 registries.a.password: this is not the name of a secret — name a file of the secrets directory: letters, digits and . _ - with no dot in front',
    ],
  ],
  [
    BASE + 'registries: { a: { type: nacos, servers: ["h:1"], password: "${NOPE}" } }',
    [
      'gateway.yaml:4:61 registries.a.password: the environment variable NOPE is not set — set NOPE, or give a default: ${NOPE:-default}',
    ],
  ],
  [
    BASE + 'admin: { port: "${PORT}" }',
    ['gateway.yaml:4:16 admin.port: the value of ${PORT} is not valid here — give a whole number from 0 to 65535'],
  ],
  [
    BASE + 'accessLog: { path: "${no-name}" }',
    [
      'gateway.yaml:4:20 accessLog.path: ${no-name} names no variable — write ${NAME} or ${NAME:-default}; for the characters themselves $${',
    ],
  ],
  [
    `apiVersion: sluice/v1
listeners:
  - { name: a, port: 80, domains: [a.example] }
  - { name: a, port: 80, address: localhost }
tenants: { directory: t }
`,
    [
      'gateway.yaml:3:26 listeners[0].domains: not supported yet: a listener for some domains only — remove the key; every listener serves all domains',
      'gateway.yaml:4:13 listeners[1].name: the listener name "a" is there twice — give each listener name once',
      'gateway.yaml:4:22 listeners[1].port: port 80 is already taken by listener a — choose another port',
      'gateway.yaml:4:35 listeners[1].address: "localhost" is not an IP address — give an address of this machine: :: for all, 127.0.0.1 for local use',
    ],
  ],
  [
    `apiVersion: sluice/v1
apiVersion: sluice/v1
listeners: [{name: http, port: "8080"}]
tenants:
`,
    ['gateway.yaml:2:1 apiVersion: the key is there twice, first at 1:1 — keep one of them'],
  ],
  [
    BASE + 'trustedProxies: {secret: x}',
    [
      'gateway.yaml:4:17 trustedProxies: a mapping is not valid here — give a list; each item is an address or CIDR such as 10.0.0.0/8 or ::1',
    ],
  ],
];

describe('parseGateway on broken files', () => {
  it.each(BROKEN)('refuses %j', (text, problems) => {
    const parsed = parseGateway('gateway.yaml', text, { env: { PORT: '80x' }, readSecret: () => null });
    expect(parsed.problems.map(formatProblem)).toEqual(problems);
    expect(parsed.config).toBeNull();
  });
});

const FULL = `${BASE}registries:
  nacos: { type: nacos, servers: ["10.0.0.1:8848"], username: "\${USER_NAME:-}", password: { secret: nacos-password } }
  local: { type: file, path: services.yaml }
plugins:
  - { name: key-auth, source: "file:plugins/key-auth.wasm", limits: { memory: 1MiB } }
chain: [{ use: key-auth, config: { token: { secret: token }, price: "$\${NOT_A_VARIABLE}" } }]
secrets: { directory: "\${SECRETS:-secrets}" }
admin: { port: "\${ADMIN_PORT}" }
accessLog: { path: access.log }
`;

describe('parseGateway', () => {
  const env = { ADMIN_PORT: '0', USER_NAME: '' };
  const secrets: Record<string, string> = { 'nacos-password': 'p4ss-word', token: 't0ken-value' };
  const readSecret = (directory: string, name: string) => (directory === '/etc/sluice/secrets' ? secrets[name]! : null);
  const parsed = parseGateway('/etc/sluice/gateway.yaml', FULL, { env, readSecret });

  it('fills in defaults, decodes units and makes paths absolute', () => {
    expect(parsed.problems).toEqual([]);
    const config = parsed.config!;
    expect(config.listeners).toEqual([{ name: 'http', address: '::', port: 8080, limits: DEFAULT_LISTENER_LIMITS }]);
    expect(config.workers).toBe('auto');
    expect(config.shutdown).toEqual({ grace: 5000, deadline: 30_000 });
    expect(config.admin).toEqual({ address: '127.0.0.1', port: 0 });
    expect(config.tenants.directory).toBe('/etc/sluice/tenants');
    expect(config.secrets).toEqual({ directory: '/etc/sluice/secrets' });
    expect(config.accessLog.path).toBe('/etc/sluice/access.log');
    expect(config.registries['local']).toEqual({ type: 'file', path: '/etc/sluice/services.yaml' });
    expect(config.registries['nacos']).toMatchObject({ username: '', password: 'p4ss-word', grpcPortOffset: 1000 });
    expect(config.plugins[0]!.limits).toEqual({
      memory: 1024 ** 2,
      body: 1024 ** 2,
      pause: 10_000,
      fuel: { request: 5_000_000, bodyByte: 20, tick: 10_000_000, configure: 20_000_000 },
    });
    expect(config.plugins[0]!.allow).toEqual({
      services: [],
      tenantServices: true,
      environment: {},
      hostCalls: { deny: [] },
      clock: 'precise',
    });
    expect(config.plugins[0]!.source).toBe('file:/etc/sluice/plugins/key-auth.wasm');
    expect(config.chain[0]!.config).toEqual({ token: 't0ken-value', price: '${NOT_A_VARIABLE}' });
  });

  it('is frozen all the way down', () => {
    expect(Object.isFrozen(parsed.config!.plugins[0]!.limits.fuel)).toBe(true);
    expect(Object.isFrozen(parsed.config!.chain[0]!.config)).toBe(true);
  });

  it('names the secrets and shows none of them', () => {
    expect(parsed.secretNames).toEqual(['nacos-password', 'token']);
    const shown = JSON.stringify(parsed.redacted);
    expect(shown).not.toMatch(/p4ss-word|t0ken-value/);
    expect(shown).toContain('{"secret":"nacos-password"}');
    expect(shown).toContain('"grpcPortOffset":1000');
  });

  it('masks a password that stands in the file', () => {
    const text = `${BASE}registries: { a: { type: nacos, servers: ["h:1"], password: plain-text } }\n`;
    expect(JSON.stringify(parseGateway('g.yaml', text).redacted)).not.toContain('plain-text');
  });

  it('keeps the value of a secret out of every message', () => {
    const text = `${BASE}secrets: { directory: s }\ntrustedProxies: [{ secret: cidr }]\nchain: [{ use: { secret: cidr } }]\n`;
    const lines = parseGateway('g.yaml', text, { readSecret: () => 'hunter2-hunter2' }).problems.map(formatProblem);
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain('hunter2');
    expect(lines[0]).toContain('trustedProxies[0]: the value of { secret: cidr } is not valid here');
  });

  it('reads JSON as well', () => {
    const text = '{"apiVersion":"sluice/v1","listeners":[{"name":"http","port":80}],\n\t"tenants":{"directory":"t"}}';
    expect(parseGateway('gateway.json', text).config?.tenants.directory).toMatch(/\/t$/);
  });

  it('does not resolve a secret in a place for a mapping', () => {
    const text = `${BASE}registries: { secret: { type: file, path: x } }\n`;
    expect(Object.keys(parseGateway('g.yaml', text).config!.registries)).toEqual(['secret']);
  });

  it('keeps an outline of a broken file, so that tenants can be checked', () => {
    const broken = parseGateway('/c/g.yaml', `${BASE}wrkers: 1\nplugins: [{ name: a, source: x }]\n`);
    expect(broken.config).toBeNull();
    expect(broken.outline).toMatchObject({ plugins: [{ name: 'a' }], tenants: { directory: '/c/tenants' } });
  });
});
