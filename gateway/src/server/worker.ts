import { monitorEventLoopDelay } from 'node:perf_hooks';
import { hostname } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import { describeError, type ErrorCode, GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { MetricSlots, UNMATCHED_SERIES } from '../core/metrics.ts';
import { enableLinearRegex } from '../core/regex.ts';
import { TimerWheel } from '../core/wheel.ts';
import type { Connection } from '../exchange/exchange.ts';
import { TrustedProxies } from '../proxy/forwarded.ts';
import { Gateway } from '../proxy/gateway.ts';
import { handle } from '../proxy/handle.ts';
import { DataPlane } from '../runtime/data-plane.ts';
import type { FromWorker, ToWorker, WorkerInit, WorkerReport } from '../runtime/feed.ts';
import { PluginPool } from '../runtime/plugin-pool.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { createProcessLog, type LogLevel } from '../telemetry/process-log.ts';
import { UndiciClient } from '../upstream/client-undici.ts';
import { LogLevel as PluginLogLevel } from '../wasm/abi.ts';
import { systemClock } from '../wasm/host.ts';
import { InlineSharedDataStore } from '../wasm/shared-data.ts';
import { type Listener, listen } from './listener-http1.ts';

/**
 * One event loop that carries traffic: takes deltas from the port, opens the listeners when told to, answers questions
 * about itself, and drains. The same code runs in a thread and, for `workers: 0`, on the main thread.
 */
export class TrafficWorker {
  readonly #init: WorkerInit;
  readonly #port: MessagePort;
  readonly #log: Log;
  readonly #dataPlane: DataPlane;
  readonly #plugins: PluginPool;
  readonly #accessLog: AccessLog | null;
  readonly #gateway: Gateway;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 10 });
  #listeners: readonly Listener[] = [];

  /** It lives until it is told to drain. */
  static start(init: WorkerInit, port: MessagePort): TrafficWorker {
    return new TrafficWorker(init, port);
  }

  private constructor(init: WorkerInit, port: MessagePort) {
    enableLinearRegex();
    this.#init = init;
    this.#port = port;
    this.#log = createProcessLog({ level: init.logLevel as LogLevel, thread: `worker-${init.worker}` });
    const wheel = new TimerWheel();
    const metrics = new MetricSlots(init.slots);
    const post = (batch: string, lines: number): void => this.#send({ kind: 'log', batch, lines });
    this.#accessLog = init.accessLog ? new AccessLog(metrics, wheel, post) : null;
    this.#plugins = new PluginPool(init.modules, {
      log: this.#log,
      wheel,
      clock: systemClock,
      sharedData: new InlineSharedDataStore(),
      logLevel: PluginLogLevel.info,
      node: { id: hostname(), cluster: 'sluice' },
    });
    this.#dataPlane = new DataPlane(this.#plugins, init.chain, this.#log, wheel);
    this.#gateway = new Gateway({
      dataPlane: this.#dataPlane,
      client: new UndiciClient(),
      wheel,
      metrics,
      accessLog: this.#accessLog,
      trusted: new TrustedProxies(init.trustedProxies),
      log: this.#log,
      instance: hostname(),
    });
    this.#loopDelay.enable();
    port.on('message', (message: ToWorker) => this.#receive(message));
  }

  #receive(message: ToWorker): void {
    switch (message.kind) {
      case 'open':
        void this.#open();
        break;
      case 'drain':
        void this.#drain(message.deadlineMs);
        break;
      case 'collect':
        this.#send({ kind: 'report', id: message.id, report: this.#report() });
        break;
      default:
        this.#apply(message);
    }
  }

  #apply(delta: Exclude<ToWorker, { kind: 'open' | 'drain' | 'collect' }>): void {
    try {
      this.#dataPlane.apply(delta);
      this.#send({ kind: 'applied', version: delta.version });
    } catch (error) {
      const tenant = delta.kind === 'tenant' ? delta.config.tenant : delta.tenant;
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error({ tenant, version: delta.version, reason }, 'configuration refused by a worker');
      this.#send({ kind: 'refused', version: delta.version, tenant, reason });
    }
  }

  async #open(): Promise<void> {
    const gateway = this.#gateway;
    const opened: Listener[] = [];
    try {
      for (const { name, address, port } of this.#init.listeners) {
        const onRefused = (code: ErrorCode, { remoteAddress }: Connection): void => {
          gateway.metrics.observeRequest(UNMATCHED_SERIES, describeError(code).status, 0, 0, 0);
          this.#log.debug({ listener: name, client: remoteAddress, code }, 'request refused');
        };
        const options = { name, address, port, log: this.#log, onRefused };
        opened.push(await listen(options, (exchange) => handle(gateway, exchange)));
      }
    } catch (error) {
      await Promise.all(opened.map((listener) => listener.close()));
      const code = error instanceof GatewayError ? error.code : 'SLUICE_LISTENER_FAILED';
      this.#send({ kind: 'open-failed', code, reason: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.#listeners = opened;
    const listeners = opened.map(({ name, address, port }) => ({ name, address, port }));
    this.#send({ kind: 'open', listeners });
  }

  async #drain(deadlineMs: number): Promise<void> {
    const cut = await Promise.all(this.#listeners.map((listener) => listener.drain(deadlineMs)));
    this.#accessLog?.flush();
    this.#dataPlane.close();
    this.#loopDelay.disable();
    this.#send({ kind: 'drained', cut: cut.reduce((sum, count) => sum + count, 0) });
    this.#port.close();
  }

  #report(): WorkerReport {
    const loopDelayP99Ms = this.#loopDelay.percentile(99) / 1e6;
    this.#loopDelay.reset();
    return {
      snapshotVersion: this.#dataPlane.snapshot.version,
      connections: new Map(this.#listeners.map((listener) => [listener.name, listener.connections])),
      activeExchanges: this.#gateway.activeExchanges,
      loopDelayP99Ms,
      plugins: this.#plugins.reports(),
    };
  }

  #send(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}
