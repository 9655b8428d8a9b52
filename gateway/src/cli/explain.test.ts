import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUCKETS, bucketOf } from '../core/hash.ts';
import { Folder, GATEWAY } from './explain.suite.ts';

let folder: Folder;
beforeAll(() => {
  folder = new Folder();
});
afterAll(() => folder.remove());

describe('sluice explain', () => {
  it('tells the whole way in lines', async () => {
    const { code, out } = await folder.run(['post', 'https://app.example.com/device/1?a=b#c'], {
      headers: ['x-model: cam-2', 'X-Forwarded-For: 192.0.2.7'],
      clientIp: '10.1.1.1',
    });
    expect(out).toEqual([
      'POST https://app.example.com/device/1?a=b from 192.0.2.7',
      'tenant    home, by its domain app.example.com',
      'route     device: exact /device/1',
      '          before all: device has a path by exact, which goes before prefix',
      'lane      gray, by rule 1: header x-model in cam-2,cam-3',
      '            not old: the lane is switched off (enabled: false)',
      'plugins   1. auth (gateway, priority 100)',
      '          2. guard (gateway, priority 1)',
      '          3. auth (tenant, priority 0)',
      '          4. guard (route, priority 0, goes on without it when it fails)',
      'upstream  POST /1?a=b',
      '          host: inside.example.com',
      '          x-mse-tag: gray',
      'service   one (local/prod/DEFAULT_GROUP/one), 75.0 % (weight 3)',
      '          two (local/prod/DEFAULT_GROUP/two), 25.0 % (weight 1)',
      'others    device-v2: prefix /device header x-api exact v2',
      '            does not hold: header x-api exact v2: it is absent',
      '          device: GET prefix /device',
      '            does not hold: the method is POST, not GET',
      '          all: prefix /',
      '            holds too, but device has a path by exact, which goes before prefix',
    ]);
    expect(code).toBe(0);
  });

  it('shows a redirect with its host and domain, and a fixed answer', async () => {
    const redirect = await folder.explain('http://d1.iot.example.com:8080/old/a?b');
    expect(redirect.tenant).toEqual({ name: 'home', domain: '*.iot.example.com' });
    expect(redirect.route).toMatchObject({
      route: 'moved',
      host: '*.iot.example.com',
      won: { over: 'all', by: 'host' },
    });
    const location = 'http://d1.iot.example.com:8080/new/a?b';
    expect(redirect.action).toEqual({ kind: 'redirect', status: 301, location });

    const answer = await folder.explain('/device', ['Host: app.example.com', 'x-api: v2']);
    expect(answer.action).toEqual({ kind: 'respond', status: 204, headers: {}, bodyBytes: 0 });
    expect(answer.route?.won).toEqual({
      over: 'device',
      by: 'priority',
      words: 'device-v2 has the higher priority, 1 before 0',
    });
  });

  it('names the nearest domains of a host that nobody has', async () => {
    const slip = await folder.explain('http://shop.exmaple.net/');
    expect(slip).toMatchObject({
      code: 2,
      tenant: null,
      action: null,
      refusal: { code: 'SLUICE_ROUTE_DOMAIN_UNKNOWN' },
    });
    expect(slip.nearestDomains[0]).toBe('shop.example.net');
    const sibling = await folder.explain('http://x.y.example.com/');
    expect(sibling.nearestDomains.slice(0, 2)).toEqual(['app.example.com', '*.iot.example.com']);
  });

  it('names what is missing when no route holds', async () => {
    const { code, refusal, route, candidates } = await folder.explain('http://shop.example.net/her');
    expect({ code, route, refusal: refusal?.code }).toEqual({
      code: 2,
      route: null,
      refusal: 'SLUICE_ROUTE_NOT_FOUND',
    });
    expect(candidates).toEqual([
      {
        route: 'only',
        alternative: 1,
        host: null,
        match: 'exact /here',
        holds: false,
        reasons: ['the path /her is not exact /here'],
      },
    ]);
  });

  it('takes text beyond ASCII as clients send it, and shows no control characters', async () => {
    const { out } = await folder.run(['http://app.example.com/device/é'], { headers: ['x-model: é'] });
    expect(out[0]).toBe('GET http://app.example.com/device/é from 127.0.0.1');
    expect(out).toContain('upstream  GET /%C3%A9');
    expect(out).toContain('            not gray, rule 1: header x-model in cam-2,cam-3: it is "é"');
    const own = new Folder();
    own.write(
      'tenants/other.yaml',
      'tenant: other\ndomains: [b.c]\nroutes: [{ id: r, respond: {}, match: { query: [{ name: "\\e[2J", present: true }] } }]\n',
    );
    expect((await own.run(['http://b.c/'])).out.join('\n')).toContain('query \\x1b[2J present true');
    own.remove();
  });

  it('refuses a path that the gateway refuses', async () => {
    const { code, refusal } = await folder.explain('http://app.example.com/a/../b');
    expect([code, refusal?.code]).toEqual([2, 'SLUICE_REQUEST_PATH_INVALID']);
  });

  it('shows no secret', async () => {
    const { out, code } = await folder.run(['http://app.example.com/keyed'], { headers: ['x-key: kept-to-itself'] });
    expect(code).toBe(0);
    expect(out.join('\n')).not.toContain('kept-to-itself');
    expect(out).toContain('route     keyed: exact /keyed header x-key exact { secret: key }');
    expect(out).toContain('answer    200 with a body of 14 bytes');
  });
});

