import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { has, HOST, type Pinning, pinned } from './processes.ts';

const execute = promisify(execFile);
const CONNECTIONS = 64;

/** What a browser or app sends, besides Host. */
export const HEADERS: Readonly<Record<string, string>> = {
  Host: HOST,
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) bench',
  accept: 'application/json, text/plain, */*',
  'accept-encoding': 'gzip, deflate, br',
  'accept-language': 'en-US,en;q=0.9',
  'x-request-id': '0af7651916cd43dd8448eb211c80319c',
  'x-device-id': 'd-0123456789',
  cookie: 'session=0123456789abcdef0123456789abcdef',
  referer: 'http://bench.example.com/start',
};

/** What one turn of the load saw; times in milliseconds. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly errors: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Loads a URL for so many seconds. */
export type Loader = (url: string, seconds: number) => Promise<Load>;

function wrkLoader(pinning: Pinning | null): Loader {
  const headers = Object.entries(HEADERS).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const script = join(import.meta.dirname, 'report.lua');
  return (url, seconds) =>
    load(pinning, ['wrk', '-t', '1', '-c', `${CONNECTIONS}`, '-d', `${seconds}s`, '-s', script, ...headers, url]);
}

function builtInLoader(pinning: Pinning | null): Loader {
  const script = join(import.meta.dirname, 'keep-alive.ts');
  return (url, seconds) =>
    load(pinning, [process.execPath, script, url, `${seconds}`, `${CONNECTIONS}`, JSON.stringify(HEADERS)]);
}

/** Both loaders print their result as the last line. */
async function load(pinning: Pinning | null, command: readonly string[]): Promise<Load> {
  const { stdout } = await execute(...pinned(pinning?.others, command));
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Load;
}

/** wrk where it is installed, else our own. */
export async function chooseLoader(pinning: Pinning | null): Promise<{ name: string; loader: Loader }> {
  const wrk = await has('wrk', '-v');
  return wrk ? { name: 'wrk', loader: wrkLoader(pinning) } : { name: 'built-in', loader: builtInLoader(pinning) };
}
