import { describe, expect, it } from 'vitest';
import { bucketOf } from '../core/hash.ts';
import { LIMITS } from '../core/limits.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { request, type RequestOptions, tenant } from './fixture.suite.ts';
import { compileLanes, LaneDecision, type LaneTable } from './lanes.ts';

function table(...lanes: object[]): LaneTable {
  return compileLanes(tenant({ lanes }));
}

function decide(lanes: LaneTable, x: Exchange): LaneDecision {
  const decision = new LaneDecision();
  lanes.decide(x, decision);
  return decision;
}

/** 'lane: rule', or 'baseline'. */
function laneOf(lanes: LaneTable, target: string, options?: RequestOptions): string {
  const decision = decide(lanes, request(target, options));
  return decision.lane === null ? 'baseline' : `${decision.lane.name}: ${decision.rule}`;
}

const model = (name: string): RequestOptions => ({ headers: { 'x-device-model': name } });
const byModel = (...models: string[]) => ({ headers: [{ name: 'x-device-model', in: models }] });
const byDevice = (percentage: number) => ({ percentage, stickyBy: { header: 'x-device-id' } });

describe('content rules', () => {
  const lanes = table(
    { name: 'gray', tag: 'gray', rules: [byModel('cam-2', 'cam-3'), { query: [{ name: 'lane', exact: 'gray' }] }] },
    { name: 'beta', tag: 'b', rules: [byModel('cam-3', 'cam-4'), { clientIp: ['10.0.0.0/8'] }] },
  );

  it('go through rules in order over lanes in order', () => {
    expect(laneOf(lanes, '/', model('cam-2'))).toBe('gray: rule 1');
    expect(laneOf(lanes, '/', model('cam-3'))).toBe('gray: rule 1');
    expect(laneOf(lanes, '/', model('cam-4'))).toBe('beta: rule 1');
    expect(laneOf(lanes, '/?lane=gray', model('cam-4'))).toBe('gray: rule 2');
    expect(laneOf(lanes, '/', { address: '10.1.1.1' })).toBe('beta: rule 2');
  });

  it('leave the rest to baseline', () => {
    expect(laneOf(lanes, '/', model('cam-1'))).toBe('baseline');
    expect(laneOf(lanes, '/')).toBe('baseline');
    expect(laneOf(table(), '/')).toBe('baseline');
    expect(laneOf(table({ name: 'gray', tag: 'gray' }), '/')).toBe('baseline');
  });

  it('are silent in a lane that is not enabled', () => {
    const off = table(
      { name: 'gray', tag: 'gray', enabled: false, acceptTag: true, rules: [byModel('cam-2'), byDevice(100)] },
      { name: 'beta', tag: 'beta', rules: [byModel('cam-2')] },
    );
    const headers = { 'x-mse-tag': 'gray', 'x-device-id': '1' };
    expect(laneOf(off, '/', { headers })).toBe('baseline');
    expect(laneOf(off, '/', { headers: { ...headers, 'x-device-model': 'cam-2' } })).toBe('beta: rule 1');
  });

  it('narrow a percentage when both stand in one rule', () => {
    const both = table({ name: 'gray', tag: 'gray', rules: [byModel('x'), { ...byModel('cam-2'), ...byDevice(100) }] });
    expect(laneOf(both, '/', { headers: { 'x-device-id': '1' } })).toBe('baseline');
    expect(laneOf(both, '/', { headers: { 'x-device-id': '1', 'x-device-model': 'cam-2' } })).toBe(
      'gray: percentage 2',
    );
  });
});

