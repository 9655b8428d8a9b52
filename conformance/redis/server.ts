// redis-server, as the machine has it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { until } from '../until.ts';

const PROGRAM = 'redis-server';

/** Its version, or '' when it is not on the PATH. */
export function redisVersion(): string {
  const { stdout, error } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  return error === undefined ? (/v=(\S+)/.exec(stdout)?.[1] ?? 'unknown') : '';
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** One server with a password for its default user, and a port that stays its own. */
export class RedisServer {
  readonly port: number;
  readonly password: string;
  readonly #directory: string;
  #child: ChildProcess | null = null;

  private constructor(port: number, password: string, directory: string) {
    this.port = port;
    this.password = password;
    this.#directory = directory;
  }

  static async start(directory: string, password: string): Promise<RedisServer> {
    mkdirSync(directory, { recursive: true });
    const server = new RedisServer(await freePort(), password, directory);
    await server.resume();
    return server;
  }

  /** Starts it (again), with no data. */
  async resume(): Promise<void> {
    const options = { port: this.port, bind: '127.0.0.1', save: '', appendonly: 'no', requirepass: this.password };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn(PROGRAM, words, { cwd: this.#directory, stdio: 'ignore' });
    const kill = (): void => void child.kill('SIGKILL');
    process.on('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    this.#child = child;
    await until(
      'redis-server to answer',
      () => this.ask('*1\r\n$4\r\nPING\r\n'),
      (reply) => reply === '+PONG\r\n',
    );
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    if (this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** Sends a command on a connection of its own, and resolves to all that comes back (latin1). */
  ask(query: string | Buffer, db = 0): Promise<string> {
    const hello = [
      `*2\r\n$4\r\nAUTH\r\n$${this.password.length}\r\n${this.password}\r\n`,
      `*2\r\n$6\r\nSELECT\r\n$1\r\n${db}\r\n`,
    ];
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = connect(this.port, '127.0.0.1');
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => void (text += chunk.toString('latin1')));
      socket.on('close', () => {
        const greeting = '+OK\r\n+OK\r\n';
        if (text.startsWith(greeting) && text.endsWith('+OK\r\n')) resolve(text.slice(greeting.length, -5));
        else reject(new Error(`redis-server answered ${JSON.stringify(text.slice(0, 200))}`));
      });
      socket.write(hello.join(''));
      socket.write(query);
      socket.write('*1\r\n$4\r\nQUIT\r\n');
    });
  }
}
