import { join } from 'node:path';
import { ClosedLoop } from './load/closed-loop.ts';
import { HOST, type Load } from './load/load.ts';
import { Handshakes } from './load/own.ts';
import { writeRequests } from './subjects/many-routes.ts';
import type { Demands } from './subjects/subject.ts';

/** A kind of traffic, and who takes part unless others are named. */
export interface Scenario extends Demands {
  readonly name: string;
  readonly subjects: readonly string[];
  /** One of its requests, and how long the answer is. */
  readonly host: string;
  readonly path: string;
  readonly bytes: number;
  /** Of the warm-up, and of the rounds unless they are at half load; undefined: there are none. @param directory for its files */
  readonly load?: (directory: string) => Promise<Load>;
  /** In its rounds the same number of requests a second goes to everyone: half of what gateway and nginx can do. */
  readonly halfLoad?: true;
  /** In place of rounds the memory of so many idle connections is measured. */
  readonly idle?: number;
  /** What is measured inside of a process besides, or alone. */
  readonly inside?: 'plugins' | 'sdk' | 'gateway';
}

/** Who takes part in everything, or says why not. */
const ALL = [
  'gateway',
  'nginx',
  'haproxy',
  'envoy',
  'caddy',
  'spring-cloud-gateway',
  'fastify-http-proxy',
  'floor',
  'direct',
];
const PLUGINS = ['gateway', 'gateway+plugin', 'gateway+5-plugins', 'gateway+10-plugins'];
const ENVOYS = ['envoy', 'envoy+plugin', 'envoy+5-plugins', 'envoy+10-plugins'];

const SMALL = { host: HOST, path: '/data', bytes: 1024, tls: false, routes: 'one' } as const;

/** In the order of the documentation. */
export const SCENARIOS: readonly Scenario[] = [
  { ...SMALL, name: 'get-1k', subjects: [...ALL, 'gateway+plugin', 'envoy+plugin'], load: () => ClosedLoop.create() },
  {
    ...SMALL,
    name: 'get-1k-many-routes',
    routes: 'many',
    host: `home-0.tenant-0.${HOST}`,
    path: '/api/service-0000/items',
    subjects: [...ALL, 'gateway-one-route'],
    load: async (directory) => {
      const file = join(directory, 'requests');
      await writeRequests(file);
      return ClosedLoop.create({ file });
    },
  },
  { ...SMALL, name: 'post-1k', subjects: ALL, load: () => ClosedLoop.create({ method: 'POST', bytes: 1024 }) },
  {
    ...SMALL,
    name: 'get-64k',
    path: '/data/64k',
    bytes: 64 * 1024,
    subjects: ALL,
    load: () => ClosedLoop.create({ path: '/data/64k' }),
  },
  {
    ...SMALL,
    name: 'get-1m',
    path: '/data/1m',
    bytes: 1024 * 1024,
    subjects: ALL,
    load: () => ClosedLoop.create({ path: '/data/1m' }),
  },
  { ...SMALL, name: 'new-connections', subjects: ALL, load: () => ClosedLoop.create({ close: true }) },
  { ...SMALL, name: 'tls-1k', tls: true, subjects: ALL, load: () => ClosedLoop.create() },
  { ...SMALL, name: 'tls-new-connections', tls: true, subjects: ALL, load: async () => new Handshakes(false) },
  { ...SMALL, name: 'tls-resumed-connections', tls: true, subjects: ALL, load: async () => new Handshakes(true) },
  { ...SMALL, name: 'latency-half-load', subjects: ALL, halfLoad: true, load: () => ClosedLoop.create() },
  { ...SMALL, name: 'idle-10k', subjects: ALL, idle: 10_000 },
  { ...SMALL, name: 'tls-idle-10k', tls: true, subjects: ALL, idle: 10_000 },
  {
    ...SMALL,
    name: 'plugins',
    subjects: [...PLUGINS, ...ENVOYS],
    inside: 'plugins',
    load: () => ClosedLoop.create(),
  },
  { ...SMALL, name: 'sdk', subjects: [], inside: 'sdk' },
  { ...SMALL, name: 'inside', subjects: [], inside: 'gateway' },
];