describe('percentages', () => {
  const KEYS = 100_000;

  /** Which of the keys each lane takes. */
  function members(lanes: LaneTable): Map<string, Set<number>> {
    const sets = new Map<string, Set<number>>();
    const x = request('/', { headers: { 'x-device-id': '' } });
    const decision = new LaneDecision();
    for (let i = 0; i < KEYS; i++) {
      x.requestHeaders.set('x-device-id', `device-${i}`);
      lanes.decide(x, decision);
      const name = decision.lane?.name ?? '';
      let set = sets.get(name);
      if (set === undefined) sets.set(name, (set = new Set()));
      set.add(i);
    }
    return sets;
  }

  const lane = (name: string, percentage: number) => ({ name, tag: name, rules: [byDevice(percentage)] });
  const share = (set: Set<number> | undefined) => ((set?.size ?? 0) / KEYS) * 100;

  it.each([0, 0.01, 1, 5, 33.33, 50, 99.99, 100])('of %d are kept within one point', (percentage) => {
    const gray = share(members(table(lane('gray', percentage))).get('gray'));
    expect(Math.abs(gray - percentage)).toBeLessThan(1);
    if (percentage === 0 || percentage === 100) expect(gray).toBe(percentage);
  });

  it('only add keys when raised', () => {
    const five = members(table(lane('gray', 5))).get('gray')!;
    const ten = members(table(lane('gray', 10))).get('gray')!;
    expect([...five].filter((key) => !ten.has(key))).toEqual([]);
    expect(ten.size).toBeGreaterThan(five.size);
  });

  it('of two lanes are independent: 5 % and then 5 % leave 4.75 %', () => {
    const both = members(table(lane('gray', 5), lane('beta', 5)));
    expect(Math.abs(share(both.get('gray')) - 5)).toBeLessThan(0.3);
    expect(Math.abs(share(both.get('beta')) - 4.75)).toBeLessThan(0.3);
    const [gray, beta] = [members(table(lane('gray', 50))).get('gray')!, members(table(lane('beta', 50))).get('beta')!];
    const common = [...gray].filter((key) => beta.has(key)).length;
    expect(Math.abs((common / KEYS) * 100 - 25)).toBeLessThan(1);
  });

  it('use the bucket of lane name and key, to two decimals', () => {
    const key = 'device-1';
    const bucket = bucketOf('gray', key);
    const at = (percentage: number) =>
      laneOf(table(lane('gray', percentage)), '/', { headers: { 'x-device-id': key } });
    expect(at(bucket / 100)).toBe('baseline');
    expect(at((bucket + 1) / 100)).toBe('gray: percentage 1');
  });

  it('count exactly in hundredths', () => {
    for (const percentage of [0.07, 0.29, 0.57, 1.1, 4.35, 8.2, 33.33]) {
      const threshold = Math.round(percentage * 100);
      const lanes = table(lane('gray', percentage));
      for (let i = 0, seen = 0; seen < 3 && i < 2_000_000; i++) {
        const bucket = bucketOf('gray', `${i}`);
        if (bucket !== threshold && bucket !== threshold - 1) continue;
        seen++;
        const expected = bucket < threshold ? 'gray: percentage 1' : 'baseline';
        expect(laneOf(lanes, '/', { headers: { 'x-device-id': `${i}` } })).toBe(expected);
      }
    }
  });

  it('of 0 silence that rule only', () => {
    const lanes = table({ name: 'gray', tag: 'gray', rules: [byDevice(0), byModel('cam-2')] });
    expect(laneOf(lanes, '/', { headers: { 'x-device-id': '1' } })).toBe('baseline');
    expect(laneOf(lanes, '/', { headers: { 'x-device-id': '1', 'x-device-model': 'cam-2' } })).toBe('gray: rule 2');
  });

  it('take nobody without a key, nor with one that is too long', () => {
    const lanes = table(lane('gray', 100));
    expect(laneOf(lanes, '/')).toBe('baseline');
    expect(laneOf(lanes, '/', { headers: { 'x-device-id': '' } })).toBe('baseline');
    const longest = 'k'.repeat(LIMITS.stickyKeyLength);
    expect(laneOf(lanes, '/', { headers: { 'x-device-id': longest } })).toBe('gray: percentage 1');
    expect(laneOf(lanes, '/', { headers: { 'x-device-id': `${longest}k` } })).toBe('baseline');
  });

  it.each<[string, object, string, RequestOptions]>([
    ['header', { header: 'X-User' }, '/', { headers: { 'x-user': 'KEY' } }],
    ['query', { query: 'user' }, '/?user=KEY', {}],
    ['cookie', { cookie: 'uid' }, '/', { headers: { cookie: 'a=b; uid=KEY' } }],
  ])('stick by %s', (_, stickyBy, target, options) => {
    const lanes = table({ name: 'gray', tag: 'gray', rules: [{ percentage: 50, stickyBy }] });
    const text = JSON.stringify([target, options]);
    for (let i = 0; i < 50; i++) {
      const [keyed, more] = JSON.parse(text.replaceAll('KEY', `k${i}`)) as [string, RequestOptions];
      expect(laneOf(lanes, keyed, more)).toBe(bucketOf('gray', `k${i}`) < 5000 ? 'gray: percentage 1' : 'baseline');
    }
  });

  it('stick by address, whether or not it came over IPv6', () => {
    const lanes = table({ name: 'gray', tag: 'gray', rules: [{ percentage: 50, stickyBy: { clientIp: true } }] });
    for (let i = 0; i < 50; i++) {
      const expected = bucketOf('gray', `10.0.0.${i}`) < 5000 ? 'gray: percentage 1' : 'baseline';
      expect(laneOf(lanes, '/', { address: `10.0.0.${i}` })).toBe(expected);
      expect(laneOf(lanes, '/', { address: `::ffff:10.0.0.${i}` })).toBe(expected);
    }
  });

  it('hash the UTF-8 of the key, as it comes on the wire', () => {
    const lanes = table(lane('gray', 50));
    for (const key of ['设备一', '设备二', 'Gerät', 'é', '灰度']) {
      const expected = bucketOf('gray', key) < 5000 ? 'gray: percentage 1' : 'baseline';
      expect(laneOf(lanes, '/', { headers: { 'x-device-id': Buffer.from(key).toString('latin1') } })).toBe(expected);
    }
  });

  it('need something to stick by', () => {
    expect(() => table({ name: 'gray', tag: 'gray', rules: [{ percentage: 5 }] })).toThrow(
      /tenant home, lane gray: .*stickyBy/,
    );
  });
});