describe('the lane', () => {
  const lane = async (headers: string[]) => (await folder.explain('http://app.example.com/', headers)).lane!;

  it('is baseline when no rule matches, and says what was looked at', async () => {
    expect(await lane(['x-model: cam-1', 'x-mse-tag: gray'])).toEqual({
      name: 'baseline',
      rule: '',
      reason: 'baseline: no rule matched',
      fallback: null,
      steps: [
        { lane: 'old', rule: '', holds: false, reason: 'the lane is switched off (enabled: false)' },
        { lane: 'gray', rule: 'tag', holds: false, reason: 'the tag gray was sent and is removed: acceptTag is false' },
        { lane: 'gray', rule: 'rule 1', holds: false, reason: 'header x-model in cam-2,cam-3: it is "cam-1"' },
        {
          lane: 'gray',
          rule: 'percentage 2',
          holds: false,
          reason: 'no key: header x-id is absent, empty or too long',
        },
      ],
    });
  });

  it('has the bucket and the threshold of a percentage, on both sides of it', async () => {
    const seen = new Set<boolean>();
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      const bucket = bucketOf('gray', id);
      const holds = bucket < BUCKETS / 2;
      seen.add(holds);
      const below = holds ? 'below' : 'not below';
      const reason = `bucket ${bucket} of 10000 by header x-id is ${below} 5000 (50 %)`;
      const choice = await lane([`x-id: ${id}`]);
      expect(choice.name).toBe(holds ? 'gray' : 'baseline');
      expect(choice.steps.at(-1)).toEqual({ lane: 'gray', rule: 'percentage 2', holds, reason });
    }
    expect(seen.size).toBe(2);
  });

  it('is the one whose accepted tag was sent', async () => {
    const { name, rule, reason, fallback } = await lane(['x-mse-tag: beta']);
    expect({ name, rule, fallback }).toEqual({ name: 'beta', rule: 'tag', fallback: 'reject' });
    expect(reason).toBe('the caller sent x-mse-tag: beta, which it accepts');
  });

  it('agrees with itself when the key is issued at random', async () => {
    const own = new Folder();
    const rule = '{ percentage: 50, stickyBy: { cookie: id, issue: true } }';
    own.write(
      'tenants/other.yaml',
      `tenant: other\ndomains: [b.c]\nlanes: [{ name: l, tag: l, rules: [${rule}] }]\nroutes: [{ id: r, respond: {} }]\n`,
    );
    for (let i = 0; i < 20; i++) {
      const { name, steps } = (await own.explain('http://b.c/')).lane!;
      expect(steps).toHaveLength(1);
      expect(steps[0]!.holds).toBe(name === 'l');
      expect(steps[0]!.reason).toMatch(/issued at random/);
    }
    own.remove();
  });
});

it('explains ten thousand routes in reasonable time, and needs no secrets directory', async () => {
  const own = new Folder();
  own.write('gateway.yaml', GATEWAY.replace('directory: tenants', 'directory: tenants, limits: { routes: 10000 }'));
  const routes = Array.from(
    { length: 10_000 },
    (_, index) => `  - { id: r${index}, hosts: [b.c], match: { path: { prefix: /p${index} } }, respond: {} }`,
  );
  own.write('tenants/home.yaml', `tenant: big\ndomains: [b.c]\nroutes:\n${routes.join('\n')}\n`);
  own.removeSecrets();
  const { code, route } = await own.explain('http://b.c/p9999/x');
  expect([code, route?.route]).toEqual([0, 'r9999']);
  own.remove();
});

describe('what cannot be explained', () => {
  it.each([
    [['GET', 'http://a.b/', 'more'], {}, /one method and one URL/],
    [['app.example.com/x'], {}, /is no URL; write one such as/],
    [['http://user@app.example.com/'], {}, /is no URL/],
    [['/x'], {}, /the host is missing/],
    [['G T', 'http://app.example.com/'], {}, /G T is no method/],
    [['http://app.example.com/'], { clientIp: '1.2.3' }, /--client-ip 1\.2\.3 is no IP address/],
    [['http://app.example.com/'], { headers: ['x'] }, /-H "x" is no header; write 'name: value'/],
    [['http://app.example.com/'], { headers: ['x: a\nb: c'] }, /is no header/],
    [['http://app.example.com/'], { admin: 'http://192.0.2.1:9901' }, /is no http URL of a loopback address/],
    [['http://app.example.com/'], { admin: '9901' }, /is no http URL of a loopback address/],
  ])('is an argument such as %j %j', async (words, options, message) => {
    const { code, out, errors } = await folder.run(words, options);
    expect({ code, out }).toEqual({ code: 1, out: [] });
    expect(errors.join('\n')).toMatch(message);
  });

  it('is a broken configuration, whose problems are those of check', async () => {
    const own = new Folder();
    own.write('tenants/other.yaml', 'tenant: other\ndomains: [b.c]\nroute: []\n');
    const { code, out } = await own.run(['http://b.c/']);
    expect(code).toBe(1);
    expect(out).toEqual([
      `${own.root}/tenants/other.yaml:3:1 route: unknown key — did you mean routes?`,
      '1 problem in 1 file.',
    ]);
    own.remove();
  });
});
