import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { ListenerLimits } from '../../config/schema-limits.ts';
import { parseTenant } from '../../config/parse-tenant.ts';
import { BodyBudgets } from '../../core/body-budget.ts';
import type { EndpointRecord } from '../../core/endpoint.ts';
import type { LogFields } from '../../core/log.ts';
import { MetricSlots } from '../../core/metrics.ts';
import { enableLinearRegex } from '../../core/regex.ts';
import { SeriesTable } from '../../core/series-table.ts';
import { runThrough } from '../../core/steps.ts';
import { TimerWheel } from '../../core/wheel.ts';
import type { FilterFactory } from '../../filters/filter.ts';
import { TrustedProxies } from '../../proxy/forwarded.ts';
import { Gateway } from '../../proxy/gateway.ts';
import { handle } from '../../proxy/handle.ts';
import { bookRefused } from '../../proxy/refused.ts';
import { buildTenant, UNMATCHED_ROUTE } from '../../runtime/build.ts';
import { DataPlane } from '../../runtime/data-plane.ts';
import { PluginPool } from '../../runtime/plugin-pool.ts';
import type { TenantRuntime } from '../../runtime/snapshot.ts';
import { DomainIndex } from '../../routing/domains.ts';
import { PersistentMap } from '../../routing/persistent-map.ts';
import { AccessLog } from '../../telemetry/access-log.ts';
import { giveBack } from '../../telemetry/log-memory.ts';
import { RawUpstream } from '../../upstream/upstream.suite.ts';
import { Http1Client } from '../../upstream/client-http1.ts';
import type { PoolLimits } from '../../upstream/pool.ts';
import { LogLevel } from '../../wasm/abi.ts';
import { NO_CALLOUTS } from '../../wasm/callout.ts';
import { systemClock } from '../../wasm/host.ts';
import { SharedDataMemory } from '../../wasm/shared-data.ts';
import type { Listener } from '../listener.ts';
import { openListener } from '../listener.suite.ts';
import { eventually, HOST, HttpUpstream } from './fixture.suite.ts';

export interface ProxyOptions {
  /** Parts of the tenant `a`; its domain is HOST and its services are `main` unless said otherwise. */
  readonly tenant?: Readonly<Record<string, unknown>>;
  /** Fields of its one route, which sends everything to `main`. */
  readonly route?: Readonly<Record<string, unknown>>;
  /** Run for every route, in this order. */
  readonly filters?: readonly FilterFactory[];
  readonly client?: Partial<PoolLimits>;
  readonly trustedProxies?: readonly string[];
  /** Of its listener, in place of the defaults. */
  readonly limits?: Partial<ListenerLimits>;
  /** Bytes of bodies that the filters of a tenant may hold; default any number. */
  readonly bufferedBodies?: number;
}

export type LogLine = Readonly<Record<string, unknown>>;

const NO_PLUGIN_SERVICES = {
  log: { debug() {}, info() {}, warn() {}, error() {} },
  clock: systemClock,
  sharedData: SharedDataMemory.ofOneThread(),
  callouts: NO_CALLOUTS,
  logLevel: LogLevel.error,
  node: { id: 'test', cluster: 'test' },
};

/** One worker's data path with one tenant, all its state in the test's hands. */
export class ProxyRig {
  readonly gateway: Gateway;
  readonly tenant: TenantRuntime;
  /** Errors of the process log. */
  readonly errors: { readonly fields: LogFields; readonly message: string }[] = [];
  /** Runs while connections to endpoints are open, or requests wait for one. Pools look after idle connections, and tests
   * count the timers of exchanges, so that it is not theirs. */
  readonly upstreamWheel = new TimerWheel();
  /** What filters hold of bodies. */
  readonly bodies: BodyBudgets;
  readonly #series = new SeriesTable();
  readonly #lines: LogLine[] = [];
  readonly #accessLog: AccessLog;
  readonly #limits: Partial<ListenerLimits>;
  #listener: Listener | null = null;

