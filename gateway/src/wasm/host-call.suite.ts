import type { AbiVersion } from './abi.ts';
import { Context } from './context.ts';
import type {
  Clock,
  ContextHost,
  Crash,
  GuestBuffer,
  GuestRequest,
  HeaderMap,
  LocalResponse,
  PluginHost,
  PropertyValue,
  StreamHost,
} from './host.ts';
import { buildImports, hostCalls } from './imports.ts';
import { MetricSet } from './metrics.ts';
import { prepareModule } from './module.ts';
import { type PermissionRules, Permissions } from './permissions.ts';
import { SharedDataMemory } from './shared-data.ts';
import { CRASHED, Vm } from './vm.ts';
import { assemble } from './wat.suite.ts';

type HostCall = (...args: (number | bigint)[]) => number;
type Table = Readonly<Record<string, HostCall>>;

/** A text or bytes in guest memory: address and length, as host calls take them. */
export type Span = readonly [address: number, length: number];

export const NONE: Span = [0, 0];
/** Out slots that tests use. */
export const ADDRESS = 64;
export const SIZE = 68;
export const SLOT = 72;
/** An address that no memory of these tests has. */
export const OUTSIDE = 0xffff_fff0;
/** The same as a guest hands it over: signed. */
export const NEGATIVE = -16;

/** A module that imports every host call there is, and whose one callback is the test itself. */
function moduleText(abi: AbiVersion): string {
  const { env, wasi } = hostCalls();
  const imports = [
    ...env.map((name) => `(import "env" "${name}" (func))`),
    ...wasi.map((name) => `(import "wasi_snapshot_preview1" "${name}" (func))`),
  ];
  return `(module ${imports.join('\n')} (import "test" "step" (func $step (result i32)))
    (memory (export "memory") 2 4) (global $heap (mut i32) (i32.const 65536))
    (func (export "proxy_abi_version_${abi.replaceAll('.', '_')}"))
    (func (export "malloc") (param i32) (result i32) (local $at i32)
      (local.set $at (global.get $heap))
      (global.set $heap (i32.add (global.get $heap) (i32.and (i32.add (local.get 0) (i32.const 7)) (i32.const -8))))
      (local.get $at))
    (func (export "enter") (param i32 i32 i32) (result i32) (call $step)))`;
}

/** What stands behind a context of a test; tests put in what they need. */
export class FakeStream implements ContextHost {
  readonly origin = null;
  stream: StreamHost | null = null;
  readonly maps = new Map<number, HeaderMap>();
  readonly buffers = new Map<number, GuestBuffer>();
  readonly properties = new Map<string, PropertyValue>();
  readonly actions: number[] = [];
  response: LocalResponse | null = null;
  failed = false;

  headerMap(type: number): HeaderMap | null {
    return this.maps.get(type) ?? null;
  }

  buffer(type: number): GuestBuffer | null {
    return this.buffers.get(type) ?? null;
  }

  getProperty(path: string): PropertyValue | null {
    return this.properties.get(path) ?? null;
  }

  setProperty(path: string, value: Uint8Array): void {
    this.properties.set(path, value);
  }

  onActions(actions: number, response: LocalResponse | null): void {
    this.actions.push(actions);
    this.response = response ?? this.response;
  }

  addTime(): void {}

  onVmFailed(): void {
    this.failed = true;
  }
}

export interface RigOptions {
  /** Default 0.2.1. */
  readonly abi?: AbiVersion;
  readonly permissions?: Partial<PermissionRules>;
  readonly clock?: Clock;
  readonly logLevel?: number;
}

const STILL: Clock = { now: () => 1_700_000_000_123_456_789n, monotonic: () => 42n };

/** Host calls as a guest makes them: behind their checks, within a frame of a guest, on its memory and its allocator. */
export class HostCallRig {
  readonly env: Table;
  readonly wasi: Table;
  readonly vm: Vm;
  readonly host = new FakeStream();
  readonly rootHost = new FakeStream();
  readonly stream: Context;
  readonly root: Context;
  readonly lines: (readonly [level: number, text: string])[] = [];
  readonly ticks: number[] = [];
  /** Callouts that the guest asked for, and what it is answered: a number, or why it gets none. */
  readonly callouts: GuestRequest[] = [];
  calloutId = 7;
  rebuilds = 0;
  mayLog = true;
  crash: Crash | null = null;
  #script: () => void = () => {};
  #next = 1024;

