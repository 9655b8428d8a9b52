import { monitorEventLoopDelay } from 'node:perf_hooks';
import { hostname } from 'node:os';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { limitsOf } from '../config/tenant-grants.ts';
import { BodyBudgets } from '../core/body-budget.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import { enableLinearRegex } from '../core/regex.ts';
import { TimerWheel } from '../core/wheel.ts';
import { TrustedProxies } from '../proxy/forwarded.ts';
import { Gateway } from '../proxy/gateway.ts';
import { handle } from '../proxy/handle.ts';
import { bookRefused } from '../proxy/refused.ts';
import { ServiceCallouts } from '../runtime/callouts.ts';
import { DataPlane } from '../runtime/data-plane.ts';
import type { FeedMessage, FromWorker, ToWorker, WorkerInit, WorkerReport } from '../runtime/feed.ts';
import type { ListenersMessage } from '../runtime/listener-feed.ts';
import { CpuShares } from '../runtime/cpu-shares.ts';
import { PluginPool } from '../runtime/plugin-pool.ts';
import { ServiceRedis } from '../runtime/redis-calls.ts';
import { WorkerRoom } from '../runtime/vm-room.ts';
import { SharedState } from '../runtime/shared-state.ts';
import type { Snapshot } from '../runtime/snapshot.ts';
import { AccessLog, type PostBatch } from '../telemetry/access-log.ts';
import { createProcessLog, type LogLevel } from '../telemetry/process-log.ts';
import { GrpcClient } from '../upstream/client-grpc.ts';
import { Http1Client } from '../upstream/client-http1.ts';
import { LogLevel as PluginLogLevel } from '../wasm/abi.ts';
import { systemClock } from '../wasm/host.ts';
import { ListenerSet } from './listener-set.ts';
import { OverloadManager, type OverloadSubject } from './overload.ts';

/** Of the event loop, for what is left to be told when all connections are closed. */
const LAST_TURNS = 20;

/**
 * One event loop that carries traffic: takes deltas from the port, opens the listeners when told to, answers questions
 * about itself, and drains. The same code runs in a thread and, for `workers: 0`, on the main thread.
 */
export class TrafficWorker {
  readonly #port: MessagePort;
  readonly #log: Log;
  readonly #dataPlane: DataPlane;
  readonly #plugins: PluginPool;
  readonly #accessLog: AccessLog | null;
  readonly #gateway: Gateway;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 10 });
  readonly #beat: NodeJS.Timeout;
  readonly #listeners: ListenerSet;
  readonly #overload: OverloadManager;

  /** It lives until it is told to drain. */
  static start(init: WorkerInit, port: MessagePort): TrafficWorker {
    return new TrafficWorker(init, port);
  }

