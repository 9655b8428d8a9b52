import { describe, expect, it, vi } from 'vitest';
import { compileTenant } from './compile.ts';
import { request, routesOf, serviceFor, tenant } from './fixture.suite.ts';

/** Routes named by what they match; each of a pair is put first once, so that file order never explains a result. */
function winner(a: object, b: object, x: ReturnType<typeof request>): (string | null)[] {
  const [first, second] = [
    { ...a, to: 'a' },
    { ...b, to: 'b' },
  ];
  return [serviceFor(routesOf([first, second]), x), serviceFor(routesOf([second, first]), x)];
}

const header = (name: string) => ({ name, present: true });
const everything = request('/a/b/c?q=1&r=2', { host: 'x.iot.example.com', headers: { h: '1', i: '2' } });

describe('precedence', () => {
  it.each<[string, object, object]>([
    ['priority before hosts', { priority: 1 }, { hosts: ['x.iot.example.com'], match: { path: { exact: '/a/b/c' } } }],
    ['negative priority last', {}, { priority: -1, hosts: ['x.iot.example.com'] }],
    ['host before path', { hosts: ['x.iot.example.com'] }, { match: { path: { exact: '/a/b/c' } } }],
    ['exact host before wildcard', { hosts: ['x.iot.example.com'] }, { hosts: ['*.iot.example.com'] }],
    ['longer wildcard before shorter', { hosts: ['*.iot.example.com'] }, { hosts: ['*.example.com'] }],
    ['wildcard before no host', { hosts: ['*.example.com'] }, {}],
    ['exact before template', { match: { path: { exact: '/a/b/c' } } }, { match: { path: { template: '/a/b/{c}' } } }],
    [
      'template with more literals',
      { match: { path: { template: '/a/{b}/c' } } },
      { match: { path: { template: '/a/{rest=**}' } } },
    ],
    [
      'template before prefix',
      { match: { path: { template: '/{rest=**}' } } },
      { match: { path: { prefix: '/a/b/c' } } },
    ],
    ['longer prefix', { match: { path: { prefix: '/a/b' } } }, { match: { path: { prefix: '/a' } } }],
    ['prefix before regex', { match: { path: { prefix: '/' } } }, { match: { path: { regex: '/a/b/[a-z]' } } }],
    ['longer regex', { match: { path: { regex: '/a/b/[a-z]' } } }, { match: { path: { regex: '/a/.*' } } }],
    [
      'path before method',
      { match: { path: { prefix: '/a' } } },
      { match: { methods: ['GET'], headers: [header('h')] } },
    ],
    ['method before headers', { match: { methods: ['GET'] } }, { match: { headers: [header('h'), header('i')] } }],
    ['more headers', { match: { headers: [header('h'), header('i')] } }, { match: { headers: [header('h')] } }],
    ['headers before query', { match: { headers: [header('h')] } }, { match: { query: [header('q'), header('r')] } }],
    ['more query matches', { match: { query: [header('q'), header('r')] } }, { match: { query: [header('q')] } }],
  ])('%s', (_, a, b) => {
    expect(winner(a, b, everything)).toEqual(['a', 'a']);
  });

  it('ends with the order in the file, over routes and alternatives', () => {
    expect(winner({}, {}, everything)).toEqual(['a', 'b']);
    const routes = routesOf([{ match: [{ headers: [header('h')] }, { headers: [header('i')] }], to: 'a' }]);
    expect(routes.match(everything)?.alternative).toBe(0);
  });
});

