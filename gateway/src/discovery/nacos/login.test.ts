import { afterEach, describe, expect, it } from 'vitest';
import type { FakeLoginPath } from '../../../../conformance/nacos/fake-server.ts';
import { ManualClock } from '../fixtures.suite.ts';
import { instances, pass, type Rig, type RigOptions, startRig } from './fixture.suite.ts';

const auth = { username: 'gateway', password: 'pa&ss=wörd' };

describe('nacos login', () => {
  const rigs: Rig[] = [];

  async function rig(options: RigOptions = {}): Promise<Rig> {
    const started = await startRig({ fake: { auth }, ...auth, ...options });
    rigs.push(started);
    return started;
  }

  afterEach(async () => {
    for (const { log, source } of rigs) {
      expect(log.matching(auth.password)).toEqual([]);
      expect(JSON.stringify(source.status())).not.toContain(auth.password);
    }
    await Promise.all(rigs.splice(0).map((started) => started.dispose()));
  });

  const paths: FakeLoginPath[] = ['/nacos/v3/auth/user/login', '/nacos/v1/auth/users/login', '/nacos/v1/auth/login'];
  it.each(paths)('is done once at %s, with the password in the body only', async (loginPath) => {
    const { fake, watch } = await rig({ fake: { auth, loginPath } });
    await Promise.all([watch('a').ports([]), watch('b').ports([]), watch('c', { namespace: 'other' }).ports([])]);
    expect(fake.logins.granted).toBe(1);
    expect(fake.logins.urls).toEqual(paths.slice(0, paths.indexOf(loginPath) + 1));
    expect(fake.messages('SubscribeServiceRequest').every(({ headers }) => headers['accessToken'] !== undefined)).toBe(
      true,
    );
    expect(fake.messages('ServerCheckRequest')[0]?.headers).toEqual({});
  });

  it('is done again when the server refuses the token, and the request repeated', async () => {
    const { fake, source, watch } = await rig();
    await watch('a').ports([]);
    fake.revokeTokens();
    await watch('b').ports([]);
    expect(fake.logins.granted).toBe(2);
    expect(source.status().services.map(({ lastError }) => lastError)).toEqual(['', '']);
  });

  it('is not repeated within a minute for a server that refuses every token', async () => {
    const clock = new ManualClock();
    const { fake, source, watch, log } = await rig({ clock });
    const a = watch('a');
    await a.ports([]);
    fake.refuse('SubscribeServiceRequest', 403, 3);
    const b = watch('b');
    await log.until('cannot read a service');
    await clock.advance(500);
    await log.until('less than 60 s old');
    expect(fake.logins.granted).toBe(2);
    expect(source.status().services[1]?.lastError).toContain('refuses a token');
    await clock.advance(10_000);
    await b.ports([]);
  });

  it('is renewed before the token expires, and the old one serves until then', async () => {
    const clock = new ManualClock();
    const { fake, watch, log } = await rig({ clock, fake: { auth: { ...auth, tokenTtlSeconds: 100 } } });
    await watch('a').ports([]);
    await pass(clock, fake, 89_000);
    await watch('b').ports([]);
    expect(fake.logins.granted).toBe(1);
    fake.failLogins(500);
    await pass(clock, fake, 4_000);
    await watch('c').ports([]);
    await log.until('token not renewed yet');
    await pass(clock, fake, 2_000);
    await watch('d').ports([]);
    await fake.until(() => fake.logins.granted === 2);
    await pass(clock, fake, 10_000);
    await watch('e').ports([]);
    expect(fake.messages('ConnectionSetupRequest')).toHaveLength(1);
  });

  it('that is refused is tried less and less, and leaves the services pending', async () => {
    const clock = new ManualClock();
    const { fake, source, watch, log } = await rig({ clock, password: 'wrong' });
    const a = watch('a');
    await log.until('refused with status 403');
    await log.until('cannot read a service');
    expect(source.status().lastError).toMatch(/login as gateway at .*: refused with status 403/);
    const urls = fake.logins.urls.length;
    await clock.advance(500);
    expect(fake.logins.urls).toHaveLength(urls);
    expect(a.lists).toHaveLength(0);
    expect(log.matching('wrong')).toEqual([]);
  });

  it('that fails with status 500 names the likely cause', async () => {
    const { source, watch, log } = await rig({ fake: { auth: { ...auth, refusal: 500 } }, password: 'wrong' });
    watch('a');
    await log.until('login failed');
    expect(source.status().lastError).toMatch(/login as gateway at .*: status 500; the password may be wrong/);
  });

  it('goes on with the next server when one is away, and again when all are', async () => {
    const { fake, watch } = await rig({ servers: ['127.0.0.1:1'] });
    fake.failLogins(503);
    fake.setInstances('a', '', '', instances(1));
    await watch('a').ports([1]);
    expect(fake.logins.granted).toBe(1);
  });
});
