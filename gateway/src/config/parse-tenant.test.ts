import { describe, expect, it } from 'vitest';
import { gateway } from './fixture.suite.ts';
import { parseTenant } from './parse-tenant.ts';
import { formatProblem } from './problem.ts';

const BASE = 'tenant: home\ndomains: [app.example.com]\ndiscovery: { registry: nacos }\n';

type Case = readonly [text: string, problems: readonly string[]];

const BROKEN: readonly Case[] = [
  [
    `tenant: Home
domains: [app.example.com]`,
    [
      'home.yaml:1:9 tenant: "Home" is not valid here — give lower-case letters, digits and inner dashes, 1 to 63 characters',
    ],
  ],
  [
    `tenant: home
domains: []`,
    ['home.yaml:2:10 domains: the list is empty — give at least 1'],
  ],
  [
    `tenant: home
domains: ["https://a.b", "a.b:80", "*", "a.*.b", "bücher.de", "a..b", "a.b.", A.B, a.b]`,
    [
      'home.yaml:2:11 domains[0]: "https://a.b": a domain has neither scheme nor path — write the host name alone',
      'home.yaml:2:26 domains[1]: "a.b:80": a domain has no port — remove the port',
      'home.yaml:2:36 domains[2]: "*": a wildcard stands only for whole first labels — write *.example.com, or the full name',
      'home.yaml:2:41 domains[3]: "a.*.b": a wildcard stands only for whole first labels — write *.example.com, or the full name',
      'home.yaml:2:50 domains[4]: "bücher.de": a host name in ASCII is wanted — write international names in their xn-- form',
      'home.yaml:2:63 domains[5]: "a..b": this is not a host name — write labels of letters, digits and inner dashes, 1 to 63 characters each, with dots between',
      'home.yaml:2:71 domains[6]: "a.b.": a domain does not end with a dot — remove the last dot',
      'home.yaml:2:84 domains[8]: the domain "a.b" is there twice — give each domain once',
    ],
  ],
  [
    `tenant: home
domains: app.example.com`,
    [
      'home.yaml:2:10 domains: "app.example.com" is not valid here — give a list; each item is a host name such as app.example.com or "*.example.com"',
    ],
  ],
  [
    'tenant: home',
    [
      'home.yaml:1:1 the key domains is missing — add domains: a list; each item is a host name such as app.example.com or "*.example.com"',
    ],
  ],
  [
    BASE + 'quotas: {}',
    [
      'home.yaml:4:1 quotas: not supported yet: quotas in the file of a tenant — have the operator set tenants.quotas or tenants.overrides',
    ],
  ],
  [
    BASE + 'lanes: [{ name: gray, tag: 1 }]',
    ['home.yaml:4:28 lanes[0].tag: 1 is a number, not text — put it in quotes: "1"'],
  ],
  [
    BASE + 'lanes: [{ name: gray, tag: g }, { name: gray, tag: g }, { name: baseline, tag: b }]',
    [
      'home.yaml:4:41 lanes[1].name: the lane name "gray" is there twice — give each lane name once',
      'home.yaml:4:52 lanes[1].tag: the lane tag "g" is there twice — give each lane tag once',
      'home.yaml:4:65 lanes[2].name: baseline is the lane without a tag — choose another name',
    ],
  ],
  [
    BASE +
      'lanes: [{ name: g, tag: g, rules: [{ percentage: 5 }, { stickyBy: { header: x } }, { percentage: 0.125, stickyBy: { header: x, cookie: y } }, {}, { percentage: 101, stickyBy: {} } ] }]',
    [
      'home.yaml:4:38 lanes[0].rules[0].percentage: percentage without stickyBy — add stickyBy: what keeps a user in the lane, such as { header: x-device-id }',
      'home.yaml:4:57 lanes[0].rules[1].stickyBy: stickyBy without percentage — add percentage, or remove stickyBy',
      'home.yaml:4:98 lanes[0].rules[2].percentage: 0.125 has more than two decimals — round it to two',
      'home.yaml:4:128 lanes[0].rules[2].stickyBy.cookie: header and cookie exclude each other — keep header or cookie',
      'home.yaml:4:143 lanes[0].rules[3]: the rule has no condition — give headers, query, cookies, clientIp, or percentage with stickyBy',
      'home.yaml:4:161 lanes[0].rules[4].percentage: 101 is not valid here — give a number from 0 to 100',
      'home.yaml:4:176 lanes[0].rules[4].stickyBy: none of header, query, cookie, clientIp is given — give header, query, cookie or clientIp',
    ],
  ],
  [
    BASE +
      'lanes: [{ name: g, tag: g, rules: [{ percentage: 5.005, stickyBy: { header: x, issue: true } }, {}, { headers: [{ name: x }] }, { headers: [{ name: x, exact: a, prefix: b }] }] }]',
    [
      'home.yaml:4:50 lanes[0].rules[0].percentage: 5.005 has more than two decimals — round it to two',
      'home.yaml:4:80 lanes[0].rules[0].stickyBy.issue: only a cookie can be issued — stick by cookie, or remove issue',
      'home.yaml:4:97 lanes[0].rules[1]: the rule has no condition — give headers, query, cookies, clientIp, or percentage with stickyBy',
      'home.yaml:4:113 lanes[0].rules[2].headers[0]: none of exact, prefix, regex, in, present is given — give exact, prefix, regex, in or present',
      'home.yaml:4:162 lanes[0].rules[3].headers[0].prefix: exact and prefix exclude each other — keep exact or prefix',
    ],
  ],
  [
    BASE + 'services: { a: { static: [{ address: "127.0.0.1" }] } }',
    [
      'home.yaml:4:38 services.a.static[0].address: "127.0.0.1" is not valid here — give host:port such as 10.0.0.7:8080 or "[::1]:8080"',
    ],
  ],
  [
    BASE + 'services: { a: { static: [{ address: "127.0.0.1:0", weight: 0 }], group: g } }',
    [
      'home.yaml:4:26 services.a.static: all weights are 0 — give at least one endpoint a weight',
      'home.yaml:4:38 services.a.static[0].address: "127.0.0.1:0" has no port that can be connected to — give a port from 1 to 65535',
      'home.yaml:4:67 services.a.group: a static service is in no registry, so group has no effect — remove group, or static',
    ],
  ],
  [
    BASE + 'services: { a: { registry: nakos, loadBalancer: random } }',
    [
      'home.yaml:4:28 services.a.registry: there is no registry "nakos" — did you mean nacos?',
      'home.yaml:4:49 services.a.loadBalancer: "random" is not valid here — give round-robin or p2c',
    ],
  ],
  [
    BASE + 'services: { a: { registry: nakos } }',
    ['home.yaml:4:28 services.a.registry: there is no registry "nakos" — did you mean nacos?'],
  ],
  [
    `tenant: home
domains: [a.b]
services: { device: { static: [{ address: "h:1" }] }, lost: {} }
routes: [{ id: r, upstream: { service: devise } }]`,
    [
      'home.yaml:3:61 services.lost: nobody knows where this service is — give static, dns or registry, or discovery for the whole tenant',
      'home.yaml:4:40 routes[0].upstream.service: there is no service "devise" — did you mean device?',
    ],
  ],
  [
    `tenant: home
domains: [a.b]
discovery: { registry: x }`,
    ['home.yaml:3:24 discovery.registry: there is no registry "x" — known here: nacos'],
  ],
  [
    BASE + 'routes: [{ id: a, respond: {} }, { id: a, respond: {} }]',
    ['home.yaml:4:40 routes[1].id: the route id "a" is there twice — give each route id once'],
  ],
  [
    BASE + 'plugins: [{ use: key-auth, config: { key: { secret: nope } } }]',
    [
      'home.yaml:4:43 plugins[0].config.key: the secret nope is missing or unreadable — put it as text into /c/secrets/home/nope',
    ],
  ],
  [
    BASE + 'lanes: [{ name: g, tag: g, endpoints: { metadata: { version: 2 } } }]',
    ['home.yaml:4:62 lanes[0].endpoints.metadata.version: 2 is a number, not text — put it in quotes: "2"'],
  ],
  [
    BASE +
      `lanes: [{ name: g, tag: g, endpoints: { metadata: {} } }]
tagHeader: Host`,
    [
      'home.yaml:4:51 lanes[0].endpoints.metadata: without metadata every endpoint would belong to the lane — name a key and its value',
      'home.yaml:5:12 tagHeader: "Host" has a meaning of its own — choose a header of your own, such as x-mse-tag',
    ],
  ],
];