describe('TenantRoutes.match', () => {
  it('goes on to the next candidate when a predicate fails, across hosts and kinds of path', () => {
    const only = (method: string) => [method];
    const routes = routesOf([
      { priority: 9, match: { methods: only('A') }, to: 'a' },
      { hosts: ['app.example.com'], match: { path: { exact: '/a/b' }, methods: only('B') }, to: 'b' },
      { hosts: ['app.example.com'], match: { path: { prefix: '/a' }, methods: only('C') }, to: 'c' },
      { hosts: ['*.example.com'], match: { path: { template: '/a/{x}' }, methods: only('D') }, to: 'd' },
      { match: { path: { exact: '/a/b' }, methods: only('E') }, to: 'e' },
      { match: { path: { template: '/{x}/b' }, methods: only('F') }, to: 'f' },
      { match: { path: { prefix: '/a/b' }, methods: only('G') }, to: 'g' },
      { match: { path: { prefix: '/a' }, methods: only('H') }, to: 'h' },
      { match: { path: { regex: '/a/.' }, methods: only('I') }, to: 'i' },
      { match: { path: { regex: '/.*' } }, to: 'rest' },
    ]);
    for (const method of 'ABCDEFGHI')
      expect(serviceFor(routes, request('/a/b', { method }))).toBe(method.toLowerCase());
    expect(serviceFor(routes, request('/a/b', { method: 'Z' }))).toBe('rest');
  });

  it('walks back in the tree where a literal leads nowhere', () => {
    const routes = routesOf([
      { match: { path: { template: '/a/b/{x}/end' } }, to: 'literal' },
      { match: { path: { template: '/a/{y}/c/{z}' } }, to: 'variable' },
    ]);
    expect(serviceFor(routes, request('/a/b/c/end'))).toBe('literal');
    expect(serviceFor(routes, request('/a/b/c/other'))).toBe('variable');
    expect(serviceFor(routes, request('/a/x/c/1'))).toBe('variable');
    expect(serviceFor(routes, request('/a/x/d/1'))).toBeNull();
  });

  it('matches templates by whole, non-empty segments', () => {
    const routes = routesOf([
      { match: { path: { template: '/users/{id}' } }, to: 'one' },
      { match: { path: { template: '/files/{rest=**}' } }, to: 'rest' },
      { match: { path: { template: '/users/{id}/' } }, to: 'slash' },
    ]);
    const expected = {
      '/users/7': 'one',
      '/users/7/': 'slash',
      '/users/': null,
      '/users': null,
      '/users/7/x': null,
      '/files': 'rest',
      '/files/': 'rest',
      '/files/a/b/': 'rest',
      '/filesystem': null,
    };
    for (const [target, service] of Object.entries(expected)) expect(serviceFor(routes, request(target))).toBe(service);
  });

  it('looks at no route for other hosts, and ignores case and port of the host', () => {
    const routes = routesOf([{ hosts: ['App.example.com'], to: 'a' }]);
    expect(serviceFor(routes, request('/', { host: 'APP.example.com:8080' }))).toBe('a');
    expect(serviceFor(routes, request('/', { host: 'b.example.com' }))).toBeNull();
  });

  it('compares paths without the parameters of their segments', () => {
    const routes = routesOf([
      { match: { path: { prefix: '/admin' } }, to: 'guarded' },
      { match: { path: { exact: '/login' } }, to: 'login' },
      { to: 'open' },
    ]);
    expect(serviceFor(routes, request('/admin;x=1/users'))).toBe('guarded');
    expect(serviceFor(routes, request('/login;jsessionid=1'))).toBe('login');
    expect(serviceFor(routes, request('/;x'))).toBe('open');
  });

  it('matches escapes of the configuration in any spelling', () => {
    const routes = routesOf([
      { match: { path: { exact: '/%61/caf%c3%a9' } }, to: 'escaped' },
      { match: { path: { prefix: '/设备' } }, to: 'unicode' },
    ]);
    expect(serviceFor(routes, request('/a/caf%C3%A9'))).toBe('escaped');
    expect(serviceFor(routes, request('/%E8%AE%BE%E5%A4%87/1'))).toBe('unicode');
  });

  it('has no route for *, for nothing configured, and for odd methods', () => {
    expect(routesOf([{ to: 'a' }]).match(request('*', { method: 'OPTIONS' }))).toBeNull();
    expect(routesOf([]).match(request('/'))).toBeNull();
    expect(serviceFor(routesOf([{ to: 'a' }]), request('/', { method: 'PURGE' }))).toBe('a');
  });

  it('keeps what explains a match', () => {
    const routes = routesOf([{ id: 'orders', hosts: ['*.example.com'], match: { path: { prefix: '/o/' } }, to: 'a' }]);
    const match = routes.match(request('/o/1'));
    expect(match).toMatchObject({ alternative: 0, host: '*.example.com', methods: null });
    expect(match?.route).toMatchObject({ id: 'orders', index: 0 });
    expect(match?.path).toMatchObject({ kind: 'prefix', text: '/o' });
    expect(match?.precedence).toEqual([0, 13, 1, 2, 0, 0, 0, -0]);
  });
});