describe('issued keys', () => {
  const issuing = (name: string, percentage: number, cookie = 'uid') => ({
    name,
    tag: name,
    rules: [{ percentage, stickyBy: { cookie, issue: true } }],
  });

  it('decide already the request that they are issued for', () => {
    const lanes = table(issuing('gray', 50));
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const decision = decide(lanes, request('/'));
      const cookie = /^uid=([0-9a-f-]{36}); Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax$/.exec(
        decision.setCookies![0]!,
      );
      const expected = bucketOf('gray', cookie![1]!) < 5000 ? 'gray' : undefined;
      expect(decision.lane?.name).toBe(expected);
      expect(laneOf(lanes, '/', { headers: { cookie: `uid=${cookie![1]}` } }) === 'baseline').toBe(
        expected === undefined,
      );
      seen.add(cookie![1]!);
    }
    expect(seen.size).toBe(100);
  });

  it('are one for a cookie, however many rules ask', () => {
    const lanes = table(issuing('gray', 0.01), issuing('beta', 0.01), issuing('other', 0.01, 'second'));
    const { setCookies } = decide(lanes, request('/'));
    expect(setCookies!.map((value) => value.slice(0, value.indexOf('=')))).toEqual(['uid', 'second']);
  });

  it('are not issued to who has one, nor by a rule at 0, nor without issue', () => {
    expect(decide(table(issuing('gray', 5)), request('/', { headers: { cookie: 'uid=1' } })).setCookies).toBeNull();
    expect(decide(table(issuing('gray', 0)), request('/')).setCookies).toBeNull();
    const silent = table({ name: 'gray', tag: 'gray', rules: [{ percentage: 5, stickyBy: { cookie: 'uid' } }] });
    expect(decide(silent, request('/')).setCookies).toBeNull();
  });

  it('replace an empty one, and are secure over TLS', () => {
    const { setCookies } = decide(table(issuing('gray', 5)), request('/', { headers: { cookie: 'uid=' }, tls: true }));
    expect(setCookies![0]).toMatch(/; Secure$/);
  });
});

describe('tags', () => {
  const lanes = table(
    { name: 'gray', tag: 'g', acceptTag: true, rules: [byModel('cam-2')] },
    { name: 'beta', tag: 'b', rules: [byModel('cam-3')] },
  );
  const tagged = (tag: string, more: Record<string, string> = {}): RequestOptions => ({
    headers: { 'X-MSE-Tag': tag, ...more },
  });

  it('of the caller come before the rules, for lanes that accept them', () => {
    expect(laneOf(lanes, '/', tagged('g'))).toBe('gray: tag');
    expect(laneOf(lanes, '/', tagged('g', { 'x-device-model': 'cam-3' }))).toBe('gray: tag');
    expect(laneOf(lanes, '/', tagged('b'))).toBe('baseline');
    expect(laneOf(lanes, '/', tagged('gray'))).toBe('baseline');
    expect(laneOf(lanes, '/', tagged(''))).toBe('baseline');
    expect(laneOf(lanes, '/', tagged('b', { 'x-device-model': 'cam-2' }))).toBe('gray: rule 1');
  });

  /** Tag headers that the next hop sees. */
  function passedOn(from: LaneTable, options: RequestOptions): [string[], string, string] {
    const x = request('/', options);
    from.apply(x, decide(from, x));
    return [x.requestHeaders.getAll(from.tagHeader), x.lane, x.laneRule];
  }

  it('are set for the next hop, or removed', () => {
    expect(passedOn(lanes, tagged('g'))).toEqual([['g'], 'gray', 'tag']);
    expect(passedOn(lanes, model('cam-3'))).toEqual([['b'], 'beta', 'rule 1']);
    expect(passedOn(lanes, tagged('b'))).toEqual([[], '', '']);
    expect(passedOn(lanes, tagged('forged', { 'x-device-model': 'cam-2' }))).toEqual([['g'], 'gray', 'rule 1']);
    expect(passedOn(table(), tagged('g'))).toEqual([[], '', '']);
  });

  it('that come twice leave once', () => {
    const x = request('/', tagged('g'));
    x.requestHeaders.append('x-mse-tag', 'b');
    lanes.apply(x, decide(lanes, x));
    expect(x.requestHeaders.getAll('x-mse-tag')).toEqual(['g']);
  });

  it('stand in the header that the tenant names', () => {
    const own = compileLanes(tenant({ tagHeader: 'X-Lane', lanes: [{ name: 'gray', tag: 'g', acceptTag: true }] }));
    expect(passedOn(own, { headers: { 'x-lane': 'g' } })).toEqual([['g'], 'gray', 'tag']);
  });
});

describe('LaneDecision', () => {
  it('may be used again', () => {
    const lanes = table({ name: 'gray', tag: 'g', fallback: 'reject', rules: [byModel('cam-2')] });
    const decision = decide(lanes, request('/', model('cam-2')));
    expect(decision.lane).toMatchObject({ name: 'gray', tag: 'g', fallback: 'reject' });
    lanes.decide(request('/'), decision);
    expect([decision.lane, decision.rule, decision.setCookies]).toEqual([null, '', null]);
  });
});
