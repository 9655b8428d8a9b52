import { describe, expect, it } from 'vitest';
import { gateway } from './fixture.suite.ts';
import { parseGateway } from './parse-gateway.ts';
import { parseTenant } from './parse-tenant.ts';
import { formatProblem } from './problem.ts';

const readSecret = () => 'secret-text';
const checkTenant = (text: string) => parseTenant('home.yaml', text, { gateway, readSecret });
const checkGateway = (text: string) => parseGateway('gateway.yaml', text, { readSecret });

const BASE = 'tenant: home\ndomains: [app.example.com]\n';
const STATIC = `${BASE}services: { s: { static: [{ address: "h:1" }] } }\n`;
const NO_SERVICE = 'there is no service "t" — did you mean s?';

type Case = readonly [text: string, problems: readonly string[]];

const TENANTS: readonly Case[] = [
  [
    `${STATIC}routes:
  - { id: a, retires: {}, upstream: { service: t } }
  - 5
  - { id: a, upstream: { service: t }, timeouts: { perTry: 1 }, plugins: [{ use: nope }] }
  - { id: [], respond: {}, redirect: { port: 0 } }
lanes: [{ name: g, tag: 1 }, { name: g, tag: b, rules: [{}] }]
tagHeader: Host
`,
    [
      'home.yaml:5:14 routes[0].retires: unknown key — did you mean retries?',
      `home.yaml:5:48 routes[0].upstream.service: ${NO_SERVICE}`,
      'home.yaml:6:5 routes[1]: 5 is not valid here — give a mapping with id, hosts, match, priority, rewrite, upstream, redirect, respond …',
      'home.yaml:7:11 routes[2].id: the route id "a" is there twice — give each route id once',
      `home.yaml:7:35 routes[2].upstream.service: ${NO_SERVICE}`,
      'home.yaml:7:60 routes[2].timeouts.perTry: 1 is a number, not text — give a duration such as 250ms, 3s, 1.5m or 1h',
      'home.yaml:7:82 routes[2].plugins[0].use: there is no plugin "nope" in the catalogue — known here: key-auth',
      'home.yaml:8:11 routes[3].id: a list is not valid here — give letters, digits and . _ -, 1 to 128 characters',
      'home.yaml:8:15 routes[3].respond: redirect and respond exclude each other — keep redirect or respond',
      'home.yaml:8:46 routes[3].redirect.port: nothing can connect to port 0 — give 1 to 65535',
      'home.yaml:9:25 lanes[0].tag: 1 is a number, not text — put it in quotes: "1"',
      'home.yaml:9:38 lanes[1].name: the lane name "g" is there twice — give each lane name once',
      'home.yaml:9:57 lanes[1].rules[0]: the rule has no condition — give headers, query, cookies, clientIp, or percentage with stickyBy',
      'home.yaml:10:12 tagHeader: "Host" has a meaning of its own — choose a header of your own, such as x-mse-tag',
    ],
  ],
  [
    // A broken service exists; one whose place cannot be read is not lost.
    `${BASE}services: { a: { static: [] }, b: { registri: nacos }, c: { statik: [] } }
routes: [{ id: r, upstream: { services: [{ service: a }, { service: b }, { service: c }, { service: d, weight: x }] } }]
`,
    [
      'home.yaml:3:26 services.a.static: the list is empty — give at least 1',
      'home.yaml:3:37 services.b.registri: unknown key — did you mean registry?',
      'home.yaml:3:61 services.c.statik: unknown key — did you mean static?',
      'home.yaml:4:101 routes[0].upstream.services[3].service: there is no service "d" — did you mean a?',
      'home.yaml:4:112 routes[0].upstream.services[3].weight: "x" is not valid here — give a whole number from 0 to 1000000',
    ],
  ],
  [
    // Hosts, services and what serves them cannot be judged; all else can.
    `tenant: home
domains: [5, b.example.com]
discovry: { registry: nacos }
services: { lost: {} }
routes: [{ id: r, hosts: [c.example.com, "c:1"], upstream: { service: t }, plugins: [{ use: nope }] }]
`,
    [
      'home.yaml:2:11 domains[0]: 5 is a number, not text — put it in quotes: "5"',
      'home.yaml:3:1 discovry: unknown key — did you mean discovery?',
      'home.yaml:5:42 routes[0].hosts[1]: "c:1": a domain has no port — remove the port',
      'home.yaml:5:93 routes[0].plugins[0].use: there is no plugin "nope" in the catalogue — known here: key-auth',
    ],
  ],
  [
    // A misspelt or broken part is no absent one.
    `${STATIC}routes:
  - { id: a, upstraem: { service: s }, rewrite: {}, respond: {} }
  - { id: b, match: { path: { prefx: /a } }, upstream: { service: s }, rewrite: { replacePrefix: /b } }
  - { id: c, match: [{ path: { template: a } }, {}], upstream: { servce: s }, rewrite: { template: "/{x}" } }
  - { id: d, upstream: { service: s }, timeouts: { request: 1, perTry: 50s }, rewrite: { regx: a, replacement: b } }
  - { id: e, upstream: { service: s }, timeouts: { perTri: 1s }, retries: { on: [try-timeout] } }
  - { id: f, redirect: { hst: a } }
  - { id: g, upstream: { service: s }, retries: { attempts: x, on: [try-timeout] } }
lanes: [{ name: g, tag: g, endpoints: { metadata: { v: 2 } }, rules: [{ percentge: 5 }, { percentage: 5, stickBy: {} }] }]
`,
    [
      'home.yaml:5:14 routes[0].upstraem: unknown key — did you mean upstream?',
      'home.yaml:5:49 routes[0].rewrite: the rewrite changes nothing — give stripPrefix, replacePrefix, path, template, regex or host',
      'home.yaml:6:31 routes[1].match.path.prefx: unknown key — did you mean prefix?',
      'home.yaml:7:42 routes[2].match[0].path.template: "a" is not valid here — give a path that begins with "/", without query, fragment and spaces',
      'home.yaml:7:66 routes[2].upstream.servce: unknown key — did you mean service?',
      'home.yaml:7:90 routes[2].rewrite.template: an alternative of the route does not match by path.template — match by path.template in every alternative',
      'home.yaml:8:61 routes[3].timeouts.request: 1 is a number, not text — give a duration such as 250ms, 3s, 1.5m or 1h',
      'home.yaml:8:90 routes[3].rewrite.regx: unknown key — did you mean regex?',
      'home.yaml:9:52 routes[4].timeouts.perTri: unknown key — did you mean perTry?',
      'home.yaml:10:26 routes[5].redirect.hst: unknown key — did you mean host?',
      'home.yaml:11:61 routes[6].retries.attempts: "x" is not valid here — give a whole number from 0 to 10',
      'home.yaml:12:56 lanes[0].endpoints.metadata.v: 2 is a number, not text — put it in quotes: "2"',
      'home.yaml:12:73 lanes[0].rules[0].percentge: unknown key — did you mean percentage?',
      'home.yaml:12:106 lanes[0].rules[1].stickBy: unknown key — did you mean stickyBy?',
    ],
  ],
];

