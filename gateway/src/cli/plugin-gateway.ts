import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AdminError, askAdmin } from './admin-client.ts';
import {
  type GatewaySetup,
  refusalOf,
  TENANT,
  writeGateway,
  writeModule,
  writeTenant,
} from './plugin-gateway-files.ts';
import { accessText, processText, record } from './plugin-gateway-log.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));
/** For the process to load: it and its files must not outlive the one that started it, however that ends. */
function endWithParent(folder: string): string {
  const code = `import { rmSync } from 'node:fs';
    const clean = () => rmSync(${JSON.stringify(folder)}, { recursive: true, force: true });
    process.once('disconnect', () => { clean(); process.once('exit', clean); process.kill(process.pid, 'SIGTERM'); });`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
const START_MS = 30_000;
const STOP_MS = 5_000;
const POLL_MS = 50;

/** It cannot be started, or has ended; the message says why. */
export class GatewayProcessError extends Error {}

/** A gateway in a process of its own, with generated files, that runs one plugin for everybody who asks. */
export class PluginGateway {
  readonly #print: (line: string) => void;
  #folder = '';
  #child: ChildProcess | null = null;
  #ports = { listener: 0, admin: 0 };
  #lastPort = 0;
  #lastWords: string[] = [];
  #starting: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param print takes a line for each request, and what plugin and gateway log */
  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Where clients find it. */
  get origin(): string {
    return `http://127.0.0.1:${this.#ports.listener}`;
  }

  /** Of its admin API. */
  get admin(): string {
    return `http://127.0.0.1:${this.#ports.admin}`;
  }

  /** Of its listener, also after it has ended; 0 before its first start. */
  get lastPort(): number {
    return this.#lastPort;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * Starts it, or starts it anew, and resolves when it serves.
   * @throws GatewayProcessError
   */
  start(module: string, setup: GatewaySetup): Promise<void> {
    this.#starting = this.#start(module, setup);
    return this.#starting;
  }

  async #start(module: string, setup: GatewaySetup): Promise<void> {
    this.#folder ||= await mkdtemp(join(tmpdir(), 'sluice-dev-'));
    await this.#try(setup);
    await this.#stop();
    await writeModule(this.#folder, module);
    await writeTenant(this.#folder, setup);
    const config = await writeGateway(this.#folder, setup);
    if (this.#closed) throw new GatewayProcessError('it was ended before it had started');
    this.#spawn(config);
    await this.#until('serves', async () => {
      if (this.#ports.listener === 0 || this.#ports.admin === 0) return false;
      return (await askAdmin(this.admin, '/readyz')).status === 200;
    });
  }

  /** Gives it another module; whether it takes that over, its admin API says. */
  replaceModule(module: string): Promise<void> {
    return writeModule(this.#folder, module);
  }

  /** Gives it another configuration, and resolves when that is in force. @throws GatewayProcessError when it is refused */
  async configure(setup: GatewaySetup): Promise<void> {
    await this.#try(setup);
    const before = await this.#tenant();
    await writeTenant(this.#folder, setup);
    await this.#until('takes over the configuration', async () => {
      const { loadedAt, errors } = await this.#tenant();
      if (errors.length > 0) throw new GatewayProcessError(errors.join('\n'));
      return loadedAt !== before.loadedAt;
    });
  }

  /** What runs stays as it is when its files would be refused. @throws GatewayProcessError */
  async #try(setup: GatewaySetup): Promise<void> {
    const refusal = await refusalOf(join(this.#folder, 'trial'), setup);
    if (refusal !== '') throw new GatewayProcessError(refusal);
  }

  /** Ends it, also one that is being started, and removes its files. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
    await this.#starting.catch(() => {});
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true });
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    this.#ports = { listener: 0, admin: 0 };
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
  }

  #spawn(config: string): void {
    const args = ['--import', endWithParent(this.#folder), LAUNCHER, 'run', '-c', config, '--log-level', 'debug'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#child = child;
    this.#lastWords = [];
    createInterface({ input: child.stdout! }).on('line', (line) => this.#tell(accessText(line)));
    createInterface({ input: child.stderr! }).on('line', (line) => this.#heard(line));
    child.once('error', (error) => this.#lastWords.push(error.message));
    child.once('exit', () => {
      if (this.#child === child) this.#print('The gateway has ended. The next change starts it anew.');
    });
  }

  #heard(line: string): void {
    const { msg, listener, port } = record(line);
    if (msg === 'admin API listening') this.#ports.admin = Number(port);
    if (msg === 'listening' && listener === 'http') this.#lastPort = this.#ports.listener = Number(port);
    if (msg === undefined) this.#lastWords = [...this.#lastWords, line].slice(-20);
    this.#tell(processText(line));
  }

  #tell(line: string | null): void {
    if (line !== null) this.#print(line);
  }

  async #tenant(): Promise<{ readonly loadedAt: number; readonly errors: readonly string[] }> {
    const { text } = await askAdmin(this.admin, '/api/tenants');
    const { tenants } = JSON.parse(text) as {
      tenants: readonly { tenant: string; loadedAt: number; errors: readonly string[] }[];
    };
    return tenants.find(({ tenant }) => tenant === TENANT) ?? { loadedAt: 0, errors: [] };
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!(await holds().catch(notYet))) {
      if (!this.running) throw new GatewayProcessError(`the gateway has ended: ${this.#lastWords.join('\n')}`);
      if (performance.now() > deadline) {
        throw new GatewayProcessError(`it took more than ${START_MS / 1000} s until the gateway ${what}`);
      }
      await sleep(POLL_MS);
    }
  }
}

/** It does not answer: it is about to, or has ended. */
function notYet(error: unknown): false {
  if (error instanceof AdminError) return false;
  throw error;
}
