import { hostname } from 'node:os';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import { enableLinearRegex } from '../core/regex.ts';
import { SeriesTable } from '../core/series-table.ts';
import { TimerWheel } from '../core/wheel.ts';
import { createRegistries, type Registries } from '../discovery/registries.ts';
import { ControlPlane } from '../runtime/control-plane.ts';
import type { ListenerPlace, WorkerInit } from '../runtime/feed.ts';
import { type LoadedModule, loadModules } from '../runtime/modules.ts';
import { Tenants } from '../runtime/tenants.ts';
import { openDestination } from '../telemetry/access-log-destination.ts';
import { AccessLogWriter } from '../telemetry/access-log-writer.ts';
import { MetricsPage } from '../telemetry/metrics.ts';
import { createProcessLog, type LogLevel } from '../telemetry/process-log.ts';
import { LogLevel as PluginLogLevel } from '../wasm/abi.ts';
import { systemClock } from '../wasm/host.ts';
import { InlineSharedDataStore } from '../wasm/shared-data.ts';
import { type AdminServer, startAdmin } from './admin.ts';
import { GatewayStatus } from './status.ts';
import { WorkerHandle } from './workers.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  /** Version of the program, for `sluice_build_info`. */
  readonly version: string;
  /** Default 'info'. */
  readonly logLevel?: LogLevel;
  /** A worker ended by itself: the process cannot serve any more. */
  readonly onFatal: (reason: string) => void;
}

/** How long the last access log lines may take at shutdown. */
const LOG_FLUSH_MS = 2000;
/** Reports of the workers for the admin API are at most this old. */
const REPORT_INTERVAL_MS = 1000;

/**
 * Starts a gateway in this process and resolves when its listeners and the admin API are open; readiness comes later,
 * with the first answers of the registries.
 * @throws GatewayError SLUICE_LISTENER_PORT_TAKEN, SLUICE_LISTENER_FAILED, SLUICE_ACCESSLOG_UNWRITABLE,
 * SLUICE_PLUGIN_START_FAILED (a plugin of the gateway's own chain); nothing is left running then.
 */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  enableLinearRegex();
  const log = createProcessLog({ level: options.logLevel ?? 'info' });
  const modules = await loadModules(options.config.plugins, log);
  const gateway = new GatewayProcess(options, modules, log);
  try {
    await gateway.start();
  } catch (error) {
    await gateway.stop(0);
    throw error;
  }
  return gateway;
}

/** Main thread of a gateway: configuration, registries, admin API, access log writer, and the feed of the workers. */
export class GatewayProcess {
  /** Where the listeners are, once started. */
  listeners: readonly ListenerPlace[] = [];
  readonly status: GatewayStatus;
  readonly #options: GatewayOptions;
  readonly #log: Log;
  readonly #series = new SeriesTable();
  readonly #registries: Registries;
  readonly #accessLog: AccessLogWriter | null;
  readonly #workers: readonly WorkerHandle[];
  readonly #controlPlane: ControlPlane;
  readonly #tenants: Tenants;
  #admin: AdminServer | null = null;
  #reports: NodeJS.Timeout | null = null;
  #stopped: Promise<number> | null = null;

  constructor(options: GatewayOptions, modules: readonly LoadedModule[], log: Log) {
    const { config } = options;
    this.#options = options;
    this.#log = log;
    // First, because it may fail, and nothing runs yet that would have to be stopped.
    this.#accessLog =
      config.accessLog.path === 'off' ? null : new AccessLogWriter(openDestination(config.accessLog.path), log);
    this.#registries = createRegistries(config, { log });
    this.#workers = this.#startWorkers(modules);
    this.#controlPlane = new ControlPlane({
      registries: this.#registries,
      series: this.#series,
      modules,
      pluginServices: {
        log,
        wheel: new TimerWheel(),
        clock: systemClock,
        sharedData: new InlineSharedDataStore(),
        logLevel: PluginLogLevel.warn,
        node: { id: hostname(), cluster: 'sluice' },
      },
      log,
      publish: (delta) => {
        for (const worker of this.#workers) worker.post(delta);
      },
    });
    this.#tenants = new Tenants({ gateway: config, listener: this.#controlPlane, log });
    this.status = new GatewayStatus({
      version: options.version,
      config,
      controlPlane: this.#controlPlane,
      tenants: this.#tenants,
      registries: this.#registries,
      modules,
      workers: this.#workers,
      accessLogDropped: () => this.#series.workerTotal(WORKER_SLOTS.accessLogDropped) + (this.#accessLog?.dropped ?? 0),
      renderMetrics: () => page.render(),
    });
    const page = new MetricsPage(this.#series, this.status);
  }

  /** Where the admin API listens. */
  get admin(): { readonly address: string; readonly port: number } {
    return this.#admin!;
  }

  /** @internal Use `startGateway`. */
  async start(): Promise<void> {
    const { config } = this.#options;
    this.#controlPlane.checkChain(config.chain);
    this.#admin = await startAdmin(config.admin, this.status, this.#log);
    this.#log.info({ address: this.#admin.address, port: this.#admin.port }, 'admin API listening');
    await this.#tenants.start();
    this.status.loaded = true;
    const opened = await Promise.all(this.#workers.map((worker) => worker.open()));
    this.listeners = opened[0]!;
    this.#reports = setInterval(() => this.#collect(), REPORT_INTERVAL_MS).unref();
    for (const { name, address, port } of this.listeners) {
      this.#log.info({ listener: name, address, port }, 'listening');
    }
  }

  /** Reads tenant files and secrets anew and reopens the access log. */
  async reload(): Promise<void> {
    this.#accessLog?.reopen();
    await this.#tenants.reload();
  }

  /**
   * Takes no new connections, lets exchanges finish up to the deadline (default 30 s), and releases everything.
   * Resolves with the number of exchanges that were cut off. A second call gets the first one's promise.
   */
  stop(deadlineMs: number = LIMITS.drainDeadlineMs): Promise<number> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<number> {
    this.status.draining = true;
    if (this.#reports !== null) clearInterval(this.#reports);
    const cut = await Promise.all(this.#workers.map((worker) => worker.drain(deadlineMs)));
    await Promise.all([this.#tenants.close(), this.#registries.close()]);
    await this.#accessLog?.close(LOG_FLUSH_MS);
    await this.#admin?.close();
    return cut.reduce((sum, count) => sum + count, 0);
  }

  #collect(): void {
    for (const worker of this.#workers) void worker.collect();
  }

  #startWorkers(modules: readonly LoadedModule[]): WorkerHandle[] {
    const { config, logLevel = 'info', onFatal } = this.#options;
    const inline = config.workers === 0;
    return Array.from({ length: Math.max(1, config.workers) }, (_, worker) => {
      const slots = this.#series.attach();
      const view = new MetricSlots(slots);
      const init: WorkerInit = {
        worker,
        listeners: config.listeners,
        trustedProxies: config.trustedProxies,
        chain: config.chain,
        modules: modules.map(({ name, module, fuel }) => ({ name, module, fuel })),
        slots,
        accessLog: this.#accessLog !== null,
        logLevel,
      };
      return new WorkerHandle(init, inline, {
        onLog: (batch, lines) => this.#accessLog?.write(batch, lines, view),
        onDied: (reason) => onFatal(`worker ${worker}: ${reason}`),
      });
    });
  }
}