  constructor(options: ProxyOptions) {
    enableLinearRegex();
    this.#limits = options.limits ?? {};
    this.bodies = new BodyBudgets(() => options.bufferedBodies ?? Number.POSITIVE_INFINITY);
    const wheel = new TimerWheel();
    const metrics = new MetricSlots(this.#series.attach());
    this.#accessLog = new AccessLog(metrics, wheel, (batch) => {
      for (const line of Buffer.from(batch).toString().trimEnd().split('\n'))
        this.#lines.push(JSON.parse(line) as LogLine);
      giveBack(batch);
    });
    const drop = (): void => {};
    const error = (fields: LogFields, message: string) => void this.errors.push({ fields, message });
    const log = { debug: drop, info: drop, warn: drop, error };
    const pool = new PluginPool({ ...NO_PLUGIN_SERVICES, wheel });
    const dataPlane = new DataPlane(pool, [], log, wheel);
    this.tenant = this.#build(options, pool);
    dataPlane.snapshot = {
      version: 1,
      builtAt: 0,
      tenants: PersistentMap.empty<TenantRuntime>().with('a', this.tenant),
      domains: DomainIndex.empty<TenantRuntime>().with(this.tenant.domains.map((domain) => [domain, this.tenant])),
    };
    this.gateway = new Gateway({
      dataPlane,
      client: new Http1Client({ wheel: this.upstreamWheel, limits: options.client ?? {} }),
      wheel,
      metrics,
      accessLog: this.#accessLog,
      trusted: new TrustedProxies(options.trustedProxies ?? []),
      bodies: this.bodies,
      log,
      instance: 'test',
    });
  }

  get listener(): Listener {
    return this.#listener!;
  }

  get port(): number {
    return this.#listener!.port;
  }

  /** Access log lines so far. */
  get lines(): readonly LogLine[] {
    this.#accessLog.flush();
    return this.#lines;
  }

  async open(): Promise<this> {
    this.#listener = await openListener((exchange, crowded) => handle(this.gateway, exchange, crowded), {
      limits: this.#limits,
      metrics: this.gateway.metrics,
      onRefused: (code, connection, head) => bookRefused(this.gateway, code, connection, head),
      lingerMs: 50,
    });
    return this;
  }

  /** Puts `127.0.0.1:port` in place of the service's endpoints; a lane's with metadata. */
  setEndpoints(ports: readonly (number | Partial<EndpointRecord>)[], service = 'main'): void {
    const endpoints = ports.map((given) => ({
      address: '127.0.0.1',
      port: 0,
      weight: 1,
      healthy: true,
      cluster: '',
      metadata: {},
      ...(typeof given === 'number' ? { port: given } : given),
    }));
    this.tenant.clusters.get(service)!.update({ endpoints, state: 'fresh' });
  }

  get inFlight(): number {
    const clusters = [...this.tenant.clusters.values()];
    return clusters.flatMap(({ endpoints }) => endpoints).reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  /** Everything that belonged to exchanges is given back: counters, and timers but for the access log's. */
  async expectIdle(): Promise<void> {
    await eventually(() => [this.gateway.activeExchanges, this.inFlight, this.bodies.held]).toEqual([0, 0, 0]);
    expectAtMostOne(this.gateway.wheel.size);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    this.gateway.dataPlane.close();
  }

  #build({ tenant = {}, route = {}, filters = [] }: ProxyOptions, pool: PluginPool): TenantRuntime {
    const text = JSON.stringify({
      tenant: 'a',
      domains: [HOST],
      services: { main: { static: [{ address: '127.0.0.1:1' }] } },
      routes: [{ id: 'all', upstream: { service: 'main' }, ...route }],
      ...tenant,
    });
    const { config, problems } = parseTenant('a.yaml', text, {
      gateway: { plugins: [], registries: {} },
    });
    if (config === null) throw new Error(JSON.stringify(problems));
    const lanes = ['', ...config.lanes.map(({ name }) => name)];
    const routes = config.routes.map(({ id }) => ({ route: id, lanes }));
    const series = this.#series.assign('a', [...routes, { route: UNMATCHED_ROUTE, lanes: [''] }]);
    const { tenant: built, install } = runThrough(
      buildTenant({
        config,
        series: config.routes.map(({ id }) => series.get(id)!),
        unmatched: series.get(UNMATCHED_ROUTE)![0]!,
        quota: null,
        gatewayChain: filters,
        plugins: pool.begin('a'),
        ahead: new Map(),
        previous: undefined,
      }),
    );
    install();
    return built;
  }
}

function expectAtMostOne(timers: number): void {
  if (timers > 1) throw new Error(`${timers} timers are left`);
}

/** A rig that is closed when the test ends; its service has `ports` as endpoints. */
export async function rigOf(options: ProxyOptions, ports: readonly number[] = []): Promise<ProxyRig> {
  const rig = await new ProxyRig(options).open();
  onTestFinished(() => rig.close());
  rig.setEndpoints(ports);
  return rig;
}

/** An upstream that is closed when the test ends; it answers with its name unless told otherwise. */
export async function upstream(name: string, handler?: RequestListener): Promise<HttpUpstream> {
  const server = await new HttpUpstream(name, handler).open();
  onTestFinished(() => server.close());
  return server;
}

/** The same below HTTP. */
export async function raw(
  onData: (socket: Socket, text: string) => void,
): Promise<RawUpstream & { readonly port: number }> {
  const server = new RawUpstream(onData);
  const { record } = await server.open();
  onTestFinished(() => server.close());
  return Object.assign(server, { port: record.port });
}