describe('ten thousand routes', () => {
  const shapes = [
    (i: number) => ({ exact: `/exact/${i}` }),
    (i: number) => ({ prefix: `/prefix/${i}` }),
    (i: number) => ({ template: `/template/${i}/{id}` }),
    (i: number) => ({ template: `/{tenant}/by-suffix/${i}` }),
  ];
  const routes = routesOf(
    Array.from({ length: 10_000 }, (_, i) => ({ match: { path: shapes[i % shapes.length]!(i) }, to: `s${i}` })),
  );

  it.each([
    ['/exact/4000', 's4000'],
    ['/prefix/4001/below/here', 's4001'],
    ['/template/4002/7', 's4002'],
    ['/acme/by-suffix/4003', 's4003'],
    ['/exact/none', null],
  ])('look at a handful of nodes for %s', (target, service) => {
    const get = vi.spyOn(Map.prototype, 'get');
    try {
      const match = routes.match(request(target));
      const accesses = get.mock.calls.length;
      get.mockRestore();
      expect(match?.route.split?.pick(0) ?? null).toBe(service);
      expect(accesses).toBeGreaterThan(0);
      expect(accesses).toBeLessThan(10);
    } finally {
      get.mockRestore();
    }
  });

  it('may each have a priority of their own', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => ({
      priority: i,
      match: { path: { prefix: `/p/${i}` } },
      to: `s${i}`,
    }));
    expect(serviceFor(routesOf(many), request('/p/9999/x'))).toBe('s9999');
  });
});

describe('hostile patterns', () => {
  const evil = ['/(a+)+$', '/(a|a)*b', '/([a-z]+)*=', '/(.*.*.*.*)x', '/(?:a?){64}a{64}'];

  it('do not stall a match', () => {
    const routes = routesOf([
      ...evil.map((regex) => ({ match: { path: { regex } }, to: 'path' })),
      ...evil.map((regex) => ({ match: { headers: [{ name: 'h', regex }] }, to: 'header' })),
      ...evil.map((regex) => ({ match: { query: [{ name: 'q', regex }] }, to: 'query' })),
      { to: 'other' },
    ]);
    const long = `/${'a'.repeat(4000)}!`;
    const x = request(`${long}?q=${long}`, { headers: { h: long } });
    const started = performance.now();
    expect(serviceFor(routes, x)).toBe('other');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('match the whole path', () => {
    const routes = routesOf([{ match: { path: { regex: '/a|/b' } }, to: 'a' }]);
    expect(serviceFor(routes, request('/a'))).toBe('a');
    expect(serviceFor(routes, request('/b'))).toBe('a');
    expect(serviceFor(routes, request('/ab'))).toBeNull();
    expect(serviceFor(routes, request('/x/a'))).toBeNull();
  });
});

describe('compileTenant', () => {
  it.each([
    ['a template with a part of a segment', { match: { path: { template: '/v{n}/x' } } }, /whole segment/],
    [
      'a template with ** inside',
      { match: { path: { template: '/{a=**}/b' } } },
      /put the variable that takes the rest last/,
    ],
    ['a variable twice', { match: { path: { template: '/{a}/{a}' } } }, /twice/],
    ['dot segments', { match: { path: { prefix: '/a/../b' } } }, /no request can have/],
    ['a pattern that is none', { match: { path: { regex: '/(' } } }, /tenant home, route bad: /],
    ['a CIDR that is none', { match: { clientIp: ['10.0.0.0/99'] } }, /tenant home, route bad: /],
    [
      'an unknown variable',
      { match: { path: { template: '/{a}' } }, rewrite: { template: '/{b}' } },
      /\{b\} is no variable/,
    ],
    ['template without template', { rewrite: { template: '/x' } }, /needs a match by template/],
    [
      'replacePrefix on a pattern',
      { match: { path: { regex: '/.*' } }, rewrite: { replacePrefix: '/x' } },
      /by prefix/,
    ],
  ])('names the route that has %s', (_, parts, message) => {
    const config = tenant({ routes: [{ id: 'bad', upstream: { service: 's' }, ...parts }] });
    expect(() => compileTenant(config)).toThrow(expect.objectContaining({ code: 'SLUICE_CONFIG_INVALID' }));
    expect(() => compileTenant(config)).toThrow(message);
  });
});
