import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Pinning, pinned } from '../machine.ts';
import type { Reading } from '../statistics.ts';

const run = promisify(execFile);

/** Host of the bench tenant. */
export const HOST = 'bench.example.com';

/** wrk can ask for no other name than the one that it connects to. */
export const TLS_NAME = 'localhost';

/** What a browser or app sends: nine fields with Host. */
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

/** Where a load goes. */
export interface Target {
  readonly port: number;
  readonly tls: boolean;
  readonly pinning: Pinning | null;
}

/** Loads a subject for so many seconds. */
export interface Load {
  /** How tables and JSON name it. */
  readonly generator: string;
  /** Requests at most that are under way when it ends, which it does not count. */
  readonly cutOff: number;
  run(target: Target, seconds: number): Promise<Reading>;
}

/** Runs a generator on the cores of the load; its last line is a reading in JSON. @throws Error with what it printed */
export async function generate(pinning: Pinning | null, command: readonly string[]): Promise<Reading> {
  const { stdout } = await run(...pinned(pinning?.others, command));
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Reading;
}