describe('parseTenant on broken files', () => {
  it.each(BROKEN)('refuses %j', (text, problems) => {
    const parsed = parseTenant('home.yaml', text, { gateway, readSecret: () => null });
    expect(parsed.problems.map(formatProblem)).toEqual(problems);
    expect(parsed.config).toBeNull();
  });
});

const FULL = `tenant: smart-home
domains: [App.Home.example.com, "*.iot.home.example.com"]
discovery: { registry: nacos, namespace: home-prod }
tagHeader: X-Lane
lanes:
  - name: gray
    tag: gray
    endpoints: { metadata: { version: v2 } }
    rules:
      - headers: [{ name: X-Device-Model, in: [cam-2, cam-3] }]
      - percentage: 5.25
        stickyBy: { header: X-Device-Id }
plugins:
  - { use: key-auth, priority: 50, config: { header: x-api-key, keys: [{ key: { secret: app-key }, consumer: app }] } }
services:
  device-service: { loadBalancer: p2c }
  legacy: { static: [{ address: "10.0.0.7:8080" }] }
routes:
  - id: device-api
    hosts: [APP.home.example.com, cam.iot.home.example.com]
    match:
      - path: { prefix: /device }
        headers: [{ name: X-Api, exact: v2 }]
      - path: { prefix: /camera }
    rewrite: { stripPrefix: /device }
    upstream: { service: device-service }
    timeouts: { request: 3s, perTry: 1.5s }
    retries: { attempts: 2, on: [connect-failure, reset-before-response, 503] }
  - id: teapot
    match: { path: { exact: /teapot } }
    respond: { status: 418, body: short }
  - { id: rest, upstream: { services: [{ service: legacy }, { service: other, weight: 3 }] } }
`;

