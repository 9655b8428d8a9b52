import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RawClient } from '../listener.suite.ts';
import { ask, HOST, HttpUpstream, patiently as eventually } from './fixture.suite.ts';
import { ConfigDirectory, type GatewayFiles, tenantA } from './gateway-rig.suite.ts';

vi.setConfig({ testTimeout: 60_000 });

const LAUNCHER = join(import.meta.dirname, '../../../bin/sluice.js');
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface ProgramOptions {
  readonly node?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The program in a process of its own. */
class Program {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly exited: Promise<number | string>;

  constructor(args: readonly string[], { node = process.execPath, env = {} }: ProgramOptions = {}) {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.child = spawn(node, [LAUNCHER, ...args], { stdio: [...stdio], env: { ...process.env, ...env } });
    this.child.stdout!.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exited = once(this.child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
    cleanups.push(async () => {
      this.child.kill('SIGKILL');
      await this.exited;
    });
  }

  /** Lines of the process log. */
  get log(): Record<string, unknown>[] {
    const lines = this.stderr.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Port of the first listener, once it listens. */
  port(): Promise<number> {
    return this.#logged('listening');
  }

  adminPort(): Promise<number> {
    return this.#logged('admin API listening');
  }

  async #logged(what: string): Promise<number> {
    const port = () => this.log.find(({ msg }) => msg === what)?.['port'];
    await eventually(() => port() ?? this.stderr).toBeTypeOf('number');
    return port() as number;
  }
}

function configure(files: GatewayFiles): ConfigDirectory {
  const directory = new ConfigDirectory(files);
  cleanups.push(() => directory.remove());
  return directory;
}

function run(directory: ConfigDirectory, ...more: string[]): Program {
  return new Program(['run', '-c', directory.gatewayFile, ...more]);
}

async function upstream(name: string, delayMs = 0): Promise<HttpUpstream> {
  const server = await new HttpUpstream(name, (_request, response) => {
    setTimeout(() => response.end(name), delayMs);
  }).open();
  cleanups.push(() => server.close());
  return server;
}

describe('sluice', () => {
  it('prints its help and version', async () => {
    const [help, version] = [new Program(['--help']), new Program(['--version'])];
    expect([await help.exited, await version.exited]).toEqual([0, 0]);
    expect(help.stdout).toMatch(/Usage: sluice .*\n[^]*run[^]*check/);
    const { version: expected } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8'),
    ) as { version: string };
    expect(version.stdout).toBe(`${expected}\n`);
  });

  it('says what is wrong with its arguments, and how it is right', async () => {
    const cases: [string[], RegExp][] = [
      [['fly'], /unknown command 'fly'/],
      [['check', '-c', 'x', '--fast'], /unknown option '--fast'/],
      [['run'], /required option '-c, --config <file>' not specified/],
      [['run', '-c', 'x', '--log-level', 'loud'], /Allowed choices are debug, info/],
    ];
    const programs = cases.map(([args]) => new Program(args));
    expect(await Promise.all(programs.map(({ exited }) => exited))).toEqual([1, 1, 1, 1]);
    for (const [i, [, message]] of cases.entries()) {
      expect(programs[i]!.stderr).toMatch(message);
      expect(programs[i]!.stderr).toMatch(/Usage: sluice/);
    }
  });

  const old = '/usr/bin/node';
  const tooOld = existsSync(old);
  it.skipIf(!tooOld)('says that Node is too old (needs an older Node at /usr/bin/node)', async () => {
    const probe = spawn(old, ['-p', 'process.versions.node']);
    let found = '';
    probe.stdout.on('data', (chunk: Buffer) => (found += chunk.toString()));
    await once(probe, 'close');
    const program = new Program(['--version'], { node: old });
    const code = await program.exited;
    if (Number(found.split('.')[0]) >= 24) expect(code).toBe(0);
    else {
      expect([code, program.stdout]).toEqual([1, '']);
      expect(program.stderr).toBe(
        `sluice needs Node 24 or newer; this is v${found.trim()}. Install a newer Node and try again.\n`,
      );
    }
  });
});

describe('sluice check', () => {
  it('says that all is well', async () => {
    const program = new Program(['check', '-c', configure({ tenants: { a: tenantA() } }).gatewayFile]);
    expect([await program.exited, program.stdout]).toEqual([0, expect.stringMatching(/is valid: 1 tenant, 1 route/)]);
  });

  it('prints problems with their places, or as JSON', async () => {
    const directory = configure({ tenants: { a: tenantA({ route: [] }) } });
    const [text, json] = [[], ['--json']].map((more) => new Program(['check', '-c', directory.gatewayFile, ...more]));
    expect([await text!.exited, await json!.exited]).toEqual([1, 1]);
    expect(text!.stdout).toMatch(/a\.yaml:1:\d+ route: unknown key — did you mean routes\?\n1 problem in 1 file\./);
    expect(JSON.parse(json!.stdout)).toMatchObject({ ok: false, files: 2, problems: [{ key: 'route' }] });
  });

  it('says that there is no such file', async () => {
    const program = new Program(['check', '-c', '/nowhere/gateway.yaml']);
    expect(await program.exited).toBe(1);
    expect(program.stdout).toContain('/nowhere/gateway.yaml');
  });
});

describe('sluice run, when it cannot', () => {
  it('says which configuration is missing or broken', async () => {
    const missing = new Program(['run', '-c', '/nowhere/gateway.yaml']);
    const broken = run(configure({ gateway: { listeners: [] } }));
    expect([await missing.exited, await broken.exited]).toEqual([1, 1]);
    expect(missing.stderr).toMatch(/^\/nowhere\/gateway\.yaml: /m);
    expect(broken.stderr).toMatch(/gateway\.yaml:1:\d+ listeners: /);
  });

  it('says which port is taken, and ends', async () => {
    const taken = await upstream('taken');
    const listeners = [{ name: 'http', address: '127.0.0.1', port: taken.port }];
    const programs = [
      run(configure({ gateway: { listeners } })),
      run(configure({ gateway: { listeners, workers: 1 } })),
      run(configure({ gateway: { admin: { port: taken.port } } })),
    ];
    expect(await Promise.all(programs.map(({ exited }) => exited))).toEqual([1, 1, 1]);
    const remedy = 'The port of a listener is in use. Stop the other program or choose another port.';
    const place = `127.0.0.1:${taken.port}`;
    expect(programs.map(({ stderr }) => stderr.trimEnd().split('\n').at(-1))).toEqual([
      `SLUICE_LISTENER_PORT_TAKEN listener http (${place}): ${remedy}`,
      `SLUICE_LISTENER_PORT_TAKEN listener http (${place}): ${remedy}`,
      `SLUICE_LISTENER_PORT_TAKEN admin ${place}: ${remedy}`,
    ]);
  });
});

describe('sluice run, when it is told to end', () => {
  interface Serving {
    readonly program: Program;
    readonly port: number;
    readonly directory: ConfigDirectory;
  }

  async function serving(server: HttpUpstream, workers = 1): Promise<Serving> {
    const directory = configure({
      gateway: { workers },
      tenants: { a: tenantA() },
      services: { main: [server.address] },
    });
    const program = run(directory);
    const port = await program.port();
    await eventually(() => ask(port).then(({ text }) => text)).toBe(server.name);
    return { program, port, directory };
  }

  it.each([
    ['SIGTERM', 1],
    ['SIGINT', 1],
    ['SIGTERM', 0],
  ] as const)('by %s (workers: %d) drains: what is in flight completes, exit 0', async (signal, workers) => {
    const slow = await upstream('slow', 300);
    const { program, port, directory } = await serving(slow, workers);
    const seen = slow.seen.length;
    const idle = workers === 0 ? new RawClient(port) : null;
    if (idle !== null) await once(idle.socket, 'connect');
    const replies = Array.from({ length: 5 }, () => ask(port, { path: '/in-flight' }));
    await eventually(() => slow.seen.length).toBe(seen + 5);
    program.child.kill(signal);
    expect((await Promise.all(replies)).map(({ text }) => text)).toEqual(Array(5).fill('slow'));
    await expect(ask(port)).rejects.toThrow('ECONNREFUSED');
    expect(await program.exited).toBe(0);
    await eventually(() => idle?.closed ?? true).toBe(true);
    expect(directory.lines.filter((line) => line['path'] === '/in-flight')).toHaveLength(5);
  });

  it('under load loses no accepted request', async () => {
    const quick = await upstream('quick', 5);
    const { program, port } = await serving(quick);
    const outcomes: string[] = [];
    const send = async (): Promise<void> => {
      for (let outcome = ''; !outcome.includes('ECONNREFUSED'); outcomes.push(outcome)) {
        const reply = ask(port).then(({ status }) => String(status));
        outcome = await reply.catch((error: Error) => error.message);
      }
    };
    const loaders = [send(), send(), send(), send()];
    await eventually(() => outcomes.length).toBeGreaterThan(50);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(0);
    await Promise.all(loaders);
    // A connection that was never accepted is refused, or reset with the closing of the listener.
    expect(outcomes.filter((outcome) => !/^200$|ECONNREFUSED|(read|connect) ECONNRESET/.test(outcome))).toEqual([]);
  });

  it('is not ready at once, and serves new connections until the grace is over', async () => {
    const main = await upstream('main');
    const directory = configure({
      gateway: { workers: 1, shutdown: { grace: '1.5s' } },
      tenants: { a: tenantA() },
      services: { main: [main.address] },
    });
    const program = run(directory);
    const port = await program.port();
    const admin = await program.adminPort();
    await eventually(() => ask(admin, { host: 'localhost', path: '/readyz' }).then(({ status }) => status)).toBe(200);
    program.child.kill('SIGTERM');
    await eventually(() => ask(admin, { host: 'localhost', path: '/readyz' }).then(({ status }) => status)).toBe(503);
    expect((await ask(port)).text).toBe('main');
    expect(program.child.exitCode).toBeNull();
    expect(await program.exited).toBe(0);
    expect(program.log.find(({ msg }) => msg === 'shutting down')).toMatchObject({ graceMs: 1500, deadlineMs: 30_000 });
  });

  it('tells clients with its last answer that it closes', async () => {
    const held: (() => void)[] = [];
    const slow = await new HttpUpstream('slow', ({ url }, response) => {
      if (url === '/held') held.push(() => response.end('x'));
      else response.end();
    }).open();
    cleanups.push(() => slow.close());
    const files = { tenants: { a: tenantA() }, services: { main: [slow.address] } };
    const program = run(configure({ gateway: { workers: 2 }, ...files }));
    const port = await program.port();
    const admin = await program.adminPort();
    await eventually(() => ask(admin, { host: 'localhost', path: '/readyz' }).then(({ status }) => status)).toBe(200);
    const client = new RawClient(port);
    client.send(`GET /held HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await eventually(() => held.length).toBe(1);
    program.child.kill('SIGTERM');
    await eventually(() => ask(port).catch(() => 'refused')).toBe('refused');
    held[0]!();
    await eventually(() => client.closed).toBe(true);
    expect(client.text).toMatch(/HTTP\/1.1 200 OK\r\n[^]*connection: close\r\n[^]*x$/i);
    expect(await program.exited).toBe(0);
  });

  it('but to reload (SIGHUP) reads its files anew, and reopens the access log', async () => {
    const main = await upstream('main');
    const { program, port, directory } = await serving(main);
    await eventually(() => directory.lines.length).toBeGreaterThan(0);
    rmSync(join(directory.path, 'access.log'));
    program.child.kill('SIGHUP');
    await eventually(() => existsSync(join(directory.path, 'access.log'))).toBe(true);
    await ask(port, { path: '/after' });
    await eventually(() => directory.lines.map((line) => line['path'])).toEqual(['/after']);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(0);
  });
});

describe('sluice run', () => {
  it('ends at once on a second signal that is not an echo of the first', async () => {
    const never = await upstream('never', 60_000);
    const directory = configure({ tenants: { a: tenantA() }, services: { main: [never.address] } });
    const program = run(directory);
    const port = await program.port();
    const reply = ask(port).catch(() => 'cut');
    await eventually(() => never.seen.length).toBe(1);
    program.child.kill('SIGINT');
    program.child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(program.child.exitCode).toBeNull();
    program.child.kill('SIGINT');
    expect([await program.exited, await reply]).toEqual([1, 'cut']);
    expect(program.stderr).toMatch(/second signal: ending at once\n$/);
  });

  it('ends with 0 on a signal that comes while it starts', async () => {
    const program = run(configure({ gateway: { workers: 1 } }));
    await eventually(() => program.stderr).not.toBe('');
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  it('keeps serving when a tenant file breaks, and logs the place', async () => {
    const directory = configure({ tenants: { a: tenantA({ routes: [{ id: 'r', respond: { body: 'good' } }] }) } });
    const program = run(directory);
    const port = await program.port();
    directory.writeTenant('a', 'tenant: a\nroutes: [\n');
    await eventually(() => program.stderr).toContain('tenant configuration refused');
    expect(program.log.find(({ msg }) => msg === 'tenant configuration refused')).toMatchObject({
      level: 'error',
      tenant: 'a',
      lastGood: true,
      problems: expect.arrayContaining([expect.stringMatching(/a\.yaml:\d+:\d+/)]),
    });
    expect((await ask(port)).text).toBe('good');
  });

  it('replaces a worker that dies, and goes on', async () => {
    const { program, die } = mortal({ workers: 2 });
    const port = await program.port();
    die('once');
    await eventually(() => program.log.find(({ msg }) => msg === 'worker is back')).toMatchObject({ restarts: 1 });
    expect(program.log.find(({ msg }) => msg === 'worker ended')).toMatchObject({
      level: 'error',
      reason: 'error',
      detail: expect.stringContaining('Error: the thread is broken'),
      failures: 1,
    });
    expect((await ask(port)).status).toBe(404);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  it('ends with 1 and a reason when its workers die again and again', async () => {
    const { program, die } = mortal({ workers: 2 });
    const port = await program.port();
    die('always');
    expect(await program.exited).toBe(1);
    expect(program.stderr).toMatch(/^SLUICE_WORKER_CRASHED worker \d: error: Error: the thread is broken/m);
    expect(program.log.filter(({ msg }) => msg === 'worker ended').length).toBeGreaterThanOrEqual(10);
    await expect(ask(port)).rejects.toThrow('ECONNREFUSED');
  });
});

/** A gateway whose workers die when they are told to: one of them once, or all of them always. */
function mortal(gateway: Record<string, unknown>) {
  const directory = configure({ gateway });
  const [preload, trigger] = [join(directory.path, 'die.mjs'), join(directory.path, 'now')];
  writeFileSync(
    preload,
    `import { existsSync, rmSync } from 'node:fs';
    import { threadName } from 'node:worker_threads';
    const has = (how) => existsSync(${JSON.stringify(trigger)} + how);
    const takesTheOne = () => {
      try {
        rmSync(${JSON.stringify(trigger)} + 'once');
        return true;
      } catch {
        return false;
      }
    };
    const look = () => {
      if (has('always') || (has('once') && takesTheOne())) throw new Error('the thread is broken');
    };
    if (threadName.startsWith('sluice-worker-')) setInterval(look, 10);`,
  );
  const env = { NODE_OPTIONS: `--import=${preload}` };
  const program = new Program(['run', '-c', directory.gatewayFile], { env });
  return { program, die: (how: 'once' | 'always') => writeFileSync(trigger + how, '') };
}
