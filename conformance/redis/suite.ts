// The Redis calls of plugins on a real server: what a plugin gets is what the server said, whatever happens meanwhile.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resp } from '../../gateway/src/wasm/redis.suite.ts';
import { type GatewayUnderTest, startGateway } from '../gateway.ts';
import type { CaseOutcome, Suite } from '../suite.ts';
import { check, until } from '../until.ts';
import { FAILED, REFUSED, redisGuest } from './guest.ts';
import { RedisServer, redisVersion } from './server.ts';

const WORKERS = 2;

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Identity {
  readonly service?: string;
  readonly user?: string;
  readonly password?: string;
}

/** Gateway, server, and a client of both. */
class World {
  readonly server: RedisServer;
  readonly gateway: GatewayUnderTest;
  /** Of a user that may read and write keys of its own. */
  readonly secret = randomBytes(12).toString('hex');

  private constructor(server: RedisServer, gateway: GatewayUnderTest) {
    this.server = server;
    this.gateway = gateway;
  }

  static async start(directory: string): Promise<World> {
    const server = await RedisServer.start(join(directory, 'redis'), randomBytes(12).toString('hex'));
    mkdirSync(join(directory, 'gateway', 'plugins'), { recursive: true });
    writeFileSync(join(directory, 'gateway', 'plugins', 'redis.wasm'), redisGuest());
    const starting = startGateway(join(directory, 'gateway'), {
      gateway: { workers: WORKERS, plugins: [{ name: 'redis', source: 'file:plugins/redis.wasm' }] },
      tenants: {
        home: {
          tenant: 'home',
          domains: ['127.0.0.1'],
          plugins: [{ use: 'redis', config: {} }],
          services: { cache: { static: [{ address: `127.0.0.1:${server.port}` }] } },
          // Nothing goes there: the plugin answers before.
          routes: [{ id: 'all', match: { path: { prefix: '/' } }, upstream: { service: 'cache' } }],
        },
      },
    });
    // A server that nobody ends would keep this process alive.
    const gateway = await starting.catch(async (error: unknown) => {
      await server.kill();
      throw error;
    });
    await until(
      'the gateway to be ready',
      () => gateway.ready(),
      (ready) => ready,
    );
    return new World(server, gateway);
  }

