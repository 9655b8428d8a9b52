import { describe, expect, it } from 'vitest';
import { parseGateway } from './parse-gateway.ts';
import { parseTenant } from './parse-tenant.ts';
import { formatProblem } from './problem.ts';
import { DEFAULT_LISTENER_LIMITS } from './schema-limits.ts';
import { limitsOf } from './tenant-grants.ts';

const BASE = 'apiVersion: sluice/v1\nlisteners: [{ name: http, port: 8080';

/** `gateway.yaml` with limits of its listener and of tenants, and lines below. */
function gatewayWith(limits: string, tenants = '', rest = '') {
  const section = `tenants: { directory: t${tenants === '' ? '' : `, ${tenants}`} }`;
  return parseGateway(
    '/c/gateway.yaml',
    `${BASE}${limits === '' ? '' : `, limits: { ${limits} }`} }]\n${section}\n${rest}\n`,
  );
}

function problemsOf(limits: string, tenants?: string, rest?: string): string[] {
  return gatewayWith(limits, tenants, rest).problems.map(formatProblem);
}

describe('limits of a listener', () => {
  it('have defaults, which are the table', () => {
    expect(gatewayWith('').config!.listeners[0]!.limits).toEqual(DEFAULT_LISTENER_LIMITS);
  });

  it('are taken as written', () => {
    const { config } = gatewayWith('connections: 10, idleTimeout: 1.5s, requestHead: 8KiB, requestBody: 0B');
    expect(config!.listeners[0]!.limits).toEqual({
      ...DEFAULT_LISTENER_LIMITS,
      connections: 10,
      idleTimeout: 1500,
      requestHead: 8192,
      requestBody: 0,
    });
  });

  it.each([
    ['headTimeout: 0s', 'headTimeout: the duration is out of range — give more than 0s, and at most 24h'],
    ['idleTimeout: 25h', 'idleTimeout: the duration is out of range — give more than 0s, and at most 24h'],
    ['stallTimeout: 999999999h', 'stallTimeout: the duration is out of range — give more than 0s, and at most 24h'],
    ['upgradeIdleTimeout: 0s', 'upgradeIdleTimeout: the duration is out of range — give more than 0s, and at most 24h'],
    ['requestHead: 511B', 'requestHead: the size is out of range — give at least 512B, and at most 1MiB'],
    ['requestHead: 2MiB', 'requestHead: the size is out of range — give at least 512B, and at most 1MiB'],
    ['requestTarget: 0B', 'requestTarget: the size is out of range — give at least 1B, and at most 1MiB'],
    ['connections: 0', 'connections: 0 is not valid here — give a whole number from 1 to 1000000'],
    ['keepAlive: 5s', 'keepAlive: unknown key'],
  ])('refuse %s', (limits, problem) => {
    expect(problemsOf(limits)).toEqual([expect.stringContaining(`listeners[0].limits.${problem}`)]);
  });
});

describe('overload', () => {
  it.each([
    ['idleTimeout: 0s', 'idleTimeout: the duration is out of range — give more than 0s, and at most 24h'],
    ['loopDelay: 48h', 'loopDelay: the duration is out of range — give more than 0s, and at most 24h'],
    ['descriptors: 101', 'descriptors: 101 is not valid here — give a whole number from 0 to 100'],
  ])('refuses %s', (overload, problem) => {
    expect(problemsOf('', '', `overload: { ${overload} }`)).toEqual([expect.stringContaining(`overload.${problem}`)]);
  });

  it('may be switched off, resource by resource', () => {
    const off = 'overload: { loopDelay: 0s, bufferedBytes: 0B, descriptors: 0, heap: 0 }';
    expect(problemsOf('', '', off)).toEqual([]);
  });
});