  static async make(options: RigOptions = {}): Promise<HostCallRig> {
    const bytes = assemble(moduleText(options.abi ?? '0.2.1'));
    return new HostCallRig(await prepareModule(bytes, { name: 'rig', memory: 1 << 20, startFuel: 100_000 }), options);
  }

  private constructor(module: Vm['module'], options: RigOptions) {
    const step = (): number => {
      this.#script();
      return 0;
    };
    const plugin: Partial<PluginHost> = {
      configuration: Buffer.from('{"a":1}'),
      logLevel: options.logLevel ?? 0,
      clock: options.clock ?? STILL,
      permissions: new Permissions('t', options.permissions),
      metrics: new MetricSet(),
      sharedData: SharedDataMemory.ofOneThread().open('t', 'rig'),
      log: (level, text) => void this.lines.push([level, text]),
      mayLog: () => this.mayLog,
      setTickPeriod: (period) => void this.ticks.push(period),
      sendCallout: (_context, request) => {
        this.callouts.push(request);
        return this.calloutId;
      },
      onCallEnded: () => {},
      onMemoryGrown: () => true,
      rebuildWhenIdle: () => void this.rebuilds++,
      onCrash: (crash) => {
        this.crash = crash;
      },
    };
    let tables: Readonly<Record<string, unknown>> = {};
    this.vm = new Vm(module, plugin as PluginHost, (vm) => {
      const imports = { ...buildImports(vm), test: { step } };
      tables = imports;
      return imports;
    });
    this.env = tables['env'] as Table;
    this.wasi = tables['wasi_snapshot_preview1'] as Table;
    this.root = new Context(this.vm.contexts.nextId(), this.rootHost, true);
    this.stream = new Context(this.vm.contexts.nextId(), this.host, false);
    for (const context of [this.root, this.stream]) this.vm.contexts.add(context);
  }

  /** Runs a script as the guest's callback of this name, on the stream unless told otherwise. False: the VM ended. */
  run(script: () => void, callback = 'proxy_on_request_headers', context = this.stream, fuel = 5_000_000): boolean {
    let failure: unknown = null;
    this.#script = () => {
      try {
        script();
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    const enter = this.vm.exports.find('enter')!;
    const result = this.vm.call(enter, callback, context, fuel, 0, 0);
    if (result !== CRASHED) return true;
    if (this.crash === null) throw failure;
    return false;
  }

  /** The status of one host call in a callback. */
  call(name: string, ...args: (number | bigint)[]): number {
    return this.#callIn(this.stream, name, args);
  }

  /** The same in a callback of the plugin itself. */
  callAsRoot(name: string, ...args: (number | bigint)[]): number {
    return this.#callIn(this.root, name, args);
  }

  #callIn(context: Context, name: string, args: readonly (number | bigint)[]): number {
    let status = -1;
    const found = this.env[name] ?? this.wasi[name];
    if (found === undefined) throw new Error(`no host call ${name}`);
    const callback = context.isRoot ? 'proxy_on_tick' : 'proxy_on_request_headers';
    this.run(() => (status = found(...args)), callback, context);
    return status;
  }

  /** Puts bytes where no other are. */
  put(bytes: string | Uint8Array): Span {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    const at = this.#next;
    this.vm.memory.bytes.set(data, at);
    this.#next += data.length;
    return [at, data.length];
  }

  u32(slot: number): number {
    return this.vm.memory.readU32(slot);
  }

  u64(slot: number): bigint {
    return this.vm.memory.bytes.readBigUInt64LE(slot);
  }

  /** What the out slots point to, as latin1. */
  get result(): string {
    return this.vm.memory.readLatin1(this.u32(ADDRESS), this.u32(SIZE));
  }

  get resultBytes(): Buffer {
    const at = this.u32(ADDRESS);
    return Buffer.from(this.vm.memory.bytes.subarray(at, at + this.u32(SIZE)));
  }

  /** Fills the out slots with what a former call might have left. */
  soilSlots(): void {
    for (const slot of [ADDRESS, SIZE, SLOT]) this.vm.memory.writeU32(slot, 0xdead);
  }
}