  /** Has the plugin send a command. */
  async ask(
    query: Buffer,
    { service = 'cache', user = '', password = this.server.password }: Identity = {},
  ): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.gateway.port}/`, {
      method: 'POST',
      headers: { 'x-redis': service, 'x-user': user, 'x-password': password },
      body: new Uint8Array(query),
    });
    return { status: response.status, body: Buffer.from(await response.arrayBuffer()).toString('latin1') };
  }

  async stop(): Promise<number | null> {
    const code = await this.gateway.stop();
    await this.server.kill();
    return code;
  }
}

const BINARY = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
/** Replies of every kind; those of the second server call see what the first one did. */
const COMMANDS: readonly (readonly string[])[] = [
  ['PING'],
  ['SET', 'text', 'välue'],
  ['GET', 'text'],
  ['GET', 'nothing'],
  ['SET', 'empty', ''],
  ['GET', 'empty'],
  ['SET', 'lines', '\r\n$5\r\n+OK\r\n'],
  ['GET', 'lines'],
  ['SET', 'bytes', BINARY],
  ['GET', 'bytes'],
  ['INCR', 'text'],
  ['SET', 'large', 'x'.repeat(700_000)],
  ['GET', 'large'],
  ['SET', 'number', '9223372036854775806'],
  ['INCR', 'number'],
  ['INCR', 'number'],
  ['MGET', 'text', 'nothing', 'lines'],
  ['RPUSH', 'list', 'a', 'b', 'c'],
  ['LRANGE', 'list', '0', '-1'],
  ['HSET', 'hash', 'f', '1', 'g', '2'],
  ['HGETALL', 'hash'],
  ['ZADD', 'sorted', '1.5', 'a', '2', 'b'],
  ['ZRANGE', 'sorted', '0', '-1', 'WITHSCORES'],
  ['EVAL', 'return {1, {2, {3, "four"}}, false, redis.status_reply("FINE"), redis.error_reply("ERR inside")}', '0'],
  ['EVAL', 'return redis.error_reply("MY own")', '0'],
  ['XADD', 'stream', '1-1', 'f', 'v'],
  ['XRANGE', 'stream', '-', '+'],
  ['XREAD', 'STREAMS', 'stream', '9'],
  ['BITCOUNT'],
  ['NO-SUCH-COMMAND', 'x'],
  ['DEL', 'text', 'empty', 'lines', 'bytes', 'large', 'number', 'list', 'hash', 'sorted', 'stream'],
];

async function answersAsTheServer(world: World): Promise<CaseOutcome> {
  const direct: string[] = [];
  for (const words of COMMANDS) direct.push(await world.server.ask(resp(...words)));
  for (const [i, words] of COMMANDS.entries()) {
    const { status, body } = await world.ask(resp(...words));
    check(status === 200 && body === direct[i], `${words[0]}: ${JSON.stringify(direct[i]!.slice(0, 100))}`, {
      status,
      body,
    });
  }
  return { detail: `${COMMANDS.length} replies, each the bytes that a client of its own got` };
}

async function keepsAnswersApart(world: World): Promise<CaseOutcome> {
  const total = 4000;
  let next = 0;
  const client = async (): Promise<void> => {
    for (let i = next++; i < total; i = next++) {
      const word = `${i}-${'y'.repeat(i % 2000)}`;
      const { status, body } = await world.ask(resp('ECHO', word));
      check(status === 200 && body === `$${word.length}\r\n${word}\r\n`, `the echo of ${i}`, {
        status,
        body: body.slice(0, 50),
      });
    }
  };
  await Promise.all(Array.from({ length: 64 }, client));
  const clients = await world.server.ask(resp('CLIENT', 'LIST'));
  // Whoever asks is one of them.
  const connections = clients.split('\n').filter((line) => line.includes('addr=')).length - 1;
  check(connections <= WORKERS, `one connection for each of ${WORKERS} workers`, connections);
  return { detail: 'every request got the answer to its own command', measured: { commands: total, connections } };
}

async function keepsDatabasesAndUsersApart(world: World): Promise<CaseOutcome> {
  const rights = ['on', `>${world.secret}`, '~own:*', '+get', '+set', '+select'];
  await world.server.ask(resp('ACL', 'SETUSER', 'guest', ...rights));
  await world.ask(resp('SET', 'own:k', 'zero'));
  await world.ask(resp('SET', 'own:k', 'three'), { service: 'cache?db=3&buffer_flush_timeout=3' });
  const guest = { user: 'guest', password: world.secret };
  const seen = [
    (await world.ask(resp('GET', 'own:k'))).body,
    (await world.ask(resp('GET', 'own:k'), { service: 'cache?db=3' })).body,
    (await world.ask(resp('GET', 'own:k'), { service: 'outbound|6379||cache.static?db=3' })).body,
    (await world.ask(resp('GET', 'own:k'), guest)).body,
    (await world.ask(resp('GET', 'other'), guest)).body.slice(0, 7),
    (await world.ask(resp('GET', 'other'))).body,
  ];
  const expected = ['$4\r\nzero\r\n', '$5\r\nthree\r\n', '$5\r\nthree\r\n', '$4\r\nzero\r\n', '-NOPERM', '$-1\r\n'];
  check(JSON.stringify(seen) === JSON.stringify(expected), JSON.stringify(expected), seen);
  return { detail: 'each call saw its database, with the rights of its user' };
}

async function letsNobodyIn(world: World): Promise<CaseOutcome> {
  const wrong = `wrong-${randomBytes(8).toString('hex')}`;
  const attempts: readonly [Identity, number][] = [
    [{ password: wrong }, FAILED],
    [{ user: 'nobody', password: wrong }, FAILED],
    [{ service: 'cache?db=99' }, FAILED],
    [{ service: 'none' }, REFUSED + 2],
    [{ service: 'other/cache' }, REFUSED + 2],
  ];
  for (const [identity, expected] of attempts) {
    const { status } = await world.ask(resp('SET', 'intruder', '1'), identity);
    check(status === expected, `${expected} for ${JSON.stringify({ ...identity, password: '' })}`, status);
  }
  check((await world.server.ask(resp('GET', 'intruder'))) === '$-1\r\n', 'nothing written', 'a value');
  const log = world.gateway.processLog();
  check(/WRONGPASS|invalid/.test(log), 'the reason in the process log', log.slice(-500));
  for (const secret of [wrong, world.server.password, world.secret])
    check(!log.includes(secret), 'no secret in the log', secret);
  return { detail: 'refused, with the reason in the log and no secret in it' };
}

async function refusesWhatWouldHarmOthers(world: World): Promise<CaseOutcome> {
  const words = [
    'SUBSCRIBE',
    'MONITOR',
    'AUTH',
    'SELECT',
    'MULTI',
    'EXEC',
    'WATCH',
    'BLPOP',
    'CLIENT',
    'QUIT',
    'HELLO',
    'RESET',
  ];
  for (const word of words) {
    const { status } = await world.ask(resp(word, '1', '0'));
    check(status === REFUSED + 2, `${word} refused`, status);
  }
  const two = Buffer.concat([resp('PING'), resp('PING')]);
  check((await world.ask(two)).status === REFUSED + 2, 'two commands refused', 'an answer');
  const { body } = await world.ask(resp('PING'));
  check(body === '+PONG\r\n', 'others still served', body);
  return { detail: `${words.length} commands and a query of two` };
}

async function survivesTheServer(world: World): Promise<CaseOutcome> {
  await world.server.kill();
  const start = performance.now();
  const { status } = await world.ask(resp('PING'));
  const failedAfterMs = Math.round(performance.now() - start);
  check(status === FAILED, 'a failed call', status);
  await world.server.resume();
  const back = performance.now();
  await until(
    'an answer from the new server',
    () => world.ask(resp('PING')),
    ({ body }) => body === '+PONG\r\n',
  );
  // Every worker has found it.
  for (let i = 0; i < 20; i++) {
    const { body } = await world.ask(resp('PING'));
    check(i < WORKERS || body === '+PONG\r\n', 'an answer', body);
  }
  return {
    detail: 'calls fail at once without the server, and reach it when it is back',
    measured: { failedAfterMs, backAfterMs: Math.round(performance.now() - back) },
  };
}

const CASES: readonly (readonly [string, (world: World) => Promise<CaseOutcome>])[] = [
  ['replies of every kind come as they are', answersAsTheServer],
  ['many calls at once over one connection', keepsAnswersApart],
  ['databases and users', keepsDatabasesAndUsersApart],
  ['wrong passwords, databases and services', letsNobodyIn],
  ['commands that would harm others', refusesWhatWouldHarmOthers],
  ['the server dies and comes back', survivesTheServer],
];

/** On `redis-server`. */
export const redisSuite: Suite = {
  name: 'redis',
  run: async (run) => {
    run.server = 'redis-server';
    run.version = redisVersion();
    if (run.version === '') {
      run.skip('all cases', 'redis-server is not on the PATH');
      return;
    }
    const directory = mkdtempSync(join(tmpdir(), 'sluice-conformance-redis-'));
    const world = await World.start(directory);
    try {
      for (const [name, work] of CASES) await run.case(name, () => work(world), directory);
    } finally {
      const code = await world.stop();
      if (code !== 0) await run.case('the gateway ends in order', () => Promise.reject(new Error(`exit code ${code}`)));
    }
    if (run.failed === 0) rmSync(directory, { recursive: true, force: true });
  },
};