  private constructor(init: WorkerInit, port: MessagePort) {
    enableLinearRegex();
    this.#port = port;
    this.#log = createProcessLog({ level: init.logLevel as LogLevel, thread: `worker-${init.worker}` });
    const wheel = new TimerWheel();
    const shared = SharedState.attach(init.shared);
    const metrics = new MetricSlots(init.slots);
    const post: PostBatch = (batch, lines) => port.postMessage({ kind: 'log', batch, lines });
    this.#accessLog = init.accessLog ? new AccessLog(metrics, wheel, post) : null;
    const client = new Http1Client({ wheel });
    const bodies = new BodyBudgets((tenant) => limitsOf(init.tenants, tenant).bufferedBodies);
    const cpuShares = new CpuShares((tenant) => limitsOf(init.tenants, tenant).pluginCpu);
    const snapshot = (): Snapshot => this.#dataPlane.snapshot;
    this.#plugins = new PluginPool({
      log: this.#log,
      wheel,
      clock: systemClock,
      sharedData: shared.data,
      callouts: new ServiceCallouts({ client, grpc: new GrpcClient({ wheel }), wheel, bodies, snapshot }),
      redis: new ServiceRedis({ wheel, bodies, snapshot, log: this.#log }),
      room: new WorkerRoom(wheel, {
        most: init.vms,
        mostOf: (tenant) => limitsOf(init.tenants, tenant).plugins,
        memoryOf: (tenant) => limitsOf(init.tenants, tenant).pluginMemory,
      }),
      cpuOf: (tenant) => cpuShares.of(tenant),
      logLevel: PluginLogLevel.info,
      node: { id: hostname(), cluster: 'sluice' },
    });
    this.#dataPlane = new DataPlane(this.#plugins, init.chain, this.#log, wheel, (handle) => shared.quota(handle));
    this.#gateway = new Gateway({
      dataPlane: this.#dataPlane,
      client,
      wheel,
      metrics,
      accessLog: this.#accessLog,
      trusted: new TrustedProxies(init.trustedProxies),
      bodies,
      log: this.#log,
      instance: hostname(),
    });
    this.#listeners = new ListenerSet({
      handler: (exchange, crowded) => handle(this.#gateway, exchange, crowded),
      onRefused: (code, connection, head) => bookRefused(this.#gateway, code, connection, head),
      metrics,
      log: this.#log,
    });
    this.#overload = new OverloadManager(init.overload, this.#subject(bodies), this.#log);
    this.#overload.start();
    this.#loopDelay.enable();
    const beat = (): void => metrics.add(WORKER_SLOTS.beats, 1);
    beat();
    this.#beat = setInterval(beat, LIMITS.workerBeatMs);
    port.on('message', (message: ToWorker) => this.#receive(message));
  }

  #subject(bodies: BodyBudgets): OverloadSubject {
    return {
      listeners: () => this.#listeners.listeners(),
      pluginBytes: () => bodies.held,
      refuse: (refusing) => {
        this.#gateway.refusing = refusing;
      },
    };
  }

  #receive(message: ToWorker): void {
    switch (message.kind) {
      case 'listeners':
        void this.#listen(message);
        break;
      case 'drain':
        void this.#drain(message.id, message.deadlineMs);
        break;
      case 'collect':
        this.#send({ kind: 'report', id: message.id, report: this.#report() });
        break;
      case 'feed':
        void this.#apply(message);
        break;
    }
  }

  async #apply({ id, delta }: FeedMessage): Promise<void> {
    try {
      await this.#dataPlane.apply(delta);
      this.#send({ kind: 'applied', id });
    } catch (error) {
      const { version } = delta;
      const tenant = 'tenant' in delta ? delta.tenant : '';
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error({ tenant, version, reason }, 'configuration refused by a worker');
      this.#send({ kind: 'refused', id, tenant, reason });
    }
  }

  async #listen({ id, listeners }: ListenersMessage): Promise<void> {
    this.#send({ kind: 'listeners-applied', id, ...(await this.#listeners.apply(listeners)) });
  }

  async #drain(id: number, deadlineMs: number): Promise<void> {
    const cut = await this.#listeners.drain(deadlineMs);
    await this.#lastExchanges();
    this.#accessLog?.flush();
    this.#dataPlane.close();
    this.#overload.stop();
    this.#loopDelay.disable();
    clearInterval(this.#beat);
    this.#send({ kind: 'drained', id, cut });
    this.#port.close();
  }

  /** Tunnels end a few turns after the connections of their clients, when those to the services are closed. */
  async #lastExchanges(): Promise<void> {
    for (let turns = 0; turns < LAST_TURNS && this.#gateway.activeExchanges > 0; turns++) await turnOfLoop();
  }

  #report(): WorkerReport {
    const loopDelayP99Ms = this.#loopDelay.percentile(99) / 1e6;
    this.#loopDelay.reset();
    return {
      snapshotVersion: this.#dataPlane.snapshot.version,
      connections: this.#listeners.connections(),
      activeExchanges: this.#gateway.activeExchanges,
      loopDelayP99Ms,
      overload: this.#overload.report(),
      plugins: this.#plugins.reports(),
    };
  }

  #send(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}
