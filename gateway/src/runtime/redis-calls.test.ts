import { readFileSync } from 'node:fs';
import { onTestFinished, describe, expect, it } from 'vitest';
import { BodyBudgets } from '../core/body-budget.ts';
import { LIMITS } from '../core/limits.ts';
import { type Log, type LogFields, silentLog } from '../core/log.ts';
import type { CalloutOrigin, CalloutResult, RedisRequest, RedisTarget } from '../wasm/host.ts';
import { record } from '../upstream/upstream.suite.ts';
import { resp } from '../wasm/redis.suite.ts';
import { type Place, snapshotOf } from './callouts.suite.ts';
import { ServiceRedis } from './redis-calls.ts';
import { FakeRedis, plainAnswer } from './redis.suite.ts';
import { ManualWheel } from './runtime.suite.ts';
import type { Snapshot } from './snapshot.ts';

interface Outcome {
  readonly reply: string | null;
  readonly result: CalloutResult;
}

type Ask = Partial<Omit<RedisTarget, 'caller'>> & {
  readonly tenant?: string;
  readonly services?: readonly string[];
  readonly lane?: string;
  readonly timeoutMs?: number;
};

class Rig {
  readonly wheel = new ManualWheel();
  readonly lines: [LogFields, string][] = [];
  readonly bodies = new BodyBudgets(() => 4 * LIMITS.pluginCalloutBodyBytes);
  readonly redis: ServiceRedis;
  readonly snapshot: Snapshot;

  constructor(services: Readonly<Record<string, readonly Place[]>>, settings = {}, ca?: string) {
    this.snapshot = snapshotOf(services, settings);
    const log: Log = { ...silentLog, warn: (fields, message) => void this.lines.push([fields, message]) };
    const { wheel, bodies } = this;
    this.redis = new ServiceRedis({
      wheel,
      bodies,
      snapshot: () => this.snapshot,
      log,
      ...(ca === undefined ? {} : { ca }),
    });
    // Connections close when their endpoints are gone.
    onTestFinished(async () => {
      for (const tenant of this.snapshot.tenants.values()) {
        if (tenant.available) for (const cluster of tenant.clusters.values()) cluster.close();
      }
      await this.pollWhilePassing(() => this.redis.size === 0);
    });
  }

  /** Sends a command that is not refused. */
  ask(words: readonly string[] | Buffer, parts: Ask = {}): Promise<Outcome> {
    return this.start(words, parts)!.outcome;
  }

  start(
    words: readonly string[] | Buffer,
    { tenant = 'a', services = [], lane = '', timeoutMs = 5000, ...target }: Ask = {},
  ) {
    const origin: CalloutOrigin | null = lane === '' ? null : { tenant, lane, trace: null };
    const request: RedisRequest = {
      target: { caller: { tenant, services }, service: 'cache', db: 0, username: '', password: '', ...target },
      origin,
      query: Buffer.isBuffer(words) ? words : resp(...words),
      timeoutMs,
    };
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    let sent = false;
    const handle = this.redis.send(request, {
      onRedisDone: (reply, result) => {
        expect(sent).toBe(true);
        resolve({ reply: reply && Buffer.from(reply).toString('latin1'), result });
      },
    });
    sent = true;
    return handle === null ? null : { handle, outcome: promise };
  }

  /** Lets time pass, step by step. */
  pass(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 100) this.wheel.pass(100);
  }

  /** Lets time pass until something is so. */
  async pollWhilePassing(condition: () => boolean): Promise<void> {
    await expect.poll(() => (this.pass(1000), condition()), { interval: 5, timeout: 20_000 }).toBe(true);
  }
}

async function rig(answer = plainAnswer) {
  const server = await FakeRedis.start(answer);
  return { server, rig: new Rig({ 'a/cache': [{ port: server.port }] }) };
}

const success = (reply: string): Outcome => ({ reply, result: 'success' });
const failure = (result: CalloutResult): Outcome => ({ reply: null, result });

