// The gateway as a user runs it: its launcher, real configuration files, a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createReadStream,
  fstatSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { until } from './until.ts';

const LAUNCHER = join(import.meta.dirname, '..', 'gateway', 'bin', 'sluice.js');
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 15_000;

export interface GatewayFiles {
  /** Sections of gateway.yaml besides listener, admin, tenants and access log. */
  readonly gateway: object;
  /** Tenant files by name. */
  readonly tenants: Readonly<Record<string, object>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One line of the access log; the fields that suites look at. */
export interface AccessEntry {
  readonly response_code: number;
  readonly response_code_details: string;
  readonly route_name: string;
  readonly lane: string;
  readonly lane_fallback: boolean;
  readonly upstream_host: string;
  readonly upstream_request_attempt_count: number;
}

/** As `/api/services` shows it. */
export interface ServiceView {
  readonly tenant: string;
  readonly service: string;
  readonly namespace: string;
  readonly state: string;
  readonly endpoints: readonly { address: string; lane: string; weight: number; healthy: boolean }[];
}

export interface RegistryView {
  readonly registry: string;
  readonly connected: boolean;
  readonly lastError: string;
}

export class GatewayUnderTest {
  readonly directory: string;
  /** Its process; with a `preload`, also the channel to that. */
  readonly child: ChildProcess;
  readonly #logStart: number;
  #ports = { listener: 0, admin: 0 };

  /** @param logStart where its part of the process log begins, which a former one may have left */
  constructor(directory: string, child: ChildProcess, logStart: number) {
    this.directory = directory;
    this.child = child;
    this.#logStart = logStart;
  }

  /** Of the listener; 0 while it is not open. */
  get port(): number {
    return this.#port('listener');
  }

  /** Of the admin API, which opens first; 0 while it is not open. */
  get adminPort(): number {
    return this.#port('admin');
  }

  #port(which: 'listener' | 'admin'): number {
    if (this.#ports[which] === 0) this.#ports = portsIn(this.processLog());
    return this.#ports[which];
  }

  get pid(): number {
    return this.child.pid!;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** A GET on a connection of its own. */
  get(path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    return fetchFrom(this.port, path, headers);
  }

  admin(path: string): Promise<Answer> {
    return fetchFrom(this.adminPort, path, {});
  }

  async ready(): Promise<boolean> {
    return (await this.admin('/readyz')).status === 200;
  }

  async services(): Promise<{ services: ServiceView[]; registries: RegistryView[] }> {
    return JSON.parse((await this.admin('/api/services')).body) as never;
  }

  /** What the gateway believes of one service. */
  async service(name: string, tenant = 'home'): Promise<ServiceView> {
    const found = (await this.services()).services.find((it) => it.service === name && it.tenant === tenant);
    if (found === undefined) throw new Error(`the admin API shows no service ${tenant}/${name}`);
    return found;
  }

  processLog(): string {
    return readFileSync(join(this.directory, 'process.log')).toString('utf8', this.#logStart);
  }

  /** Where the access log ends now. */
  logMark(): number {
    return statSync(join(this.directory, 'access.log')).size;
  }

  /** Entries of one route that were written since the mark. The gateway writes them with a delay of well under 1 s. */
  async entries(since: number, route: string): Promise<AccessEntry[]> {
    const lines = createInterface({ input: createReadStream(join(this.directory, 'access.log'), { start: since }) });
    const entries: AccessEntry[] = [];
    for await (const line of lines) {
      if (!line.includes(`"route_name":"${route}"`) || !line.endsWith('}')) continue;
      entries.push(JSON.parse(line) as AccessEntry);
    }
    return entries;
  }

  /** SIGTERM; resolves to the exit code, null when it had to be killed. */
  async stop(): Promise<number | null> {
    const exited = this.alive ? once(this.child, 'exit') : Promise.resolve();
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT_MS);
    await exited;
    clearTimeout(timer);
    return this.child.exitCode;
  }
}

/** How the gateway is started. */
export interface Program {
  /** The launcher `sluice.js`; default: that of the sources. */
  readonly launcher?: string;
  /** User and group to run as; default: those of this process. */
  readonly user?: number;
  /** A module that all of its threads load first; it gets a channel to this process. */
  readonly preload?: string;
  /** How long it may take to listen, and once more to be ready, ms; default 20 000. */
  readonly startLimitMs?: number;
}

/**
 * Writes the files to `directory` and starts the gateway there on free ports of 127.0.0.1; resolves when its admin API
 * answers, or with `listening` when its listener is open, ready or not. Its output goes to `process.log`, the access log
 * to `access.log`. Needs a process log of level info, which names the ports.
 */
export async function startGateway(
  directory: string,
  files: GatewayFiles,
  listening = true,
  { launcher = LAUNCHER, user, preload, startLimitMs = START_LIMIT_MS }: Program = {},
): Promise<GatewayUnderTest> {
  writeFiles(directory, files);
  const output = openSync(join(directory, 'process.log'), 'a');
  const logStart = fstatSync(output).size;
  const child = spawn(process.execPath, [launcher, 'run', '-c', 'gateway.yaml'], {
    cwd: directory,
    stdio: ['ignore', output, output, ...(preload === undefined ? [] : ['ipc' as const])],
    ...(preload === undefined ? {} : { env: { ...process.env, NODE_OPTIONS: `--import=${preload}` } }),
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  closeSync(output);
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const gateway = new GatewayUnderTest(directory, child, logStart);
  const deadline = performance.now() + startLimitMs;
  while ((listening ? gateway.port : gateway.adminPort) === 0) {
    if (!gateway.alive || performance.now() > deadline) {
      kill();
      throw new Error(`the gateway does not listen:\n${gateway.processLog().slice(-4_000)}`);
    }
    await sleep(10);
  }
  return gateway;
}

/** Waits until it says that it is ready. */
export async function startReadyGateway(
  directory: string,
  files: GatewayFiles,
  program: Program = {},
): Promise<GatewayUnderTest> {
  const gateway = await startGateway(directory, files, true, program);
  await until(
    'the gateway to be ready',
    () => gateway.admin('/readyz'),
    ({ status }) => status === 200,
    program.startLimitMs ?? START_LIMIT_MS,
  );
  return gateway;
}

function writeFiles(directory: string, { gateway, tenants }: GatewayFiles): void {
  mkdirSync(join(directory, 'tenants'), { recursive: true });
  writeFileSync(join(directory, 'gateway.yaml'), gatewayText(gateway));
  for (const [name, tenant] of Object.entries(tenants)) {
    writeFileSync(join(directory, 'tenants', `${name}.yaml`), stringify(tenant));
  }
}

/** A gateway.yaml with these sections. */
export function gatewayText(sections: object): string {
  return stringify({
    apiVersion: 'sluice/v1',
    listeners: [{ name: 'http', address: '127.0.0.1', port: 0 }],
    admin: { address: '127.0.0.1', port: 0 },
    tenants: { directory: 'tenants' },
    accessLog: { path: 'access.log' },
    shutdown: { grace: '0s' },
    ...sections,
  });
}

function portsIn(log: string): { listener: number; admin: number } {
  const port = (pattern: RegExp): number => Number(pattern.exec(log)?.[1] ?? 0);
  return {
    listener: port(/"listener":"http".*?"port":(\d+)/),
    admin: port(/"port":(\d+),"msg":"admin API listening"/),
  };
}

function fetchFrom(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, headers, agent: false, timeout: 5_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.once('timeout', () => request.destroy(new Error(`no answer from port ${port} within 5 s`)));
    request.once('error', reject);
  });
}
