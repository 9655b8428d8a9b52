import { readFile } from 'node:fs/promises';
import { LIMITS } from '../core/limits.ts';
import type { Log, LogFields } from '../core/log.ts';
import { TimerWheel } from '../core/wheel.ts';
import { createWasmFilter, type FailurePolicy } from '../filters/wasm-filter.ts';
import { LogLevel } from '../wasm/abi.ts';
import type { FuelLimits } from '../wasm/fuel.ts';
import { type Clock, systemClock } from '../wasm/host.ts';
import type { MetricSample } from '../wasm/metrics.ts';
import { prepareModule } from '../wasm/module.ts';
import type { PermissionRules } from '../wasm/permissions.ts';
import type { PluginStats } from '../wasm/plugin-stats.ts';
import { Plugin } from '../wasm/plugin.ts';
import { SharedDataMemory } from '../wasm/shared-data.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { driveExchange, type Outcome, type TestUpstream } from './drive.ts';
import type { TestRequest } from './fake-exchange.ts';
import type { TestGrpcService } from './test-grpc.ts';
import { type TestService, TestServices } from './test-services.ts';

export interface LoadOptions {
  /** The plugin's configuration, handed over as JSON; default `{}`. A string is handed over as it is. */
  readonly config?: unknown;
  /** Default `closed`. */
  readonly onFailure?: FailurePolicy;
  /** Default the machine's. */
  readonly clock?: Clock;
  /** For ticks and time limits; default one that runs by itself. */
  readonly wheel?: TimerWheel;
  /** Linear memory in bytes; default 16 MiB. */
  readonly memory?: number;
  /** Bytes of a body that it may hold; default 1 MiB. */
  readonly bodyLimit?: number;
  /** What the services answer that the plugin calls, by the name it uses; others do not exist. Default none. */
  readonly services?: Readonly<Record<string, TestService>>;
  /** The same for gRPC. */
  readonly grpcServices?: Readonly<Record<string, TestGrpcService>>;
  /** What the operator allows it; default as in `gateway.yaml`. */
  readonly permissions?: Partial<PermissionRules>;
  /** Instructions per callback; defaults as in `gateway.yaml`. */
  readonly fuel?: Partial<FuelLimits>;
  /** How long it may hold an exchange; default 10 s. */
  readonly pauseMs?: number;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

export interface TestExchange {
  readonly request?: TestRequest;
  readonly upstream?: TestUpstream;
  /** Changes the exchange before the filters see it: route, lane, trace and the like. */
  readonly prepare?: (exchange: Exchange) => void;
}

export interface TestResult extends Outcome {
  /** Lines of the plugin and of the host about it, during this exchange. */
  readonly logs: readonly LogLine[];
  /** Instructions and time that the plugin took for this exchange. */
  readonly fuel: number;
  readonly timeUs: number;
}

class RecordingLog implements Log {
  lines: LogLine[] = [];
  debug(fields: LogFields, message: string): void {
    this.lines.push({ level: 'debug', message, fields });
  }
  info(fields: LogFields, message: string): void {
    this.lines.push({ level: 'info', message, fields });
  }
  warn(fields: LogFields, message: string): void {
    this.lines.push({ level: 'warn', message, fields });
  }
  error(fields: LogFields, message: string): void {
    this.lines.push({ level: 'error', message, fields });
  }
}

/** A plugin in the gateway's own host, without sockets. */
export class PluginTestHost {
  readonly #plugin: Plugin;
  readonly #filter: ReturnType<typeof createWasmFilter>;
  readonly #log: RecordingLog;

  constructor(plugin: Plugin, onFailure: FailurePolicy, log: RecordingLog) {
    this.#plugin = plugin;
    this.#filter = createWasmFilter(plugin, { onFailure });
    this.#log = log;
  }

  /** Runs one exchange through the plugin. */
  async exchange(exchange: TestExchange = {}): Promise<TestResult> {
    const from = this.#log.lines.length;
    const before = this.#plugin.stats();
    const outcome = await driveExchange([this.#filter], exchange.request, exchange.upstream, exchange.prepare);
    const after = this.#plugin.stats();
    return {
      ...outcome,
      logs: this.#log.lines.slice(from),
      fuel: after.fuel - before.fuel,
      timeUs: after.timeUs - before.timeUs,
    };
  }

  /** Every line so far, those of start and configuration included. */
  get logs(): readonly LogLine[] {
    return this.#log.lines;
  }

  get stats(): PluginStats {
    return this.#plugin.stats();
  }

  /** What the plugin measured. */
  get metrics(): readonly MetricSample[] {
    return this.#plugin.samples();
  }

  close(): void {
    this.#plugin.close();
  }
}

function encodeConfig(config: unknown): Uint8Array {
  return Buffer.from(typeof config === 'string' ? config : JSON.stringify(config ?? {}), 'utf8');
}

/**
 * Loads and starts a plugin as the gateway would.
 *
 * @param source path of the `.wasm` file, or its bytes.
 * @throws GatewayError SLUICE_PLUGIN_INVALID or SLUICE_PLUGIN_START_FAILED, as at the start of the gateway.
 */
export async function loadPlugin(
  source: string | URL | Uint8Array,
  options: LoadOptions = {},
): Promise<PluginTestHost> {
  const bytes = source instanceof Uint8Array ? source : await readFile(source);
  const name = source instanceof Uint8Array ? 'plugin.wasm' : String(source);
  const fuel = { request: 5_000_000, bodyByte: 20, tick: 10_000_000, configure: 20_000_000, ...options.fuel };
  const module = await prepareModule(bytes, {
    name,
    memory: options.memory ?? 16 * 1024 * 1024,
    startFuel: fuel.start ?? fuel.configure,
    ...(options.permissions?.hostCalls === undefined ? {} : { hostCalls: options.permissions.hostCalls }),
  });
  const log = new RecordingLog();
  const { bodyLimit = LIMITS.pluginBodyBytes, pauseMs = LIMITS.pluginPauseMs, permissions = {} } = options;
  const plugin = new Plugin(
    {
      name: 'plugin',
      tenant: 'test',
      version: { module, configuration: encodeConfig(options.config), fuel, bodyLimit, pauseMs, permissions },
    },
    {
      log,
      wheel: options.wheel ?? new TimerWheel(),
      clock: options.clock ?? systemClock,
      sharedData: SharedDataMemory.ofOneThread(),
      callouts: new TestServices(options.services ?? {}, options.grpcServices),
      logLevel: LogLevel.trace,
      node: { id: 'test', cluster: 'sluice' },
    },
  );
  plugin.start();
  return new PluginTestHost(plugin, options.onFailure ?? 'closed', log);
}