describe('a command', () => {
  it.each([
    '+OK\r\n',
    '-ERR wrong\r\n',
    ':9223372036854775807\r\n',
    '$-1\r\n',
    '$4\r\n\x00\xff\r\n\r\n',
    '*3\r\n+a\r\n*-1\r\n*1\r\n-ERR inside\r\n',
  ])('is answered with the reply as it came: %j', async (reply) => {
    const { rig: it } = await rig(() => Buffer.from(reply, 'latin1'));
    expect(await it.ask(['GET', 'k'])).toEqual(success(reply));
  });

  it('gets its own answer, whatever is under way', async () => {
    const { server, rig: it } = await rig();
    const words = Array.from({ length: 500 }, (_, i) => `word ${i}`);
    const outcomes = await Promise.all(words.map((word) => it.ask(['ECHO', word])));
    expect(outcomes).toEqual(words.map((word) => success(`$${word.length}\r\n${word}\r\n`)));
    expect(server.peers.length).toBe(1);
    expect(it.bodies.held).toBe(0);
  });

  it('logs in first, and chooses the database', async () => {
    const { server, rig: it } = await rig();
    expect(await it.ask(['PING'], { username: 'u', password: 'secret', db: 3 })).toEqual(success('+OK\r\n'));
    const words = server.peers[0]!.commands.map((command) =>
      command.map((word, at) => (at === 0 ? word.toUpperCase() : word)),
    );
    expect(words).toEqual([['AUTH', 'u', 'secret'], ['SELECT', '3'], ['PING']]);
  });

  it('shares a connection with those of the same tenant, service, lane, database and user alone', async () => {
    const server = await FakeRedis.start();
    const place = { port: server.port };
    const it = new Rig({
      'a/cache': [place, { ...place, metadata: { version: 'g' } }],
      'a/other': [place],
      'b/cache': [place],
    });
    const kinds: Ask[] = [
      {},
      { service: 'other' },
      { lane: 'gray' },
      { db: 1 },
      { username: 'u', password: 'p' },
      { username: 'u', password: 'q' },
      { tenant: 'b' },
      { tenant: 'b', service: 'a/cache', services: ['a/cache'] },
    ];
    for (const kind of [...kinds, ...kinds]) expect(await it.ask(['PING'], kind)).toEqual(success('+OK\r\n'));
    expect([server.peers.length, it.redis.size]).toEqual([kinds.length, kinds.length]);
  });

  it('is refused for services that there are not, or that are another tenant’s', async () => {
    const server = await FakeRedis.start();
    const it = new Rig({ 'a/cache': [{ port: server.port }], 'b/cache': [{ port: server.port }] });
    expect(it.start(['PING'], { service: 'none' })).toBeNull();
    expect(it.start(['PING'], { service: 'b/cache' })).toBeNull();
    expect(it.start(['PING'], { tenant: '' })).toBeNull();
    const target = { db: 0, username: '', password: '', service: 'b/cache' };
    expect(it.redis.prepare({ ...target, caller: { tenant: 'a', services: [] } })).toBe(false);
    expect(it.redis.prepare({ ...target, caller: { tenant: 'a', services: ['b/cache'] } })).toBe(true);
    expect(it.bodies.held).toBe(0);
  });

  it('finds a service by the name that Higress has for it', async () => {
    const { rig: it } = await rig();
    expect(await it.ask(['PING'], { service: 'outbound|6379||cache.static' })).toEqual(success('+OK\r\n'));
  });

  it('goes to the endpoints of its lane', async () => {
    const [baseline, gray] = [await FakeRedis.start(() => '+baseline\r\n'), await FakeRedis.start(() => '+gray\r\n')];
    const it = new Rig({ 'a/cache': [{ port: baseline.port }, { port: gray.port, metadata: { version: 'g' } }] });
    expect(await it.ask(['GET', 'k'])).toEqual(success('+baseline\r\n'));
    expect(await it.ask(['GET', 'k'], { lane: 'gray' })).toEqual(success('+gray\r\n'));
    expect(await it.ask(['GET', 'k'], { lane: 'strict' })).toEqual(failure('no-endpoint'));
  });

  it('speaks TLS where the endpoint does, and checks whom it speaks to', async () => {
    const fixture = (name: string): string =>
      readFileSync(new URL(`../upstream/fixtures/${name}`, import.meta.url), 'utf8');
    const ca = fixture('upstream-cert.pem');
    const server = await FakeRedis.start(plainAnswer, { cert: ca, key: fixture('upstream-key.pem') });
    const services = { 'a/cache': [{ port: server.port, metadata: { secure: 'true' } }] };
    const named = { cache: { dns: 'upstream.example', port: 6379 } };
    expect(await new Rig(services, named, ca).ask(['PING'])).toEqual(success('+OK\r\n'));
    // A certificate that nobody vouches for, and one that is for somebody else.
    expect(await new Rig(services, named).ask(['PING'])).toEqual(failure('connect-failed'));
    expect(await new Rig(services, {}, ca).ask(['PING'])).toEqual(failure('connect-failed'));
    expect(server.names).toEqual(['PING']);
  });
});

