// What the cases share that change a gateway while it carries load: the gateway, a service behind it, and its files.
import { X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { issue } from '../../gateway/src/config/certificate.suite.ts';
import { type GatewayUnderTest, gatewayText, startReadyGateway } from '../gateway.ts';
import { failuresOf, type Load, type LoadOptions, type LoadReport, startWrk } from '../load.ts';
import { check } from '../until.ts';
import { startUpstream, type Upstream } from '../upstream.ts';
import type { Target } from './client.ts';
import { Files, freePort } from './files.ts';
import { type MarkerVersion, markerModules } from './plugin/modules.ts';
import { PROBE, Probe } from './probe-client.ts';
import { Witness } from './witness.ts';

/** Serves the tenant that nobody edits. */
export const STEADY = 'steady.example.com';
/** Its routes: to a service, and the same with the plugin `marker`. */
export const STEADY_PATH = '/steady';
export const MARKED_PATH = '/marked';
export const WORKERS = 2;

export interface Ports {
  readonly http: number;
  readonly https: number;
}

/** As `/api/snapshot` shows a worker. */
export interface WorkerView {
  readonly worker: number;
  readonly state: string;
  readonly restarts: Readonly<Record<string, number>>;
  readonly lag: number;
}

export class ReloadWorld {
  readonly gateway: GatewayUnderTest;
  readonly upstream: Upstream;
  readonly probe: Probe;
  readonly files: Files;
  readonly ports: Ports;
  readonly modules: Readonly<Record<MarkerVersion, Uint8Array>>;

  private constructor(parts: Pick<ReloadWorld, 'gateway' | 'upstream' | 'files' | 'ports' | 'modules'>) {
    this.gateway = parts.gateway;
    this.upstream = parts.upstream;
    this.files = parts.files;
    this.ports = parts.ports;
    this.modules = parts.modules;
    this.probe = new Probe(parts.gateway.child, WORKERS);
  }

  static async start(directory: string): Promise<ReloadWorld> {
    const files = new Files(directory);
    const modules = await markerModules();
    const ports = { http: await freePort(), https: await freePort() };
    const upstream = await startUpstream('device');
    files.write('marker.wasm', modules.v1);
    mkdirSync(join(directory, 'certificates'));
    writeCertificate(files);
    files.writeTenant('steady', steadyTenant(upstream.port));
    const gateway = await startReadyGateway(
      directory,
      { gateway: sectionsOf(ports), tenants: {} },
      { preload: PROBE, startLimitMs: 60_000 },
    );
    return new ReloadWorld({ gateway, upstream, files, ports, modules });
  }

  /** The same gateway.yaml with the listeners on these ports. */
  moveListeners(ports: Ports): void {
    this.files.write('gateway.yaml', gatewayText(sectionsOf(ports)));
  }

  /** wrk on the gateway; by default on the steady route. */
  load(options: Partial<LoadOptions> & Pick<LoadOptions, 'connections' | 'delayMs'>): Load {
    const steady = { port: this.ports.http, path: STEADY_PATH, headers: { Host: STEADY } };
    return startWrk({ ...steady, ...options }, this.files.directory);
  }

  witness(target: Target = { port: this.ports.http }): Promise<Witness> {
    return Witness.open(this.probe, target, STEADY, STEADY_PATH);
  }

  async workers(): Promise<readonly WorkerView[]> {
    const { body } = await this.gateway.admin('/api/snapshot');
    return (JSON.parse(body) as { workers: readonly WorkerView[] }).workers;
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.upstream.stop();
  }
}

/** Writes a new certificate for the listener with TLS; answers its SHA-256. */
export function writeCertificate(files: Files): string {
  const { certificate, key, fingerprint } = newCertificate();
  files.write(join('certificates', 'live.key'), key);
  files.write(join('certificates', 'live.crt'), certificate);
  return fingerprint;
}

function newCertificate() {
  const issued = issue({ names: [STEADY] });
  return { ...issued, fingerprint: new X509Certificate(issued.certificate).fingerprint256 };
}

/** Ends a load none of whose requests may have failed. @throws Unmet */
export async function unharmed(what: string, load: Load): Promise<LoadReport> {
  const report = await load.stop();
  check(failuresOf(report) === 0, `no failed request on ${what}`, report);
  check(report.requests > 0, `requests on ${what}`, report);
  return report;
}

function sectionsOf({ http, https }: Ports): object {
  const certificates = [{ certFile: 'certificates/live.crt', keyFile: 'certificates/live.key' }];
  return {
    workers: WORKERS,
    listeners: [
      { name: 'http', address: '127.0.0.1', port: http },
      { name: 'https', address: '127.0.0.1', port: https, tls: { certificates } },
    ],
    plugins: [{ name: 'marker', source: 'file:marker.wasm' }],
  };
}

function steadyTenant(upstreamPort: number): string {
  const upstream = { service: 'device' };
  return stringify({
    tenant: 'steady',
    domains: [STEADY],
    services: { device: { static: [{ address: `127.0.0.1:${upstreamPort}` }] } },
    routes: [
      { id: 'steady', match: { path: { exact: STEADY_PATH } }, upstream },
      { id: 'marked', match: { path: { exact: MARKED_PATH } }, upstream, plugins: [{ use: 'marker' }] },
    ],
  });
}