const GATEWAYS: readonly Case[] = [
  [
    `apiVersion: sluice/v1
listeners: [{ name: a, port: 80, address: 5 }, { name: b, port: 80, address: 127.0.0.1, tls: {} }, { name: b, port: 81 }]
tenants: { directory: tenants }
registries: { A: { type: nakos }, b: { type: nacos, servers: [h, "h:65000"], grpcPortOffset: x } }
plugins: [{ name: 5, source: "file:x" }, { name: p, source: x }]
chain: [{ use: q, config: 1 }, 3]
trustedProxies: [xy]
secretes: { directory: x }
accessLog: { path: { secret: s } }
`,
    [
      'gateway.yaml:2:43 listeners[0].address: 5 is a number, not text — put it in quotes: "5"',
      'gateway.yaml:2:94 listeners[1].tls: the key certificates is missing — add certificates: a list; each item is a mapping with certFile, keyFile',
      'gateway.yaml:2:108 listeners[2].name: the listener name "b" is there twice — give each listener name once',
      'gateway.yaml:4:26 registries.A.type: "nakos" is not valid here — did you mean nacos?',
      'gateway.yaml:4:63 registries.b.servers[0]: "h" is not valid here — give host:port such as 10.0.0.7:8080 or "[::1]:8080"',
      'gateway.yaml:4:94 registries.b.grpcPortOffset: "x" is not valid here — give a whole number from -65535 to 65535',
      'gateway.yaml:5:19 plugins[0].name: 5 is a number, not text — put it in quotes: "5"',
      'gateway.yaml:5:61 plugins[1].source: "x" is not valid here — give file: and the path of the module, https://host/path, or oci://host/repository:tag',
      'gateway.yaml:6:27 chain[0].config: 1 is not a plugin configuration — give a mapping',
      'gateway.yaml:6:32 chain[1]: 3 is not valid here — give a mapping with use, priority, onFailure, allowOnHeadersStopIteration, config',
      'gateway.yaml:7:18 trustedProxies[0]: "xy" is neither an address nor a CIDR — write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32',
      'gateway.yaml:8:1 secretes: unknown key — did you mean secrets?',
    ],
  ],
];

describe('one pass over a file', () => {
  it.each(TENANTS)('reports all that is wrong in %j', (text, problems) => {
    const parsed = checkTenant(text);
    expect(parsed.problems.map(formatProblem)).toEqual(problems);
    expect(parsed.config).toBeNull();
  });

  it.each(GATEWAYS)('reports all that is wrong in %j', (text, problems) => {
    const parsed = checkGateway(text);
    expect(parsed.problems.map(formatProblem)).toEqual(problems);
    expect(parsed.config).toBeNull();
  });
});
