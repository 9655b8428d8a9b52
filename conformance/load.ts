// Load on the gateway: from wrk, or from a small loader in the process where wrk would be too much.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoadOptions {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Host headers, in turn; default: that of `headers`. */
  readonly hosts?: readonly string[];
  /** Keep-alive connections, each with one GET at a time. */
  readonly connections: number;
  /** Pause of a connection before each request in ms; 0: as fast as it goes. */
  readonly delayMs: number;
  /** Over TLS, whatever the certificate; wrk only. */
  readonly tls?: boolean;
}

/** What went wrong is counted by the load generator, not by the gateway. */
export interface LoadReport {
  readonly requests: number;
  /** Answers with a status below 200 or above 399. */
  readonly non2xx: number;
  readonly connectErrors: number;
  readonly readErrors: number;
  readonly writeErrors: number;
  /** Answers that took longer than 2 s. */
  readonly timeouts: number;
  readonly requestsPerSecond: number;
}

export interface Load {
  /** Ends it and resolves to its report. */
  stop(): Promise<LoadReport>;
}

/** Starts a load generator; `directory` takes its files. */
export type LoadStarter = (options: LoadOptions, directory: string) => Load;

/** Failed requests of any kind. */
export function failuresOf(report: LoadReport): number {
  return report.non2xx + report.connectErrors + report.readErrors + report.writeErrors + report.timeouts;
}

const LONGEST_S = 600;
const TIMEOUT_MS = 2_000;
let scripts = 0;

/** wrk with one thread. Its report is parsed; one that cannot be read is an error. */
export const startWrk: LoadStarter = (options, directory) => {
  const { port, path, headers, connections, tls = false } = options;
  const args = ['-t1', `-c${connections}`, `-d${LONGEST_S}s`, '--timeout', `${TIMEOUT_MS / 1000}s`];
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  const script = scriptOf(options);
  if (script !== '') {
    const file = join(directory, `wrk-${++scripts}.lua`);
    writeFileSync(file, script);
    args.push('-s', file);
  }
  const child = spawn('wrk', [...args, `${tls ? 'https' : 'http'}://127.0.0.1:${port}${path}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, 'close');
  ended.catch(() => {}); // told by `stop`
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  return {
    stop: async () => {
      child.kill('SIGINT'); // wrk prints its report and ends
      await ended;
      process.off('exit', kill);
      return parseWrk(output);
    },
  };
};

function scriptOf({ delayMs, hosts = [] }: LoadOptions): string {
  const delay = delayMs > 0 ? `function delay() return ${delayMs} end\n` : '';
  if (hosts.length === 0) return delay;
  const requests = `local hosts = { ${hosts.map((host) => JSON.stringify(host)).join(', ')} }
local requests, turn = {}, 0
function init()
  for i, host in ipairs(hosts) do
    wrk.headers["Host"] = host
    requests[i] = wrk.format("GET")
  end
end
function request()
  turn = turn % #hosts + 1
  return requests[turn]
end
`;
  return delay + requests;
}

/** @throws when the text is no report of wrk. */
export function parseWrk(text: string): LoadReport {
  const number = (pattern: RegExp): number | undefined => {
    const found = pattern.exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const requests = number(/(\d+) requests in /);
  const requestsPerSecond = number(/Requests\/sec:\s+([\d.]+)/);
  if (requests === undefined || requestsPerSecond === undefined) throw new Error(`no report of wrk: ${text}`);
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    requests,
    // Absent where there is nothing to report.
    non2xx: number(/Non-2xx or 3xx responses: (\d+)/) ?? 0,
    connectErrors: Number(socket?.[1] ?? 0),
    readErrors: Number(socket?.[2] ?? 0),
    writeErrors: Number(socket?.[3] ?? 0),
    timeouts: Number(socket?.[4] ?? 0),
    requestsPerSecond,
  };
}

/** Keep-alive connections of this process; a few hundred requests per second. */
export const startLoader: LoadStarter = ({ port, path, headers, hosts = [], connections, delayMs }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const start = performance.now();
  const count = { requests: 0, non2xx: 0, connectErrors: 0, readErrors: 0, writeErrors: 0, timeouts: 0 };
  const stopping = new AbortController();

  function request(): Promise<void> {
    return new Promise((resolve) => {
      const sentAt = performance.now();
      const host = hosts.length === 0 ? {} : { host: hosts[count.requests % hosts.length] };
      const sent = get({ host: '127.0.0.1', port, path, headers: { ...headers, ...host }, agent }, (response) => {
        response.resume();
        response.once('error', () => failed('readErrors'));
        response.once('end', () => {
          count.requests++;
          const status = response.statusCode ?? 0;
          if (status < 200 || status > 399) count.non2xx++;
          if (performance.now() - sentAt > TIMEOUT_MS) count.timeouts++;
          resolve();
        });
      });
      const failed = (kind: 'readErrors' | 'connectErrors'): void => {
        count[kind]++;
        resolve();
      };
      sent.once('error', (error: NodeJS.ErrnoException) =>
        failed(error.code === 'ECONNREFUSED' ? 'connectErrors' : 'readErrors'),
      );
    });
  }

  async function connection(): Promise<void> {
    while (!stopping.signal.aborted) {
      await request();
      await sleep(Math.max(1, delayMs));
    }
  }

  const running = Promise.all(Array.from({ length: connections }, connection));
  return {
    stop: async () => {
      stopping.abort();
      await running;
      agent.destroy();
      return { ...count, requestsPerSecond: (count.requests / (performance.now() - start)) * 1000 };
    },
  };
};
