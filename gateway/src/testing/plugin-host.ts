import { readFile } from 'node:fs/promises';
import type { Plain } from '../config/document.ts';
import { pluginConfigProblems } from '../config/plugin-config.ts';
import { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { TimerWheel } from '../core/wheel.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { createWasmFilter } from '../filters/wasm-filter.ts';
import { LogLevel } from '../wasm/abi.ts';
import type { FuelLimits } from '../wasm/fuel.ts';
import { systemClock } from '../wasm/host.ts';
import type { PluginManifest } from '../wasm/manifest.ts';
import type { MetricSample } from '../wasm/metrics.ts';
import { type PreparedModule, prepareModule } from '../wasm/module.ts';
import type { PluginStats } from '../wasm/plugin-stats.ts';
import { Plugin } from '../wasm/plugin.ts';
import { SharedDataMemory } from '../wasm/shared-data.ts';
import { driveExchange } from './drive.ts';
import { ExchangeRecord } from './exchange-record.ts';
import { refusedByPlugin, refusedBySchema } from './load-error.ts';
import type { LoadOptions, TestExchange, TestValue } from './options.ts';
import { Recorder } from './recorder.ts';
import { RecordingFactory } from './recording-filter.ts';
import type { LogLine } from './recording-log.ts';
import type { TestCall, TestCalloutResult, TestResult } from './results.ts';
import { TestClock } from './test-clock.ts';
import { foreignFunctions } from './test-foreign.ts';
import { type TestQueue, TestQueues } from './test-queue.ts';
import { TestRandom } from './test-random.ts';
import { TestServices } from './test-services.ts';
import { TestSharedData } from './test-shared-data.ts';

const QUEUE_READY = 'proxy_on_queue_ready';
const HOUR_MS = 3_600_000;

/** What a host is made of. */
interface HostParts {
  readonly plugin: Plugin;
  readonly module: PreparedModule;
  readonly recorder: Recorder;
  readonly factory: RecordingFactory;
  readonly sharedData: TestSharedData;
  readonly queues: TestQueues;
  /** Ticks and time limits come by themselves. */
  readonly realTime: boolean;
}

/** A plugin in the gateway's own host, without sockets. */
export class PluginTestHost {
  /** What its module says of itself; null: nothing. */
  readonly manifest: PluginManifest | null;
  /** Its shared data. */
  readonly sharedData: TestSharedData;
  readonly #parts: HostParts;
  #closed = false;

  /** @internal See `loadPlugin`. */
  constructor(parts: HostParts) {
    this.#parts = parts;
    this.manifest = parts.module.manifest;
    this.sharedData = parts.sharedData;
  }

  /**
   * Runs one exchange through the plugin. Several may be under way; what belongs to each is kept apart. Where the plugin
   * holds it until it is told something, that is for the test to bring about: by a service's answer, or by time.
   * @throws Error after `close`, and what a service of the test threw
   */
  async exchange(exchange: TestExchange = {}): Promise<TestResult> {
    if (this.#closed) throw new Error('the test host is closed; load the plugin again');
    const { recorder, factory, plugin } = this.#parts;
    let record: ExchangeRecord | null = null;
    const outcome = await this.#holdProcess(
      driveExchange([factory], exchange.request, exchange.upstream, (made) => {
        prepare(made, exchange, plugin.tenant);
        record = new ExchangeRecord(made);
        recorder.follow(made, record);
      }),
    );
    const { calls, callouts, fault, properties } = record!.read();
    if (fault !== null) throw fault;
    const sum = (field: 'fuel' | 'timeUs'): number => calls.reduce((total, call) => total + call[field], 0);
    const logs = calls.flatMap((call) => call.logs);
    return { ...outcome, calls, callouts, properties, logs, fuel: sum('fuel'), timeUs: sum('timeUs') };
  }

  /** Every line so far, those of start and configuration included. */
  get logs(): readonly LogLine[] {
    return this.#parts.recorder.log.lines;
  }

  /** Runs of its code that belong to no exchange: its start, ticks, messages of queues. The last 1 000 of them. */
  get calls(): readonly TestCall[] {
    return this.#parts.recorder.calls;
  }

  /** HTTP callouts that belong to no exchange, such as those of its start and of ticks. The last 1 000 of them. */
  get callouts(): readonly TestCalloutResult[] {
    return this.#parts.recorder.callouts;
  }

  get stats(): PluginStats {
    return this.#parts.plugin.stats();
  }

  /** What the plugin measured. */
  get metrics(): readonly MetricSample[] {
    return this.#parts.plugin.samples();
  }

  /** Value of one of them, of a histogram the sum; undefined: the plugin has not defined it. */
  metric(name: string): number | undefined {
    const known = name.replaceAll(/[^a-zA-Z0-9_:]/g, '_');
    return this.metrics.find((sample) => sample.name === known)?.value;
  }

  /**
   * A queue that the plugin has registered, or one of another plugin as `plugin/queue` (see `LoadOptions.queues`).
   * @throws Error: there is none of that name
   */
  queue(name: string): TestQueue {
    return this.#parts.queues.queue(name);
  }

  /** Timers of the gateway keep no process alive, and nothing else may be left to wait for while the plugin pauses. */
  async #holdProcess<T>(work: Promise<T>): Promise<T> {
    if (!this.#parts.realTime) return work;
    const hold = setInterval(() => {}, HOUR_MS);
    try {
      return await work;
    } finally {
      clearInterval(hold);
    }
  }

  /** Ends the plugin. Exchanges under way finish; there are no new ones. */
  close(): void {
    this.#closed = true;
    this.#parts.queues.close();
    this.#parts.plugin.close();
  }
}

function prepare(made: Exchange, exchange: TestExchange, tenant: string): void {
  const { route = '', lane = '', service = '', properties } = exchange;
  Object.assign(made, { route, lane, service });
  for (const [path, value] of Object.entries(properties ?? {})) {
    const store = tenant === '' ? (made.gatewayProperties ??= new Map()) : (made.properties ??= new Map());
    store.set(Buffer.from(path).toString('latin1').replaceAll('.', '\0'), bytesOf(value));
  }
  exchange.prepare?.(made);
}

function bytesOf(value: TestValue): Uint8Array {
  return Uint8Array.from(Buffer.from(value as Uint8Array));
}

function checkConfig(
  { manifest }: PreparedModule,
  name: string,
  { config, checkConfig: wanted = true }: LoadOptions,
): void {
  if (!wanted || typeof config === 'string' || manifest === null || manifest.config === null) return;
  const problems = pluginConfigProblems(manifest.config, JSON.parse(JSON.stringify(config ?? {})) as Plain);
  if (problems.length > 0) throw refusedBySchema(name, problems);
}

function fuelOf(options: LoadOptions): FuelLimits {
  return { request: 5_000_000, bodyByte: 20, tick: 10_000_000, configure: 20_000_000, ...options.fuel };
}

function versionOf(module: PreparedModule, options: LoadOptions) {
  const { config, bodyLimit = LIMITS.pluginBodyBytes, pauseMs = LIMITS.pluginPauseMs, permissions = {} } = options;
  const text = typeof config === 'string' ? config : JSON.stringify(config ?? {});
  return { module, configuration: Buffer.from(text, 'utf8'), fuel: fuelOf(options), bodyLimit, pauseMs, permissions };
}

function wheelOf({ clock }: LoadOptions): TimerWheel {
  return clock instanceof TestClock ? clock.wheel : new TimerWheel();
}

/**
 * Loads and starts a plugin as the gateway would.
 *
 * @param source path of the `.wasm` file, or its bytes.
 * @throws GatewayError SLUICE_PLUGIN_INVALID: the gateway would not take the module.
 * @throws PluginRefused SLUICE_PLUGIN_START_FAILED: its configuration is not what the manifest asks for, or the plugin
 * refused it; the message has its words.
 */
export async function loadPlugin(
  source: string | URL | Uint8Array,
  options: LoadOptions = {},
): Promise<PluginTestHost> {
  const bytes = source instanceof Uint8Array ? source : await readFile(source);
  const fuel = fuelOf(options);
  const module = await prepareModule(bytes, {
    name: source instanceof Uint8Array ? 'plugin.wasm' : String(source),
    memory: options.memory ?? 16 * 1024 * 1024,
    startFuel: fuel.start ?? fuel.configure,
    ...(options.permissions?.hostCalls === undefined ? {} : { hostCalls: options.permissions.hostCalls }),
  });
  const { name = module.manifest?.name ?? 'plugin', tenant = 'test' } = options;
  checkConfig(module, name, options);
  const parts = assemble(module, { name, tenant }, options);
  try {
    parts.plugin.start();
  } catch (error) {
    throw error instanceof GatewayError ? refusedByPlugin(error, parts.recorder.log.lines) : error;
  }
  return new PluginTestHost(parts);
}

function assemble(
  module: PreparedModule,
  who: { readonly name: string; readonly tenant: string },
  options: LoadOptions,
): HostParts {
  const recorder = new Recorder();
  const store = SharedDataMemory.ofOneThread();
  const wheel = wheelOf(options);
  const random = new TestRandom(options.random ?? 1);
  const foreign = foreignFunctions(options.foreignFunctions ?? {});
  const { services = {}, grpcServices = {} } = options;
  const receives = module.exports.includes(QUEUE_READY);
  const queues = new TestQueues(
    store.queues,
    { tenant: who.tenant, plugin: who.name, others: options.queues ?? [] },
    () => (receives ? recorder.countOf(QUEUE_READY) : -1),
  );
  const sharedData = new TestSharedData(store.open(who.tenant, who.name), options.sharedData ?? {});
  const plugin = new Plugin(
    { ...who, version: versionOf(module, options) },
    {
      log: recorder.log,
      wheel,
      clock: options.clock ?? systemClock,
      sharedData: store,
      callouts: new TestServices({ services, grpcServices, wheel, watcher: recorder }),
      logLevel: LogLevel.trace,
      node: { id: 'test', cluster: 'sluice' },
      substitutes: {
        random: (target) => random.fill(target),
        foreign,
        onCall: (callback, origin, spent, timeUs) => recorder.onCall(callback, origin, spent, timeUs),
      },
    },
  );
  const filter = createWasmFilter(plugin, { onFailure: options.onFailure ?? 'closed' });
  const factory = new RecordingFactory(filter, (exchange) => recorder.recordOf(exchange));
  const realTime = !(options.clock instanceof TestClock);
  return { plugin, module, recorder, factory, sharedData, queues, realTime };
}
