// A real Java Nacos server, standalone, on loopback, for the conformance suite.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { classPath } from './java-build.ts';
import { createFirstAdmin, nacosAdmin } from './nacos-admin.ts';
import type { Login } from './nacos-admin.ts';

export { prepareRealNacos } from './java-build.ts';
export { startProvider } from './java-provider.ts';
export { nacosAdmin } from './nacos-admin.ts';
export type { Availability } from './java-build.ts';
export type { Done, InstanceIdentity, InstanceRegistration, Provider, ProviderOptions } from './java-provider.ts';
export type { InstanceEdit, ListedInstance, Login, NacosAdmin, ServiceName } from './nacos-admin.ts';

export interface RealNacosOptions {
  /** Switches username/password login on, for clients and for the HTTP API. The name must be `nacos`, the first admin's. */
  auth?: Login;
  /** More lines for the server's application.properties, e.g. a shorter push delay. */
  properties?: Record<string, string>;
  /** How long a start may take, in ms; 120 000 unless told. Alone on two cores it takes about 7 s. */
  startTimeoutMs?: number;
}

export interface RealNacos {
  readonly server: 'nacos-java';
  /** As the server reports it. */
  readonly version: string;
  /** `127.0.0.1:PORT`; gRPC is 1000 above. The same after a restart. */
  readonly address: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Of the running server process; changes with a restart, undefined while it is down. */
  readonly pid: number | undefined;
  /** What the server printed so far; its detailed logs are in `<home>/nacos/logs`. */
  log(): string;
  /** Where data and logs are; removed by `stop`. */
  readonly home: string;
  /** Ends the process (SIGTERM, or SIGKILL for a crash) and keeps ports and data, for a registry outage. */
  down(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again after `down`; resolves when usable. Ephemeral instances are gone until their clients come back. */
  up(): Promise<void>;
  /** `down`, then `up`. */
  restart(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Ends the process and removes its data. Leaves nothing behind; may be called twice. */
  stop(): Promise<void>;
}

const stopWithinMs = 10_000;

/**
 * Starts a server on free ports of 127.0.0.1 with a fresh data directory below the system's temporary one. Resolves when
 * it is usable: gRPC answers a server check and naming answers over HTTP. Needs `prepareRealNacos()` before. Rejects, with
 * the end of the server's output, when it exits or does not become usable in time; no process is left then. The server
 * ends with this process, too; only where that one is killed, the data directory stays: 580 MB, most of it set aside by Raft.
 */
export async function startRealNacos(options: RealNacosOptions = {}): Promise<RealNacos> {
  const { auth } = options;
  if (auth !== undefined && auth.username !== 'nacos')
    throw new Error('the first administrator of a Nacos server is named nacos');
  const httpPort = await freeMainPort();
  const grpcPort = httpPort + 1000;
  const address = `127.0.0.1:${httpPort}`;
  const home = mkdtempSync(join(tmpdir(), 'sluice-nacos-'));
  const logFile = join(home, 'server.log');
  mkdirSync(join(home, 'conf'));
  writeFileSync(
    join(home, 'conf', 'application.properties'),
    settings(httpPort, auth !== undefined, options.properties),
  );
  let child: ChildProcess | undefined;
  let hasAdmin = false;

  async function up(): Promise<void> {
    if (child !== undefined) return;
    const deadline = Date.now() + (options.startTimeoutMs ?? 120_000);
    const starting = launch(home, logFile);
    child = starting;
    try {
      await until(starting, deadline, () => grpcAnswers(grpcPort));
      if (auth !== undefined && !hasAdmin) {
        await until(starting, deadline, () => createFirstAdmin(address, auth.password).then(() => true));
        hasAdmin = true;
      }
      await until(starting, deadline, () =>
        nacosAdmin(address, auth)
          .list({ service: 'readiness-probe' })
          .then(() => true),
      );
    } catch (error) {
      const output = readFileSync(logFile, 'utf8').slice(-4000);
      await down('SIGKILL');
      throw new Error(`the Nacos server did not become usable: ${String(error)}\n${output}`, { cause: error });
    }
  }

  async function down(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || hasEnded(ending)) return;
    const exit = once(ending, 'exit');
    ending.kill(signal);
    const timer = setTimeout(() => ending.kill('SIGKILL'), stopWithinMs);
    await exit;
    clearTimeout(timer);
  }

  function leaveNothing(): void {
    child?.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  }

  async function stop(): Promise<void> {
    process.off('exit', leaveNothing);
    await down();
    leaveNothing();
  }

  process.once('exit', leaveNothing);
  let version: string;
  try {
    await up();
    version = await reportedVersion(address, auth);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    server: 'nacos-java',
    version,
    address,
    httpPort,
    grpcPort,
    home,
    get pid() {
      return child?.pid;
    },
    log: () => readFileSync(logFile, 'utf8'),
    down,
    up,
    stop,
    restart: async (signal) => {
      await down(signal);
      await up();
    },
  };
}

function settings(port: number, auth: boolean, more: Record<string, string> = {}): string {
  const properties: Record<string, string> = {
    'server.address': '127.0.0.1',
    'nacos.server.main.port': String(port),
    'nacos.server.contextPath': '/nacos',
    'nacos.core.auth.system.type': 'nacos',
    'nacos.core.auth.enabled': String(auth),
    'nacos.core.auth.admin.enabled': String(auth),
    'nacos.core.auth.console.enabled': 'false', // no console is started
    'nacos.core.auth.server.identity.key': randomBytes(8).toString('hex'),
    'nacos.core.auth.server.identity.value': randomBytes(8).toString('hex'),
    'nacos.core.auth.plugin.nacos.token.secret.key': randomBytes(48).toString('base64'),
    'nacos.k8s.sync.enabled': 'false',
    'nacos.istio.mcp.server.enabled': 'false',
    'logging.config': 'classpath:logback.xml',
    ...more,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function launch(home: string, logFile: string): ChildProcess {
  const output = openSync(logFile, 'a');
  const opens = ['lang', 'util', 'io', 'math'].flatMap((name) => ['--add-opens', `java.base/java.${name}=ALL-UNNAMED`]);
  const child = spawn(
    'java',
    [
      ...opens, // Hessian, which Raft's log is written with, reaches into these
      '-Xms128m',
      '-Xmx384m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1', // starts fastest on few cores
      `-Djava.io.tmpdir=${home}`, // native libraries are unpacked there and stay after a kill
      `-Dnacos.home=${home}`,
      `-Duser.home=${home}`, // some logs go to the user's home whatever nacos.home says
      `-Dspring.config.additional-location=file:${home}/conf/`, // 3.x reads no conf/ below nacos.home by itself
      '-Dnacos.server.ip=127.0.0.1',
      '-Dnacos.remote.grpc.listen.ip=127.0.0.1',
      '-cp',
      classPath('server'),
      'sluice.conformance.NacosServer',
    ],
    { cwd: home, stdio: ['pipe', output, output] },
  ); // the pipe only tells the server that we live
  closeSync(output);
  child.on('error', () => {}); // a process that cannot be started shows as ended
  return child;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Asks every 100 ms until the answer is true; an error counts as not yet, and is told if time runs out. */
async function until(child: ChildProcess, deadline: number, isSo: () => Promise<boolean>): Promise<void> {
  let last: unknown = 'no answer';
  while (!hasEnded(child)) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`too slow; last: ${String(last)}`);
    await sleep(100);
  }
  throw new Error('the process has ended');
}

/** Sends the one request that Nacos answers without a connection set up; while starting it answers something else. */
function grpcAnswers(port: number): Promise<boolean> {
  const type = Buffer.from('ServerCheckRequest');
  const body = Buffer.from('{"headers":{}}');
  const metadata = Buffer.concat([Buffer.from([0x1a, type.length]), type]);
  const any = Buffer.concat([Buffer.from([0x12, body.length]), body]);
  const payload = Buffer.concat([Buffer.from([0x12, metadata.length]), metadata, Buffer.from([0x1a, any.length]), any]);
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, payload.length]), payload]);
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const finish = (settle: () => void): void => {
      session.destroy();
      settle();
    };
    session.on('error', (error) => finish(() => reject(error)));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/Request/request',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    stream.setTimeout(2_000, () => finish(() => reject(new Error('gRPC did not answer in 2 s'))));
    stream.on('error', (error) => finish(() => reject(error)));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => finish(() => resolve(Buffer.concat(chunks).includes('ServerCheckResponse'))));
    stream.end(frame);
  });
}

async function reportedVersion(address: string, auth: Login | undefined): Promise<string> {
  const state = (await nacosAdmin(address, auth).request('GET', '/v3/admin/core/state', {})) as { version: string };
  return state.version;
}

/** Nacos derives its ports from the main one: gRPC for clients, gRPC for servers, Raft. */
async function freeMainPort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(11_000, 30_000); // below the range that Linux gives to outgoing connections
    const free = await Promise.all([port, port + 1000, port + 1001, port - 1000].map(isFree));
    if (free.every(Boolean)) return port;
  }
  throw new Error('no four free ports found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
