import { readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Child, Processes } from '../processes.ts';

const PEERS = join(import.meta.dirname, '../peers');

/** Programs that are fetched or built for the benchmark. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice-bench');

/** What a scenario asks of a subject's configuration. */
export interface Demands {
  readonly tls: boolean;
  /** One route for everything, or ten tenants with 100 domains and 1 000 routes each. */
  readonly routes: 'one' | 'many';
  /** Idle clients are counted; undefined: there are none. */
  readonly idle?: number;
}

/** What a subject is set up with. */
export interface Place extends Demands {
  /** For its files; gone afterwards. */
  readonly directory: string;
  readonly processes: Processes;
  readonly upstreamPort: number;
  /** PEM files: certificate, key, and both in one. */
  readonly certificate: string;
  readonly key: string;
  readonly pem: string;
  /** Where the gateway leaves CPU profiles; undefined: nowhere. */
  readonly profile: string | undefined;
}

/** A subject that answers on a port of 127.0.0.1. */
export interface Running {
  readonly port: number;
  /** null: there is nothing of it to be measured. */
  readonly child: Child | null;
  /** Requests that it says it has answered. */
  requests?(): Promise<number>;
}

/** What is measured, or measured against. */
export interface Subject {
  readonly name: string;
  /** Seconds of load before the first round, where the usual ones do not do. */
  readonly warmUp?: number;
  /** It is not started anew for each scenario. */
  readonly lasts?: true;
  /** Fetches or builds what is missing, into `CACHE`; says so when it takes a while. @throws Error that says why it fails */
  install?(tell: (what: string) => void): Promise<void>;
  /** Why it cannot take part; null when it can. */
  obstacle(demands: Demands): Promise<string | null>;
  /** Of its programs. */
  versions(): Promise<Readonly<Record<string, string>>>;
  /** @throws Error with its log when it does not start */
  start(place: Place): Promise<Running>;
}

/**
 * Writes a configuration of peers/ with every `@name@` replaced. @returns the path
 * @throws Error for a name that has no value
 */
export async function configure(
  file: string,
  place: Place,
  values: Readonly<Record<string, string | number>>,
): Promise<string> {
  const path = join(place.directory, file);
  await writeFile(path, await filled(file, { ...place, upstream: place.upstreamPort, ...values }));
  return path;
}

/** A file of peers/ with every `@name@` replaced. @throws Error for a name that has no value */
export async function filled(file: string, values: object): Promise<string> {
  const template = await readFile(join(PEERS, file), 'utf8');
  const known = new Map<string, unknown>(Object.entries(values));
  return template.replace(/@([a-z]+)@/gi, (_, name: string) => {
    const value = known.get(name);
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw new Error(`${file}: nothing known for @${name}@`);
  });
}

/** A file of peers/ that a subject runs as it is. */
export function peerFile(file: string): string {
  return join(PEERS, file);
}