describe('parseTenant', () => {
  const readSecret = (directory: string, name: string) =>
    directory === '/c/secrets' && name === 'app-key' ? 'k3y-value' : null;
  const parsed = parseTenant('home.yaml', FULL, { gateway, readSecret });

  it('fills in defaults, decodes units and lowers names', () => {
    expect(parsed.problems).toEqual([]);
    const tenant = parsed.config!;
    expect(tenant.domains).toEqual(['app.home.example.com', '*.iot.home.example.com']);
    expect(tenant.tagHeader).toBe('x-lane');
    expect(tenant.discovery).toEqual({ registry: 'nacos', namespace: 'home-prod', group: 'DEFAULT_GROUP' });
    expect(tenant.lanes[0]).toMatchObject({ enabled: true, acceptTag: false, fallback: 'baseline' });
    expect(tenant.lanes[0]!.rules[0]!.headers![0]!.name).toBe('x-device-model');
    expect(tenant.lanes[0]!.rules[1]).toEqual({ percentage: 5.25, stickyBy: { header: 'x-device-id' } });
    expect(tenant.services['device-service']).toEqual({ loadBalancer: 'p2c', scheme: 'http' });
    expect(tenant.services['legacy']!.static).toEqual([{ address: '10.0.0.7:8080', weight: 1, metadata: {} }]);
    const [device, teapot, rest] = tenant.routes;
    expect(device!.hosts).toEqual(['app.home.example.com', 'cam.iot.home.example.com']);
    expect(device!.timeouts).toEqual({ request: 3000, perTry: 1500 });
    expect(device!.match[0]!.headers![0]!.name).toBe('x-api');
    expect(teapot).toMatchObject({ match: [{ path: { exact: '/teapot' } }], respond: { status: 418, headers: {} } });
    expect(rest).toMatchObject({
      match: [{}],
      priority: 0,
      retries: { attempts: 1, on: ['connect-failure', 'reset-before-response'] },
    });
    expect(rest!.upstream!.services![0]).toEqual({ service: 'legacy', weight: 1 });
    expect(Object.isFrozen(device!.match[0])).toBe(true);
  });

  it("takes the tenant's own secret before the one for everyone, and never another tenant's", () => {
    const secrets: Readonly<Record<string, string>> = {
      '/c/secrets/home/app-key': 'own',
      '/c/secrets/app-key': 'common',
      '/c/secrets/other/their-key': 'theirs',
    };
    const reader = (directory: string, name: string): string | null => secrets[`${directory}/${name}`] ?? null;
    const using = (name: string) =>
      parseTenant('home.yaml', `${BASE}plugins: [{ use: key-auth, config: { key: { secret: ${name} } } }]\n`, {
        gateway,
        readSecret: reader,
      });
    expect(using('app-key').config?.plugins[0]?.config).toEqual({ key: 'own' });
    expect(using('their-key').problems[0]?.message).toBe('the secret their-key is missing or unreadable');
    expect(using('other/their-key').problems[0]?.message).toBe('this is not the name of a secret');
  });

  it('puts secrets in, and shows none of them', () => {
    expect(parsed.config!.plugins[0]!.config).toMatchObject({ keys: [{ key: 'k3y-value', consumer: 'app' }] });
    expect(parsed.secretNames).toEqual(['app-key']);
    expect(JSON.stringify(parsed.redacted)).not.toContain('k3y-value');
    expect(JSON.stringify(parsed.redacted)).toContain('{"secret":"app-key"}');
  });

  it('does not expand variables of the environment', () => {
    const text = `${BASE}routes: [{ id: r, respond: { body: "\${HOME}" } }]\n`;
    expect(parseTenant('t.yaml', text, { gateway }).config!.routes[0]!.respond!.body).toBe('${HOME}');
  });

  it.each([
    ['unknown keys', 'tenant: home\ndomains: [a.example.com, "not a host", B.example.com]\nnonsense: 1\n', 'home'],
    ['broken syntax', 'tenant: home\ndomains: [a.example.com, b.example.com]\nroutes: [\n', 'home'],
    ['a broken name', 'tenant: Home!\ndomains: [a.example.com, b.example.com]\n', null],
  ])('salvages name and domains of a file with %s', (_, text, tenant) => {
    const { config, salvaged } = parseTenant('t.yaml', text, { gateway });
    expect(config).toBeNull();
    expect(salvaged).toEqual({ tenant, domains: ['a.example.com', 'b.example.com'] });
  });

  it.each(['', 'a: [', '- 1', '{}', 'tenant: [1]\ndomains: {}\n'])('salvages nothing of %j', (text) => {
    expect(parseTenant('t.yaml', text, { gateway }).salvaged).toBeNull();
  });

  it('reports at most fifty problems of a file, and how many more there are', () => {
    const routes = Array.from({ length: 80 }, (_, index) => `  - { id: r${index}, respnd: {} }\n`).join('');
    const { problems } = parseTenant('t.yaml', `${BASE}routes:\n${routes}`, { gateway });
    expect(problems).toHaveLength(50);
    expect(problems.at(-1)!.message).toBe('unknown key (and 30 more problems in this file)');
  });

  it('refuses patterns that are too costly together, at once', () => {
    const routes = Array.from(
      { length: 2000 },
      (_, index) => `  - { id: r${index}, match: { path: { regex: "(?i)${'(a?b){40}'.repeat(5)}" } }, respond: {} }\n`,
    );
    const { problems } = parseTenant('t.yaml', `${BASE}routes:\n${routes.join('')}`, { gateway });
    expect(problems.map((problem) => problem.message)).toEqual(['the patterns of this file are too costly together']);
  });
});