describe('a command that fails', () => {
  it('has found nobody', async () => {
    const server = await FakeRedis.start();
    const { port } = server;
    server.stop();
    const it = new Rig({ 'a/cache': [{ port }], 'a/empty': [] });
    expect(await it.ask(['PING'])).toEqual(failure('connect-failed'));
    expect(await it.ask(['PING'], { service: 'empty' })).toEqual(failure('no-endpoint'));
    expect([it.redis.size, it.bodies.held]).toEqual([0, 0]);
    // Once in a while.
    expect(it.lines.length).toBe(1);
  });

  it.each(['AUTH', 'SELECT'])('was not let in: %s', async (refused) => {
    const { server, rig: it } = await rig(([name = '']) =>
      name.toUpperCase() === refused ? '-ERR no entry\r\n' : '+OK\r\n',
    );
    expect(await it.ask(['SET', 'k', 'v'], { username: 'u', password: 'top-secret', db: 1 })).toEqual(
      failure('connect-failed'),
    );
    // It never went to another database, or as another user.
    expect(server.names.map((name) => name.toUpperCase())).not.toContain('SET');
    expect(JSON.stringify(it.lines)).toContain('no entry');
    expect(JSON.stringify(it.lines)).not.toContain('top-secret');
  });

  it('lost its connection; the next one opens another', async () => {
    const { server, rig: it } = await rig((words, { socket }) => {
      if (words[0] === 'GET') socket.destroy();
      return words[0] === 'GET' ? null : '+OK\r\n';
    });
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    const both = [it.ask(['GET', 'k']), it.ask(['SET', 'k', 'v'])];
    expect(await Promise.all(both)).toEqual([failure('reset'), failure('reset')]);
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    expect(server.peers.length).toBe(2);
    // Nothing is sent twice.
    expect(server.names.filter((name) => name === 'GET').length).toBe(1);
    expect(server.names.filter((name) => name === 'SET').length).toBeLessThanOrEqual(1);
  });

  it.each(['*1\r\n*1\r\n!garbage\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '%2\r\n'])(
    'was answered with something else: %j',
    async (reply) => {
      const { rig: it } = await rig(() => reply);
      expect(await it.ask(['PING'])).toEqual(failure('reset'));
      expect(it.redis.size).toBe(0);
    },
  );

  it('waited for longer than it may, without harm to those behind it', async () => {
    let late: (() => void) | null = null;
    const { rig: it } = await rig((words, { socket }) => {
      if (words[0] !== 'GET') return late === null ? '+OK\r\n' : null;
      late = () => socket.write('$4\r\nlate\r\n+OK\r\n');
      return null;
    });
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    const slow = it.ask(['GET', 'k'], { timeoutMs: 1000 });
    await expect.poll(() => late).not.toBeNull();
    const behind = it.ask(['SET', 'k', 'v'], { timeoutMs: 10_000 });
    it.pass(1100);
    expect(await slow).toEqual(failure('timeout'));
    late!();
    expect(await behind).toEqual(success('+OK\r\n'));
  });

  it('waits with others for a server that answers nothing, which costs it its connection', async () => {
    const { server, rig: it } = await rig(() => null);
    const outcome = it.ask(['GET', 'k'], { timeoutMs: 500 });
    await expect.poll(() => server.names).toEqual(['GET']);
    it.pass(600);
    expect(await outcome).toEqual(failure('timeout'));
    it.pass(LIMITS.pluginCalloutMs - 5000);
    expect(it.redis.size).toBe(1);
    it.pass(10_000);
    expect([it.redis.size, it.lines.length]).toEqual([0, 1]);
    await expect.poll(() => server.open).toBe(0);
  });

  it('has a reply that is too large; the next one has not', async () => {
    const large = 'x'.repeat(LIMITS.pluginCalloutBodyBytes);
    const { rig: it } = await rig((words) => (words[0] === 'GET' ? `$${large.length}\r\n${large}\r\n` : '+OK\r\n'));
    const outcomes = await Promise.all([it.ask(['GET', 'k']), it.ask(['PING'])]);
    expect(outcomes).toEqual([failure('too-large'), success('+OK\r\n')]);
  });

  it('finds too much under way', async () => {
    const { server, rig: it } = await rig(() => null);
    const large = resp('SET', 'k', 'x'.repeat(LIMITS.pluginCalloutBodyBytes - 100));
    const held = Array.from({ length: 4 }, () => it.start(large)!);
    expect(await it.ask(large)).toEqual(failure('overloaded'));
    for (const { handle } of held) handle.cancel();
    expect(it.bodies.held).toBe(0);

    const many = Array.from({ length: LIMITS.pluginRedisCommands }, () => it.start(['GET', 'k'])!);
    expect(await it.ask(['PING'])).toEqual(failure('overloaded'));
    await expect.poll(() => server.names.length).toBeGreaterThan(1);
    server.stop();
    await Promise.all(many.slice(0, 100).map(({ outcome }) => outcome));
  });
});

describe('a command that is given up', () => {
  it('is never told of, and its reply goes to nobody else', async () => {
    const { server, rig: it } = await rig();
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    const given = it.start(['ECHO', 'given up'])!;
    given.handle.cancel();
    given.handle.cancel();
    void given.outcome.then(() => expect.unreachable());
    expect(await it.ask(['ECHO', 'next'])).toEqual(success('$4\r\nnext\r\n'));
    expect(server.peers.length).toBe(1);
  });

  it('is not sent when it was given up before there was a connection', async () => {
    const { server, rig: it } = await rig();
    it.start(['SET', 'k', 'v'])!.handle.cancel();
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    expect(server.names).toEqual(['PING']);
  });
});

describe('a connection', () => {
  it('closes when nobody has used it for a while', async () => {
    const { server, rig: it } = await rig();
    for (let round = 0; round < 3; round++) {
      expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
      it.pass(LIMITS.pluginRedisIdleMs - 5000);
    }
    expect([it.redis.size, server.peers.length]).toEqual([1, 1]);
    it.pass(10_000);
    expect([it.redis.size, it.lines.length]).toEqual([0, 0]);
    await expect.poll(() => server.open).toBe(0);
  });

  it('that cannot be logged in to in time fails what waits for it', async () => {
    const { server, rig: it } = await rig(() => null);
    const outcome = it.ask(['PING'], { password: 'p', timeoutMs: 20_000 });
    await expect.poll(() => server.names.length).toBe(1);
    it.pass(LIMITS.connectTimeoutMs + 5000);
    expect(await outcome).toEqual(failure('connect-failed'));
  });

  it('closes when its endpoint goes, after the last answer', async () => {
    let answer: (() => void) | null = null;
    const { server, rig: it } = await rig((words, { socket }) => {
      answer = () => socket.write('+OK\r\n');
      return words[0] === 'PING' ? '+OK\r\n' : null;
    });
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    const last = it.ask(['GET', 'k']);
    await expect.poll(() => server.names.at(-1)).toBe('GET');
    const tenant = it.snapshot.tenants.get('a')!;
    if (tenant.available) tenant.clusters.get('cache')!.close();
    it.pass(2000);
    expect(await it.ask(['PING'])).toEqual(failure('no-endpoint'));
    answer!();
    expect(await last).toEqual(success('+OK\r\n'));
    await it.pollWhilePassing(() => server.open === 0);
  });

  it('that outlives its endpoint leaves alone those that came after it', async () => {
    const { server, rig: it } = await rig((words) => (words[0] === 'GET' ? null : '+OK\r\n'));
    const next = await FakeRedis.start();
    const last = it.ask(['GET', 'k']);
    await expect.poll(() => server.names.at(-1)).toBe('GET');
    const tenant = it.snapshot.tenants.get('a')!;
    const endpoints = [record({ address: '127.0.0.1', port: next.port })];
    if (tenant.available) tenant.clusters.get('cache')!.update({ state: 'fresh', endpoints });
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    next.peers[0]!.socket.destroy();
    await expect.poll(() => it.redis.size).toBe(0);
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    server.stop();
    expect(await last).toEqual(failure('reset'));
    expect(it.redis.size).toBe(1);
    expect(await it.ask(['PING'])).toEqual(success('+OK\r\n'));
    expect(next.peers.length).toBe(2);
  });

  it('is one of so many of its tenant; idle ones make room', async () => {
    const { server, rig: it } = await rig((words) => (words[0] === 'GET' ? null : '+OK\r\n'));
    const databases = [...Array(LIMITS.pluginRedisConnections + 3).keys()];
    for (const db of databases) expect(await it.ask(['PING'], { db })).toEqual(success('+OK\r\n'));
    expect(it.redis.size).toBe(LIMITS.pluginRedisConnections);
    await expect.poll(() => server.open).toBe(LIMITS.pluginRedisConnections);
    const busy = databases.slice(3).map((db) => it.ask(['GET', 'k'], { db }));
    expect(await it.ask(['PING'], { db: 0 })).toEqual(failure('overloaded'));
    server.stop();
    expect(await Promise.all(busy)).toEqual(busy.map(() => failure('reset')));
  });
});
