import { join } from 'node:path';
import { versionOf } from '../machine.ts';
import type { Reading } from '../statistics.ts';
import { generate, HEADERS, type Load, type Target, TLS_NAME } from './load.ts';

/** Keep-alive connections, each with one request under way at a time. */
const CONNECTIONS = 64;

/** What each connection asks for again and again. */
export interface Requests {
  readonly method?: 'GET' | 'POST';
  readonly path?: string;
  /** Bytes of each request body. */
  readonly bytes?: number;
  /** A connection for each request. */
  readonly close?: boolean;
  /** File of `host path` lines that are asked for in turn; wrk alone can do that. */
  readonly file?: string;
}

/** As fast as the subject answers: by wrk where it is installed, else by a loader of our own. */
export class ClosedLoop implements Load {
  readonly generator: string;
  readonly cutOff = CONNECTIONS;
  readonly #wrk: boolean;
  readonly #requests: Requests;

  private constructor(wrk: string | null, requests: Requests) {
    this.#wrk = wrk !== null;
    this.generator = wrk === null ? 'keep-alive.ts' : `wrk ${wrk}`;
    this.#requests = requests;
  }

  static async create(requests: Requests = {}): Promise<ClosedLoop> {
    return new ClosedLoop(await versionOf('wrk', '-v'), requests);
  }

  run(target: Target, seconds: number): Promise<Reading> {
    const { path = '/data', close = false } = this.#requests;
    const headers = { ...HEADERS, ...(close ? { connection: 'close' } : {}) };
    const url = `${target.tls ? `https://${TLS_NAME}` : 'http://127.0.0.1'}:${target.port}${path}`;
    return generate(
      target.pinning,
      this.#wrk ? this.#wrkCommand(url, seconds, headers) : this.#own(url, seconds, headers),
    );
  }

  #wrkCommand(url: string, seconds: number, headers: Readonly<Record<string, string>>): string[] {
    const { method = 'GET', bytes = 0, file } = this.#requests;
    const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const script = join(import.meta.dirname, 'wrk.lua');
    const command = ['wrk', '-t', '1', '-c', `${CONNECTIONS}`, '-d', `${seconds}s`, '-s', script, ...fields, url];
    return [...command, '--', method, `${bytes}`, ...(file === undefined ? [] : [file])];
  }

  #own(url: string, seconds: number, headers: Readonly<Record<string, string>>): string[] {
    const { method = 'GET', bytes = 0, file } = this.#requests;
    if (file !== undefined) throw new Error('this scenario needs wrk');
    const job = JSON.stringify({ url, seconds, connections: CONNECTIONS, method, bytes, headers });
    return [process.execPath, join(import.meta.dirname, 'keep-alive.ts'), job];
  }
}
