import { describe, expect, it } from 'vitest';
import { gateway } from './fixture.suite.ts';
import { parseTenant } from './parse-tenant.ts';
import { formatProblem } from './problem.ts';

/** The route begins in line 5; what the cases add is in line 6 and the following. */
const BASE = 'tenant: home\ndomains: [app.example.com]\ndiscovery: { registry: nacos }\nroutes:\n  - id: r\n';
const SERVED = `${BASE}    upstream: { service: s }\n`;

type Case = readonly [text: string, problems: readonly string[]];

const BROKEN: readonly Case[] = [
  [
    SERVED + '    match: { path: /device }',
    [
      'home.yaml:7:20 routes[0].match.path: "/device" is not valid here — give a mapping with exact, prefix, template, regex',
    ],
  ],
  [
    SERVED + '    match: { path: { exact: /a, prefix: /b } }',
    ['home.yaml:7:33 routes[0].match.path.prefix: exact and prefix exclude each other — keep exact or prefix'],
  ],
  [
    SERVED + '    match: { path: {} }',
    [
      'home.yaml:7:20 routes[0].match.path: none of exact, prefix, template, regex is given — give exact, prefix, template or regex',
    ],
  ],
  [
    SERVED + '    match: { path: { prefix: device } }',
    [
      'home.yaml:7:30 routes[0].match.path.prefix: "device" is not valid here — give a path that begins with "/", without query, fragment and spaces',
    ],
  ],
  [
    SERVED + '    match: { path: { regex: "(?=a)b" } }',
    [
      'home.yaml:7:29 routes[0].match.path.regex: look-around, back references and inline groups cannot be matched in linear time — write a pattern in RE2 syntax, without look-around and back references',
    ],
  ],
  [
    SERVED + '    match: { path: { regex: "(" } }',
    [
      'home.yaml:7:29 routes[0].match.path.regex: Unterminated group — write a pattern in RE2 syntax, without look-around and back references',
    ],
  ],
  [
    SERVED + '    match: [{ path: { template: "/a/{id}/x{b}" } }]',
    [
      'home.yaml:7:33 routes[0].match[0].path.template: "x{b}" is not a variable — make a variable a whole segment such as {id} or {rest=**}',
    ],
  ],
  [
    SERVED + '    match: [{ path: { template: "/a/{id=**}/x" } }]',
    [
      'home.yaml:7:33 routes[0].match[0].path.template: {id=**} is not at the end — put the variable that takes the rest last',
    ],
  ],
  [
    SERVED + '    match: /device',
    ['home.yaml:7:12 routes[0].match: "/device" is not valid here — give a mapping or a list of them'],
  ],
  [SERVED + '    match: []', ['home.yaml:7:12 routes[0].match: the list is empty — give at least 1']],
  [
    SERVED + '    match: { metods: [GET] }',
    ['home.yaml:7:14 routes[0].match.metods: unknown key — did you mean methods?'],
  ],
  [
    SERVED + '    match: { methods: [get] }',
    ['home.yaml:7:24 routes[0].match.methods[0]: "get" is not valid here — give a method in upper case such as GET'],
  ],
  [
    SERVED + '    match: { headers: [{ name: "a b", exact: 1 }] }',
    [
      'home.yaml:7:32 routes[0].match.headers[0].name: "a b" is not the name of a header — use letters, digits and !#$%&\'*+.^_`|~-',
      'home.yaml:7:46 routes[0].match.headers[0].exact: 1 is a number, not text — put it in quotes: "1"',
    ],
  ],
  [
    SERVED + '    match: { headers: [{ name: "a b", exact: "1" }], clientIp: [10.0.0.0/64] }',
    [
      'home.yaml:7:32 routes[0].match.headers[0].name: "a b" is not the name of a header — use letters, digits and !#$%&\'*+.^_`|~-',
      'home.yaml:7:65 routes[0].match.clientIp[0]: "10.0.0.0/64" is neither an address nor a CIDR — write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32',
    ],
  ],
  [
    SERVED + '    match: { path: { prefix: /a//b } }',
    [
      'home.yaml:7:30 routes[0].match.path.prefix: no request can have the path "/a//b": runs of "/" become one — write a single "/"',
    ],
  ],
  [
    SERVED +
      '    match: [{ path: { exact: /a/%2E%2e/b } }, { path: { prefix: "/a;v=1" } }, { path: { exact: "/a\\\\b" } }]',
    [
      'home.yaml:7:30 routes[0].match[0].path.exact: no request can have the path "/a/%2E%2e/b": dot segments are refused — write the path out',
      'home.yaml:7:65 routes[0].match[1].path.prefix: no request can have the path "/a;v=1": path parameters do not count — remove ";" and what follows it',
      'home.yaml:7:96 routes[0].match[2].path.exact: no request can have the path "/a\\\\b": it has a backslash or control character — remove the character',
    ],
  ],
  [
    SERVED + '    rewrite: { path: /a/../b }',
    [
      'home.yaml:7:22 routes[0].rewrite.path: no request can have the path "/a/../b": dot segments are refused — write the path out',
    ],
  ],
  [
    SERVED + '    retries: { on: [conect-failure, 404, 503, reset] }',
    [
      'home.yaml:7:21 routes[0].retries.on[0]: "conect-failure" is not valid here — did you mean connect-failure?',
      'home.yaml:7:37 routes[0].retries.on[1]: 404 is not valid here — give a whole number from 500 to 599',
      'home.yaml:7:47 routes[0].retries.on[3]: "reset" is not valid here — did you mean reset-before-response?',
    ],
  ],
  [
    SERVED + '    retries: { on: 503 }',
    [
      'home.yaml:7:20 routes[0].retries.on: 503 is not valid here — give a list; each item is connect-failure, reset-before-response, try-timeout or a whole number from 500 to 599',
    ],
  ],
  [
    SERVED + '    retries: { attempts: 1, on: [try-timeout] }',
    [
      'home.yaml:7:34 routes[0].retries.on[0]: no attempt ever times out without timeouts.perTry — give timeouts.perTry',
    ],
  ],
  [
    SERVED + '    timeouts: { request: 1s, perTry: 2s }',
    [
      'home.yaml:7:38 routes[0].timeouts.perTry: perTry is longer than request (1000 ms) — give perTry at most as much as request',
    ],
  ],
  [
    SERVED + '    timeouts: { request: 3, perTry: "3 seconds" }',
    [
      'home.yaml:7:26 routes[0].timeouts.request: 3 is a number, not text — give a duration such as 250ms, 3s, 1.5m or 1h',
      'home.yaml:7:37 routes[0].timeouts.perTry: "3 seconds" is not valid here — give a duration such as 250ms, 3s, 1.5m or 1h',
    ],
  ],
  [
    SERVED + '    timeouts: { per-try: 1s }',
    ['home.yaml:7:17 routes[0].timeouts.per-try: unknown key — did you mean perTry?'],
  ],
  [
    SERVED + '    timeouts: 3s',
    ['home.yaml:7:15 routes[0].timeouts: "3s" is not valid here — give a mapping with request, perTry'],
  ],
  [
    SERVED + '    rewrite: { stripPrefix: /a, path: /b }',
    ['home.yaml:7:33 routes[0].rewrite.path: stripPrefix and path exclude each other — keep stripPrefix or path'],
  ],
  [
    SERVED +
      `    match: { path: { exact: /a } }
    rewrite: { replacePrefix: /b }`,
    [
      'home.yaml:8:16 routes[0].rewrite.replacePrefix: there is no prefix to replace in every alternative — match by path.prefix in every alternative, or give path instead',
    ],
  ],
  [
    SERVED +
      `    match: { path: { template: "/a/{id}" } }
    rewrite: { template: "/b/{name}" }`,
    ['home.yaml:8:26 routes[0].rewrite.template: {name} is no variable of path.template — use {id}'],
  ],
  [
    SERVED +
      `    match: { path: { prefix: /a } }
    rewrite: { template: "/b/{name}" }`,
    [
      'home.yaml:8:16 routes[0].rewrite.template: an alternative of the route does not match by path.template — match by path.template in every alternative',
    ],
  ],
  [
    SERVED + '    rewrite: { regex: "(a)" }',
    ['home.yaml:7:14 routes[0].rewrite: regex without replacement — give both'],
  ],
  [
    SERVED + '    rewrite: { regex: "(a)", replacement: "$2" }',
    [
      'home.yaml:7:43 routes[0].rewrite.replacement: the pattern has no group 2 — use $1 … for groups of the pattern, $& for the match and $$ for a dollar sign',
    ],
  ],
  [
    SERVED + '    rewrite: {}',
    [
      'home.yaml:7:14 routes[0].rewrite: the rewrite changes nothing — give stripPrefix, replacePrefix, path, template, regex or host',
    ],
  ],
  [
    SERVED + '    rewrite: { host: "a b" }',
    ['home.yaml:7:22 routes[0].rewrite.host: "a b" is not a host — write a host name, with a port if need be'],
  ],
  [
    BASE + '    timeouts: { request: 1s }',
    ['home.yaml:5:5 routes[0]: none of upstream, redirect, respond is given — give upstream, redirect or respond'],
  ],
  [
    SERVED + '    respond: { status: 200 }',
    ['home.yaml:7:5 routes[0].respond: upstream and respond exclude each other — keep upstream or respond'],
  ],
  [
    BASE + '    respond: { status: 204, body: x, headers: { Content-Length: "1", a b: c, d: "x\\r\\ny" } }',
    [
      'home.yaml:6:35 routes[0].respond.body: a response with status 204 has no body — remove body, or give another status',
      'home.yaml:6:49 routes[0].respond.headers.Content-Length: the gateway itself sets content-length — remove it',
      'home.yaml:6:70 routes[0].respond.headers["a b"]: "a b" cannot be a name here — use a name of letters, digits and dashes',
      'home.yaml:6:81 routes[0].respond.headers.d: "x\\r\\ny" is not valid here — give an HTTP field value: no line breaks, no control characters, no space at either end, up to 4096 bytes',
    ],
  ],
  [
    BASE + '    respond: { headers: { a b: c, d: "x\\r\\ny" } }',
    [
      'home.yaml:6:27 routes[0].respond.headers["a b"]: "a b" cannot be a name here — use a name of letters, digits and dashes',
      'home.yaml:6:38 routes[0].respond.headers.d: "x\\r\\ny" is not valid here — give an HTTP field value: no line breaks, no control characters, no space at either end, up to 4096 bytes',
    ],
  ],
  [
    BASE + '    redirect: { status: 300 }',
    [
      'home.yaml:6:15 routes[0].redirect: the redirect leads back to the same place — give scheme, host, port, path or replacePrefix',
      'home.yaml:6:25 routes[0].redirect.status: 300 is not valid here — give 301, 302, 303, 307 or 308',
    ],
  ],
  [
    BASE + '    redirect: { status: 301 }',
    [
      'home.yaml:6:15 routes[0].redirect: the redirect leads back to the same place — give scheme, host, port, path or replacePrefix',
    ],
  ],
  [
    BASE +
      `    redirect: { path: /a, replacePrefix: /b, host: "a:80", port: 0 }
    retries: { attempts: 2 }
    match: { path: { regex: /x } }`,
    [
      'home.yaml:6:27 routes[0].redirect.replacePrefix: path and replacePrefix exclude each other — keep path or replacePrefix',
      'home.yaml:6:27 routes[0].redirect.replacePrefix: there is no prefix to replace in every alternative — match by path.prefix in every alternative, or give path instead',
      'home.yaml:6:52 routes[0].redirect.host: "a:80" is not a host name — write a host name; a port goes under port',
      'home.yaml:6:66 routes[0].redirect.port: nothing can connect to port 0 — give 1 to 65535',
      'home.yaml:7:5 routes[0].retries: retries has no effect together with redirect — remove retries',
    ],
  ],
  [
    BASE + '    respond: {}\n    upgrades: [websocket]',
    ['home.yaml:7:5 routes[0].upgrades: upgrades has no effect together with respond — remove upgrades'],
  ],
  [
    SERVED + '    upgrades: [h2c, WebSocket]',
    [
      'home.yaml:7:16 routes[0].upgrades[0]: "h2c" is not valid here — give a protocol name in lower case such as websocket; not h2c, which the gateway does not pass on',
      'home.yaml:7:21 routes[0].upgrades[1]: "WebSocket" is not valid here — give a protocol name in lower case such as websocket; not h2c, which the gateway does not pass on',
    ],
  ],
  [
    BASE + '    upstream: { services: [{ service: a, weight: 0 }, { service: a, weight: 0 }] }',
    [
      'home.yaml:6:27 routes[0].upstream.services: all weights are 0 — give at least one service a weight',
      'home.yaml:6:66 routes[0].upstream.services[1].service: the service "a" is there twice — give each service once',
    ],
  ],
  [
    BASE + '    upstream: { service: a, services: [{ service: b }] }',
    ['home.yaml:6:29 routes[0].upstream.services: service and services exclude each other — keep service or services'],
  ],
  [
    BASE + '    upstream: device',
    ['home.yaml:6:15 routes[0].upstream: "device" is not valid here — give a mapping with service, services'],
  ],
  [
    BASE + '    upstream:',
    ['home.yaml:6:14 routes[0].upstream: the value is missing — give a mapping with service, services'],
  ],
  [
    SERVED + '    hosts: [other.com, "*.example.com", "app.example.com", "APP.example.com"]',
    [
      `home.yaml:7:13 routes[0].hosts[0]: "other.com" is not within the tenant's domains — add it to domains, or choose a host within app.example.com`,
      `home.yaml:7:24 routes[0].hosts[1]: "*.example.com" is not within the tenant's domains — add it to domains, or choose a host within app.example.com`,
      'home.yaml:7:60 routes[0].hosts[3]: the host "app.example.com" is there twice — give each host once',
    ],
  ],
  [
    SERVED + '    plugins: [{ use: keyauth, onFailure: opened, priority: 5000 }]',
    [
      'home.yaml:7:22 routes[0].plugins[0].use: there is no plugin "keyauth" in the catalogue — did you mean key-auth?',
      'home.yaml:7:42 routes[0].plugins[0].onFailure: "opened" is not valid here — did you mean open?',
      'home.yaml:7:60 routes[0].plugins[0].priority: 5000 is not valid here — give a whole number from -1000 to 1000',
    ],
  ],
  [
    SERVED + '    plugins: [{ use: keyauth, config: [] }]',
    [
      'home.yaml:7:22 routes[0].plugins[0].use: there is no plugin "keyauth" in the catalogue — did you mean key-auth?',
      'home.yaml:7:39 routes[0].plugins[0].config: a list is not a plugin configuration — give a mapping',
    ],
  ],
  [
    SERVED + '    plugins: [key-auth]',
    [
      'home.yaml:7:15 routes[0].plugins[0]: "key-auth" is not valid here — give a mapping with use, priority, onFailure, allowOnHeadersStopIteration, config',
    ],
  ],
];

describe('parseTenant on broken routes', () => {
  it.each(BROKEN)('refuses %j', (text, problems) => {
    const parsed = parseTenant('home.yaml', text, { gateway, readSecret: () => null });
    expect(parsed.problems.map(formatProblem)).toEqual(problems);
    expect(parsed.config).toBeNull();
  });
});
