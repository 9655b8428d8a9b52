import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseGateway } from '../../config/parse-gateway.ts';
import { type GatewayOptions, type GatewayProcess, startGateway } from '../gateway-process.ts';
import { ask, HOST } from './fixture.suite.ts';
import type { LogLine } from './proxy-rig.suite.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What stands in the files of a gateway of a test. JSON, which is YAML as well. */
export interface GatewayFiles {
  /** Fields of `gateway.yaml` in place of or besides the defaults: one listener, admin, a file registry `local`. */
  readonly gateway?: Fields;
  /** By tenant file, without extension. */
  readonly tenants?: Readonly<Record<string, Fields>>;
  /** Endpoints of the file registry: addresses, or what the file says. */
  readonly services?: Readonly<Record<string, readonly (string | Fields)[]>>;
  /** Other files, such as plugin modules. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
}

/** A directory with the configuration of a gateway. */
export class ConfigDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-gateway-'));
  readonly #defaults: Fields;

  constructor({ gateway = {}, tenants = {}, services = {}, files = {} }: GatewayFiles) {
    mkdirSync(join(this.path, 'tenants'));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(this.path, name), content);
    this.writeServices(services);
    for (const [name, tenant] of Object.entries(tenants)) this.writeTenant(name, tenant);
    const defaults = {
      apiVersion: 'sluice/v1',
      listeners: [{ name: 'http', address: '127.0.0.1', port: 0 }],
      workers: 0,
      shutdown: { grace: '0s' },
      admin: { port: 0 },
      registries: { local: { type: 'file', path: 'services.yaml' } },
      tenants: { directory: 'tenants' },
      accessLog: { path: join(this.path, 'access.log') },
    };
    this.#defaults = { ...defaults, ...gateway };
    writeFileSync(this.gatewayFile, JSON.stringify(this.#defaults));
  }

  /** The same gateway.yaml with other fields in place of or besides those of the start; or any text. */
  writeGateway(gateway: Fields | string): void {
    const text = typeof gateway === 'string' ? gateway : JSON.stringify({ ...this.#defaults, ...gateway });
    writeFileSync(join(this.path, 'new'), text);
    renameSync(join(this.path, 'new'), this.gatewayFile);
  }

  get gatewayFile(): string {
    return join(this.path, 'gateway.yaml');
  }

  /** By renaming, as editors and ConfigMaps do, so that no half of it is ever seen. */
  writeTenant(name: string, tenant: Fields | string): void {
    const file = join(this.path, 'tenants', `${name}.yaml`);
    writeFileSync(join(this.path, 'new'), typeof tenant === 'string' ? tenant : JSON.stringify(tenant));
    renameSync(join(this.path, 'new'), file);
  }

  /** Another file, such as a plugin module, replaced as editors do. */
  writeFile(name: string, content: Uint8Array | string): void {
    writeFileSync(join(this.path, 'new'), content);
    renameSync(join(this.path, 'new'), join(this.path, name));
  }

  removeTenant(name: string): void {
    rmSync(join(this.path, 'tenants', `${name}.yaml`));
  }

  writeServices(services: NonNullable<GatewayFiles['services']>): void {
    const listed = Object.entries(services).map(([name, endpoints]) => {
      const fields = endpoints.map((endpoint) => (typeof endpoint === 'string' ? { address: endpoint } : endpoint));
      return [name, { endpoints: fields }];
    });
    writeFileSync(join(this.path, 'new'), JSON.stringify({ services: Object.fromEntries(listed) }));
    renameSync(join(this.path, 'new'), join(this.path, 'services.yaml'));
  }

  /** Whole lines of the access log so far. */
  get lines(): LogLine[] {
    const lines = readFileSync(join(this.path, 'access.log'), 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A whole gateway in this process. */
export class GatewayRig {
  readonly directory: ConfigDirectory;
  readonly process: GatewayProcess;
  /** Codes of why the gateway gave up, if it did. */
  readonly fatal: string[];

  private constructor(directory: ConfigDirectory, process: GatewayProcess, fatal: string[]) {
    this.directory = directory;
    this.process = process;
    this.fatal = fatal;
  }

  static async start(files: GatewayFiles, supervision?: GatewayOptions['supervision']): Promise<GatewayRig> {
    const directory = new ConfigDirectory(files);
    const fatal: string[] = [];
    try {
      const process = await startGateway({
        config: readGateway(directory.gatewayFile),
        version: '0.0.0-test',
        logLevel: 'silent',
        configFile: { path: directory.gatewayFile, env: {} },
        onFatal: ({ code }) => void fatal.push(code),
        ...(supervision === undefined ? {} : { supervision }),
      });
      return new GatewayRig(directory, process, fatal);
    } catch (error) {
      directory.remove();
      throw error;
    }
  }

  get port(): number {
    return this.process.listeners[0]!.port;
  }

  /** A page of the admin API with its status. */
  async admin(path: string): Promise<{ readonly status: number; readonly text: string }> {
    return ask(this.process.admin.port, { host: 'localhost', path });
  }

  /** What `GET /api/<view>` lists. */
  async view<T = Fields>(view: string): Promise<T[]> {
    const { text } = await this.admin(`/api/${view}`);
    return (JSON.parse(text) as Record<string, T[]>)[view]!;
  }

  /** Value of a sample of `/metrics`, such as `sluice_requests_total{tenant="a",…}`; undefined when it is not there. */
  async metric(sample: string): Promise<number | undefined> {
    const { text } = await this.admin('/metrics');
    const line = text.split('\n').find((line) => line.startsWith(`${sample} `));
    return line === undefined ? undefined : Number(line.slice(sample.length + 1));
  }

  async stop(deadlineMs = 0): Promise<number> {
    const cut = await this.process.stop({ grace: 0, deadline: deadlineMs });
    this.directory.remove();
    return cut;
  }
}

/** The configuration of a file. @throws when it has problems. */
export function readGateway(file: string) {
  const { config, problems } = parseGateway(file, readFileSync(file, 'utf8'));
  if (config === null) throw new Error(JSON.stringify(problems, null, 2));
  return config;
}

/** A tenant `a` with one route to `main` of the file registry; fields in place of or besides. */
export function tenantA(more: Fields = {}): Fields {
  return {
    tenant: 'a',
    domains: [HOST],
    discovery: { registry: 'local' },
    routes: [{ id: 'all', upstream: { service: 'main' } }],
    ...more,
  };
}
