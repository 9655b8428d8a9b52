import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { Environment } from '../config/substitute.ts';
import { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { WORKER_SLOTS } from '../core/metrics.ts';
import { enableLinearRegex } from '../core/regex.ts';
import { SeriesTable } from '../core/series-table.ts';
import { TimerWheel } from '../core/wheel.ts';
import { createRegistries, loadNacos, type NacosClass, type Registries } from '../discovery/registries.ts';
import { Catalogue } from '../runtime/catalogue.ts';
import { ControlPlane } from '../runtime/control-plane.ts';
import type { ToWorker, WorkerInit } from '../runtime/feed.ts';
import type { ListenerPlace } from '../runtime/listener-feed.ts';
import { Outbox } from '../runtime/outbox.ts';
import { SharedState } from '../runtime/shared-state.ts';
import { TenantQuotas } from '../runtime/tenant-quotas.ts';
import { Tenants } from '../runtime/tenants.ts';
import { openDestination } from '../telemetry/access-log-destination.ts';
import { AccessLogWriter } from '../telemetry/access-log-writer.ts';
import { MetricsPage } from '../telemetry/metrics.ts';
import { createProcessLog, type LogLevel } from '../telemetry/process-log.ts';
import { LogLevel as PluginLogLevel } from '../wasm/abi.ts';
import { systemClock } from '../wasm/host.ts';
import { SharedDataMemory } from '../wasm/shared-data.ts';
import { type AdminServer, startAdmin } from './admin.ts';
import { GatewayFile } from './gateway-file.ts';
import { ListenerPlan } from './listener-plan.ts';
import { handshakeTotals } from './listener-status.ts';
import { probePorts } from './port-probe.ts';
import { GatewayStatus } from './status.ts';
import { heapBudget } from './worker-budget.ts';
import { type WorkerCount, workerCount } from './worker-count.ts';
import type { WorkerFeed } from './worker-handle.ts';
import type { SupervisionTimes } from './worker-seat.ts';
import { startInline, threadStarter } from './worker-start.ts';
import { WorkerSupervisor } from './worker-supervisor.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  /** Version of the program, for `sluice_build_info`. */
  readonly version: string;
  /** Default 'info'. */
  readonly logLevel?: LogLevel;
  /** Where `config` was read, to be followed while the gateway runs. Default: it stays as it is. */
  readonly configFile?: { readonly path: string; readonly env: Environment };
  /** No worker stays alive, or one can neither be used nor ended: the process cannot go on. Called at most once. */
  readonly onFatal: (error: GatewayError) => void;
  /** For tests: how workers are watched, what their threads run, and bytes of memory for their heaps. */
  readonly supervision?: {
    readonly times?: Partial<SupervisionTimes>;
    readonly program?: URL;
    readonly memory?: number;
  };
}

/** How a gateway is brought down, milliseconds. */
export interface ShutdownTimes {
  /** Not ready any more, and serving still. */
  readonly grace: number;
  /** For exchanges under way, from the end of the grace on. */
  readonly deadline: number;
}

/** How long the last access log lines may take at shutdown. */
const LOG_FLUSH_MS = 2000;
/** How long files that are being read, and registries, may hold up the end; nobody needs them any more. */
const CLOSE_MS = 2000;
const AT_ONCE: ShutdownTimes = { grace: 0, deadline: 0 };

/**
 * Starts a gateway in this process and resolves when its listeners and the admin API are open; readiness comes later,
 * with the first answers of the registries.
 * @throws GatewayError SLUICE_LISTENER_PORT_TAKEN, SLUICE_LISTENER_FAILED, SLUICE_ACCESSLOG_UNWRITABLE,
 * SLUICE_PLUGIN_START_FAILED (a plugin of the gateway's own chain), SLUICE_WORKER_CRASHED; nothing is left running then.
 */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  enableLinearRegex();
  // Threads clear away their own young objects: helpers cost more than they save, and take the CPUs of other workers.
  setFlagsFromString('--no-parallel-scavenge');
  const log = createProcessLog({ level: options.logLevel ?? 'info' });
  const count = await workerCount(options.config.workers, log);
  const { plugins, state } = options.config;
  const kept = state === undefined ? {} : { stateDirectory: state.directory };
  const catalogue = await Catalogue.load({ plugins, log, ...kept });
  const nacos = await loadNacos(options.config);
  const gateway = new GatewayProcess(options, { ...count, catalogue, nacos, log });
  try {
    await gateway.start();
  } catch (error) {
    await gateway.stop(AT_ONCE);
    throw error;
  }
  return gateway;
}