describe('ceilings of tenants', () => {
  it('belong to tenants by name', () => {
    expect(problemsOf('', 'overrides: { Home: { limits: { routes: 1 } } }')).toEqual([
      expect.stringContaining('tenants.overrides.Home: "Home" cannot be the name of a tenant'),
    ]);
  });

  it('are the same for all but for those with their own', () => {
    const limits = 'limits: { routes: 5, plugins: 1 }, overrides: { home: { limits: { routes: 7 } } }';
    const { tenants } = gatewayWith('', limits).config!;
    expect(limitsOf(tenants, 'home')).toMatchObject({ routes: 7, regexes: 500, plugins: 1 });
    expect(limitsOf(tenants, 'other')).toMatchObject({ routes: 5, regexes: 500, plugins: 1 });
    expect(limitsOf(tenants, 'toString')).toBe(tenants.limits);
  });

  const ROUTE = 'respond: {}';
  const ROUTES = `routes:
  - { id: a, ${ROUTE}, plugins: [{ use: p, config: { n: 1 } }] }
  - { id: b, ${ROUTE}, match: { path: { regex: /a }, headers: [{ name: x, regex: b }] } }
  - { id: c, ${ROUTE}, match: [{ query: [{ name: x, regex: c }] }], plugins: [{ use: p, config: { n: 2 } }] }
lanes: [{ name: g, tag: g, rules: [{ cookies: [{ name: x, regex: d }] }] }]
plugins: [{ use: p, config: { n: 1 } }]
`;

  function tenantProblems(limits: string, tenant = 'home'): string[] {
    const gateway = gatewayWith('', limits, 'plugins: [{ name: p, source: "file:p.wasm" }]').config!;
    const text = `tenant: ${tenant}\ndomains: [a.example.com]\n${ROUTES}`;
    return parseTenant('home.yaml', text, { gateway }).problems.map((problem) => {
      expect(problem.code).toBe('SLUICE_CONFIG_CEILING');
      return formatProblem(problem);
    });
  }

  it('allow what is below them', () => {
    // Equal uses share one instance, so there are two of them.
    expect(tenantProblems('limits: { routes: 3, regexes: 4, plugins: 2 }')).toEqual([]);
  });

  it.each([
    ['routes: 2', 'home.yaml:6:5 routes[2]: the tenant may have 2 routes, and this is one more'],
    [
      'plugins: 1',
      'home.yaml:6:82 routes[2].plugins[0]: the tenant may have 1 plugin uses that differ in plugin or config, and this is one more',
    ],
    ['plugins: 0', 'home.yaml:8:11 plugins[0]: the tenant may have 0 plugin uses'],
    [
      'regexes: 3',
      'routes[2].match[0].query[0].regex: the tenant may have 3 regular expressions, and this is one more',
    ],
    ['regexes: 1', 'routes[1].match.path.regex: the tenant may have 1 regular expressions, and this is one more'],
  ])('report the first that is too many: %s', (limits, problem) => {
    expect(tenantProblems(`limits: { ${limits} }`)).toEqual([expect.stringContaining(problem)]);
  });

  it('say what to do', () => {
    expect(tenantProblems('limits: { routes: 1 }')).toEqual([
      expect.stringMatching(
        / — remove some, or have the operator raise routes of tenants.limits or tenants.overrides$/,
      ),
    ]);
  });

  it('may be raised for one tenant', () => {
    const limits = 'limits: { routes: 1 }, overrides: { home: { limits: { routes: 3 } } }';
    expect(tenantProblems(limits)).toEqual([]);
    expect(tenantProblems(limits, 'other')).toHaveLength(1);
  });

  it('hold no longer than the operator can be understood', () => {
    const { outline } = gatewayWith('', 'limits: { routes: x }');
    expect(outline!.tenants.limits).toBeUndefined();
    const { outline: other } = gatewayWith('', 'overrides: { home: { limits: { routs: 1 } } }');
    expect(other!.tenants.limits).toBeUndefined();
    const broken = gatewayWith('', 'limits: { routes: 1 }', 'nonsense: 1');
    expect(broken.config).toBeNull();
    expect(broken.outline!.tenants.limits).toMatchObject({ routes: 1 });
  });
});