/** What a gateway is made of before it is made. */
interface Parts extends WorkerCount {
  readonly catalogue: Catalogue;
  readonly nacos: NacosClass | null;
  readonly log: Log;
}

/** Main thread of a gateway: configuration, registries, admin API, access log writer, and the supervision of workers. */
export class GatewayProcess {
  readonly status: GatewayStatus;
  /** The workers, by seat. */
  readonly supervisor: WorkerSupervisor;
  readonly #options: GatewayOptions;
  readonly #log: Log;
  readonly #series = new SeriesTable();
  readonly #shared: SharedState;
  readonly #registries: Registries;
  readonly #accessLog: AccessLogWriter | null;
  readonly #controlPlane: ControlPlane;
  readonly #catalogue: Catalogue;
  readonly #tenants: Tenants;
  readonly #listeners: ListenerPlan;
  readonly #reusePort: boolean;
  readonly #file: GatewayFile | null;
  #admin: AdminServer | null = null;
  #stopped: Promise<number> | null = null;

  constructor(options: GatewayOptions, parts: Parts) {
    const { config, configFile } = options;
    const { log, catalogue } = parts;
    this.#options = options;
    this.#log = log;
    // First, because it may fail, and nothing runs yet that would have to be stopped.
    this.#accessLog =
      config.accessLog.path === 'off' ? null : new AccessLogWriter(openDestination(config.accessLog.path), log);
    this.#shared = SharedState.create({ workers: parts.workers });
    this.#registries = createRegistries(config, { log, nacos: parts.nacos });
    this.#controlPlane = new ControlPlane({
      registries: this.#registries,
      series: this.#series,
      quotas: new TenantQuotas(this.#shared.quotas, config.tenants),
      modules: catalogue.modules,
      onSettled: () => catalogue.sweep(),
      pluginServices: {
        log,
        wheel: new TimerWheel(),
        clock: systemClock,
        sharedData: SharedDataMemory.ofOneThread(),
        logLevel: PluginLogLevel.warn,
        node: { id: hostname(), cluster: 'sluice' },
      },
      log,
    });
    this.#catalogue = catalogue;
    this.#tenants = new Tenants({
      gateway: config,
      version: options.version,
      listener: this.#controlPlane,
      log,
      ...(config.workers === 0 ? { parsing: { threads: 0 } } : {}),
    });
    this.#listeners = new ListenerPlan({
      listeners: config.listeners,
      reusePort: parts.reusePort,
      log,
      onChange: () => void this.#relisten(),
    });
    this.#reusePort = parts.reusePort;
    this.supervisor = this.#supervise(parts);
    this.#file = configFile === undefined ? null : this.#follow(configFile);
    this.status = this.#describe();
  }

  /** Where the listeners are, once started. */
  get listeners(): readonly ListenerPlace[] {
    return this.supervisor.places;
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
    if (this.#reusePort) await probePorts(config.listeners, []);
    await this.#listeners.start();
    this.supervisor.start();
    this.#tenants.offer(this.#catalogue.plugins);
    await this.#tenants.start();
    this.status.loaded = true;
    await this.supervisor.open();
    this.#logPlaces();
    this.#catalogue.follow({
      accept: (module) => this.#controlPlane.replaceModule(module),
      remove: (plugin) => this.#controlPlane.removePlugin(plugin),
      offer: (plugins) => this.#tenants.offer(plugins),
    });
    await this.#file?.start();
  }

  /** Reads gateway.yaml, plugin modules, tenant files and secrets anew and reopens the access log. */
  async reload(): Promise<void> {
    this.#accessLog?.reopen();
    await Promise.all([
      this.#file?.reload(),
      this.#listeners.refresh(),
      this.#catalogue.reload(),
      this.#tenants.reload(),
    ]);
  }

  /**
   * Is not ready from now on; after the grace takes no new connections, lets exchanges finish up to the deadline, and
   * releases everything. Resolves with the number of exchanges that were cut off. A second call gets the first one's
   * promise.
   * @param times default: `shutdown` of the configuration.
   */
  stop(times: ShutdownTimes = this.#options.config.shutdown): Promise<number> {
    this.#stopped ??= this.#stop(times);
    return this.#stopped;
  }

  async #stop({ grace, deadline }: ShutdownTimes): Promise<number> {
    this.status.draining = true;
    this.#log.info({ graceMs: grace, deadlineMs: deadline }, 'shutting down');
    await this.#file?.close();
    if (grace > 0) await sleep(grace);
    const cut = await this.supervisor.drain(deadline);
    await this.#accessLog?.close(LOG_FLUSH_MS);
    const closed = Promise.all([
      this.#catalogue.close(),
      this.#tenants.close(),
      this.#registries.close(),
      this.#listeners.close(),
    ]);
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    await this.#admin?.close();
    return cut;
  }

  #supervise({ workers, log }: Parts): WorkerSupervisor {
    const { logLevel = 'info', config, onFatal, supervision = {} } = this.#options;
    const seats = Math.max(1, workers);
    const heap = heapBudget(seats, supervision.memory);
    if (heap.tight) log.warn({ workers, ...heap }, 'little memory for so many workers: give more, or fewer workers');
    const slots = Array.from({ length: seats }, () => this.#series.attach());
    const init = (worker: number): WorkerInit => ({
      worker,
      trustedProxies: config.trustedProxies,
      chain: config.chain,
      vms: Math.floor(LIMITS.pluginVmsPerProcess / seats),
      slots: slots[worker]!,
      shared: this.#shared.seat(worker),
      accessLog: this.#accessLog !== null,
      logLevel,
      tenants: config.tenants,
      overload: config.overload,
    });
    return new WorkerSupervisor({
      slots,
      start: workers === 0 ? startInline : threadStarter(heap, supervision.program),
      init,
      openFeed: (post) => this.#openFeed(post),
      listeners: () => this.#listeners.specs(),
      onListening: (places) => this.#listeners.opened(places),
      onLog: (batch, lines, view) => this.#accessLog?.write(batch, lines, view),
      onEnded: (seat) => this.#shared.workerEnded(seat),
      onFatal,
      runsPlugin: (tenant, plugin) => this.#controlPlane.runsPlugin(tenant, plugin),
      log,
      ...(supervision.times === undefined ? {} : { times: supervision.times }),
    });
  }

  #openFeed(post: (message: ToWorker) => void): WorkerFeed {
    const outbox = new Outbox(this.#controlPlane, post);
    this.#controlPlane.attach(outbox);
    return {
      get appliedVersion() {
        return outbox.appliedVersion;
      },
      settled: () => outbox.settled(),
      acknowledge: (id) => outbox.acknowledge(id),
      refuse: (id) => outbox.refuse(id),
      close: () => this.#controlPlane.detach(outbox),
    };
  }

  #follow({ path, env }: NonNullable<GatewayOptions['configFile']>): GatewayFile {
    return new GatewayFile({
      path,
      env,
      running: this.#options.config,
      applyListeners: (listeners) => this.#applyListeners(listeners),
      applyPlugins: (plugins) => this.#catalogue.change(plugins),
      log: this.#log,
    });
  }

  async #applyListeners(listeners: GatewayConfig['listeners']): Promise<readonly string[]> {
    let restore: () => void;
    try {
      if (this.#reusePort) await probePorts(listeners, this.#listeners.specs());
      restore = await this.#listeners.change(listeners);
    } catch (error) {
      return [(error as Error).message];
    }
    const failures = await this.supervisor.relisten(restore);
    if (failures.length === 0) this.#logPlaces();
    return failures.map(({ code, reason }) => new GatewayError(code, reason).message);
  }

  /** Brings exchanged certificates and ticket keys to the workers; one that refuses keeps those it has. */
  async #relisten(): Promise<void> {
    const failures = await this.supervisor.relisten(null);
    for (const { name, code, reason } of failures)
      this.#log.error({ listener: name, code, reason }, 'listener unchanged');
  }

  #logPlaces(): void {
    for (const { name, address, port } of this.listeners) {
      this.#log.info({ listener: name, address, port }, 'listening');
    }
  }

  #describe(): GatewayStatus {
    const { version, config } = this.#options;
    const status = new GatewayStatus({
      version,
      config,
      controlPlane: this.#controlPlane,
      tenants: this.#tenants,
      registries: this.#registries,
      catalogue: this.#catalogue,
      supervisor: this.supervisor,
      gatewayFile: this.#file,
      accessLogDropped: () => this.#series.workerTotal(WORKER_SLOTS.accessLogDropped) + (this.#accessLog?.dropped ?? 0),
      plan: this.#listeners,
      handshakes: () => handshakeTotals(this.#series),
      refused: () => ({
        exchanges: this.#series.workerTotal(WORKER_SLOTS.exchangesRefused),
        connections: this.#series.workerTotal(WORKER_SLOTS.connectionsRefused),
      }),
      shared: this.#shared,
      renderMetrics: () => page.render(),
    });
    const page = new MetricsPage(this.#series, status);
    return status;
  }
}
