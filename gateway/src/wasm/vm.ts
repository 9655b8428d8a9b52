import { LIMITS } from '../core/limits.ts';
import { LogLevel, Status } from './abi.ts';
import { CallIds } from './call-ids.ts';
import type { CallView } from './callout-view.ts';
import type { Context } from './context.ts';
import { ContextTable } from './context-table.ts';
import { GuestAbort, GuestExports, type GuestFunction } from './guest.ts';
import type { Crash, CrashCause, PluginHost } from './host.ts';
import { GuestMemory } from './memory.ts';
import type { PreparedModule } from './module.ts';
import { pairsByteLength, parsePairs, writePairs } from './pairs.ts';

/** What `Vm.call` answers in place of a result when the guest failed; no guest can return it. */
export const CRASHED = -1;

/** Instructions that a host call costs, whatever it does: about what it takes. */
const HOST_CALL_PRICE = 100;

/** What a request to a service costs besides its bytes, whether it is made or refused. */
export const CALLOUT_PRICE = 10_000;

/** Of a crash's log line; twice as long when all of it is escaped. See LIMITS.processLogLineBytes. */
const CRASH_MESSAGE_BYTES = 400;
const CRASH_STACK_BYTES = 1200;
// oxlint-disable-next-line no-control-regex -- the point is to find control characters
const CONTROL = /[\0-\x09\x0b-\x1f\x7f]/g;

/** How a call ended whose callback is running, as `proxy_get_status` answers it. */
export interface CallStatus {
  readonly code: number;
  readonly message: string;
}

export const CALL_FINE: CallStatus = { code: Status.ok, message: '' };

/** Makes the import object of a VM; its host calls act on that VM. */
export type BuildImports = (vm: Vm) => Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What a guest has printed and not ended with a line break. */
export interface UnfinishedOutput {
  /** Logs it. The guest has returned. */
  flush(): void;
}

interface PendingLine {
  readonly level: number;
  readonly text: string;
}

/**
 * One instance of a module. Guards every entry: fuel is set before, whatever is thrown ends in `CRASHED`, and a dead VM
 * is never entered again. No callback is called while another one runs; what host calls ask of streams is noted in
 * their contexts and carried out when the guest has returned.
 */
export class Vm {
  readonly host: PluginHost;
  readonly module: PreparedModule;
  readonly exports: GuestExports;
  readonly memory = new GuestMemory();
  /** Imports that are answered by stubs, `module.name`. */
  readonly stubs: string[] = [];
  readonly contexts = new ContextTable();
  /** Numbers of the calls that the guest makes to others. */
  readonly callIds = new CallIds();
  /** What the guest is being told of a call; null outside of its callback. */
  callout: CallView | null = null;
  /** How that call ended, for `proxy_get_status`. */
  callStatus: CallStatus = CALL_FINE;
  dead = false;
  /** Host calls other than logging and time are refused: the guest starts up or allocates. */
  restricted = false;
  /** Set while there is some. */
  unfinishedOutput: UnfinishedOutput | null = null;
  /** Export that is running or ran last. */
  callback = '';
  #running = false;
  #current: Context | null = null;
  #effective: Context | null = null;
  /** What is left for host calls. Kept apart from the guest's counter, because reaching that one costs more. */
  #hostFuel = 0;
  #budget = 0;
  #memoryBytes = 0;
  /** An error of a nested guest call that must pass through the frames of the outer one. */
  #fatal: unknown = null;
  #queue: Context[] = [];
  #draining = false;
  readonly #lines: PendingLine[] = [];
  readonly #hints = new Set<string>();

  /** @throws GuestAbort 'memory': the engine cannot place another instance. */
  constructor(module: PreparedModule, host: PluginHost, buildImports: BuildImports) {
    this.module = module;
    this.host = host;
    const imports = buildImports(this);
    let instance: WebAssembly.Instance;
    try {
      instance = new WebAssembly.Instance(module.module, imports);
    } catch (error) {
      throw new GuestAbort(error instanceof RangeError ? 'memory' : 'trap', messageOf(error));
    }
    this.exports = new GuestExports(instance, module, this.memory);
    this.#memoryBytes = this.memory.byteLength;
  }

  /** Runs the module's start-up code within the budget it was born with; false when it failed. */
  boot(): boolean {
    this.restricted = true;
    const { start } = this.module.added;
    const budget = this.module.startFuel;
    if (start !== null && !this.#bootWith(start, budget)) return false;
    if (this.exports.find('_initialize') !== null) {
      if (!this.#bootWith('_initialize', budget)) return false;
      const main = this.exports.find('main') === null ? '__main_void' : 'main';
      if (!this.#bootWith(main, budget)) return false;
    } else if (!this.#bootWith('_start', budget)) return false;
    this.restricted = false;
    return true;
  }

  #bootWith(name: string, budget: number): boolean {
    const run = this.exports.find(name);
    return run === null || this.#enter(run, name, null, budget, this.exports.fuel.value, 0, 0) !== CRASHED;
  }

  /**
   * Calls a callback of the guest with the context's id and up to two numbers. Answers its result as an unsigned
   * number, 0 when it has none, or `CRASHED`. What the guest asked of streams has been carried out by then.
   */
  call(run: GuestFunction, name: string, context: Context, budget: number, a: number, b: number): number {
    if (this.dead) return CRASHED;
    this.exports.fuel.value = budget;
    return this.#enter(run, name, context, budget, budget, a, b);
  }

  #enter(
    run: GuestFunction,
    name: string,
    context: Context | null,
    budget: number,
    fuel: number,
    a: number,
    b: number,
  ): number {
    if (this.#running) throw new Error('a callback was called while another one of the same VM is running');
    this.#running = true;
    this.callback = name;
    this.#current = context;
    this.#effective = null;
    this.#hostFuel = fuel;
    this.#budget = budget;
    const started = performance.now();
    let result: number = CRASHED;
    let failure: unknown = null;
    try {
      const answer = context === null ? run(0, 0) : run(context.id, a, b);
      result = typeof answer === 'number' ? answer >>> 0 : 0;
    } catch (error) {
      if (!isCleanExit(error, name)) failure = error ?? new Error('the guest failed');
      else result = 0;
    }
    const origin = context?.host.origin ?? this.target?.host.origin ?? null;
    this.#running = false;
    this.#current = null;
    this.#effective = null;
    if (this.memory.byteLength !== this.#memoryBytes && !this.#mayGrow()) {
      failure ??= new GuestAbort('memory', 'the plugins of its tenant have more memory than they may');
      result = CRASHED;
    }
    const left = this.exports.fuel.value;
    const microseconds = (performance.now() - started) * 1000;
    const used = fuel - left + (fuel - this.#hostFuel);
    this.host.onCallEnded(used, microseconds, name, origin);
    context?.host.addTime(microseconds, used);
    this.unfinishedOutput?.flush();
    if (this.#lines.length > 0) this.#flushLines();
    if (failure !== null) this.#crash(failure, name, context, left);
    else this.#settle(context);
    return result;
  }

  #mayGrow(): boolean {
    this.#memoryBytes = this.memory.byteLength;
    return this.host.onMemoryGrown(this.#memoryBytes);
  }

  /** The guest is on the stack: no callback may be called. */
  get running(): boolean {
    return this.#running;
  }

  /** The context that host calls of the running callback act on; null during start-up. */
  get target(): Context | null {
    return this.#effective ?? this.#current;
  }

  setEffective(context: Context): void {
    this.#effective = context;
  }

  /** Notes an action for a stream; it is carried out when the guest has returned. */
  request(context: Context, action: number): void {
    context.actions |= action;
    if (context === this.#current || context.queued) return;
    context.queued = true;
    this.#queue.push(context);
  }

  /**
   * Charges the guest for work of the host. The rule for every host call: whatever takes longer the more bytes, pairs or
   * entries it is given is paid here before it is done, at about a nanosecond for an instruction; but first of all what
   * is beyond a limit is refused, and costs nothing more.
   * @throws GuestAbort when its budget is used up.
   */
  spend(price: number): void {
    this.#hostFuel -= price;
    if (this.#hostFuel < 0) throw new GuestAbort('fuel', 'host calls used up the CPU budget');
  }

  /** What every host call pays first; false when it may not be made now. */
  enterHostCall(always: boolean): boolean {
    this.spend(HOST_CALL_PRICE);
    return always || !this.restricted;
  }

  /** Tells the plugin's author of a mistake that has no effect, the first time that the VM makes it. */
  hint(text: string): void {
    if (this.#hints.has(text) || !this.host.mayLog()) return;
    this.#hints.add(text);
    this.logLine(LogLevel.warn, text);
  }

  /** After a host call threw: answers the status for the guest, or throws on, which ends the VM. */
  onHostCallError(name: string, error: unknown): number {
    // A RangeError is the stack's end, met in the host's part of it: go no further.
    if (this.#fatal !== null || error instanceof GuestAbort || error instanceof RangeError) throw error;
    if (this.host.mayLog()) this.logLine(LogLevel.error, `host call ${name} failed: ${messageOf(error)}`);
    return Status.internalFailure;
  }

  /** Reads a map of the guest that lies in its memory, as flat pairs; null: malformed or too large. */
  readPairs(address: number, length: number): string[] | null {
    if (length > LIMITS.pluginMapBytes) return null;
    this.spend(length * 4);
    return parsePairs(this.memory.bytes.subarray(address, address + length));
  }

  /**
   * Asks the guest for `size` bytes, at least 1. 0: it has none, or lied about them.
   * Views of the memory are stale afterwards.
   */
  allocate(size: number): number {
    const { allocate } = this.exports;
    if (allocate === null) return 0;
    const outer = this.restricted;
    this.restricted = true;
    let address = 0;
    try {
      const answer = allocate(size);
      if (typeof answer === 'number') address = answer >>> 0;
    } catch (error) {
      this.#fatal = error;
      throw error;
    }
    this.restricted = outer;
    return address !== 0 && this.memory.holds(address, size) ? address : 0;
  }

  /** Hands bytes to the guest through two out slots. */
  returnBytes(bytes: Uint8Array, addressSlot: number, sizeSlot: number): number {
    const address = this.#reserve(bytes.length, addressSlot, sizeSlot);
    if (address < 0) return Status.invalidMemoryAccess;
    this.memory.bytes.set(bytes, address);
    return Status.ok;
  }

  returnLatin1(text: string, addressSlot: number, sizeSlot: number): number {
    const address = this.#reserve(text.length, addressSlot, sizeSlot);
    if (address < 0) return Status.invalidMemoryAccess;
    this.memory.writeLatin1(address, text);
    return Status.ok;
  }

  /** Hands a map over; an empty one is address 0 and size 0. */
  returnPairs(pairs: readonly string[], addressSlot: number, sizeSlot: number): number {
    const size = pairs.length === 0 ? 0 : pairsByteLength(pairs);
    this.spend(pairs.length * 16);
    const address = this.#reserve(size, addressSlot, sizeSlot);
    if (address < 0) return Status.invalidMemoryAccess;
    if (size > 0) writePairs(pairs, this.memory.bytes, address);
    return Status.ok;
  }

  /** Empties the out slots where they are writable, so that no old address is taken for a result. */
  returnNothing(status: number, addressSlot: number, sizeSlot: number): number {
    if (this.memory.holds(addressSlot, 4)) this.memory.writeU32(addressSlot, 0);
    if (this.memory.holds(sizeSlot, 4)) this.memory.writeU32(sizeSlot, 0);
    return status;
  }

  /** Room for a result, announced in the out slots; 0 for an empty one, -1 when guest memory cannot take it. */
  #reserve(size: number, addressSlot: number, sizeSlot: number): number {
    if (!this.memory.holds(addressSlot, 4) || !this.memory.holds(sizeSlot, 4)) return -1;
    this.spend(size >> 2);
    const address = size === 0 ? 0 : this.allocate(size);
    if (size > 0 && address === 0) return -1;
    this.memory.writeU32(addressSlot, address);
    this.memory.writeU32(sizeSlot, size);
    return address;
  }

  /** Keeps a line until the guest has returned: the log must not run on what the guest left of the stack. */
  logLine(level: number, text: string): void {
    this.#lines.push({ level, text });
  }

  #flushLines(): void {
    for (const line of this.#lines) this.host.log(line.level, line.text);
    this.#lines.length = 0;
  }

  #settle(context: Context | null): void {
    context?.deliverActions();
    // A callback that runs because of a queued action leaves the rest of the queue to the loop it came from.
    if (this.#draining || this.#queue.length === 0) return;
    this.#draining = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        next.queued = false;
        next.deliverActions();
      }
    } finally {
      this.#draining = false;
    }
  }

  #crash(error: unknown, callback: string, context: Context | null, fuelLeft: number): void {
    this.dead = true;
    const lost = this.contexts.values();
    this.contexts.clear();
    this.#queue.length = 0;
    this.host.onCrash({
      cause: fuelLeft < 0 ? 'fuel' : causeOf(error),
      callback,
      contextId: context?.id ?? 0,
      message: loggable(messageOf(error), CRASH_MESSAGE_BYTES),
      stack: loggable((error instanceof Error && error.stack) || '', CRASH_STACK_BYTES),
      fuelLeft: Math.min(fuelLeft, this.#hostFuel),
      budget: this.#budget,
    } satisfies Crash);
    for (const other of lost) if (other !== context) other.host.onVmFailed();
  }
}

function isCleanExit(error: unknown, name: string): boolean {
  return name === '_start' && error instanceof GuestAbort && error.reason === 'exit' && error.message === 'exit 0';
}

function causeOf(error: unknown): CrashCause {
  if (error instanceof GuestAbort) return error.reason;
  return error instanceof RangeError ? 'stack' : 'trap';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Guests choose their messages and the names of their functions: what they write must not push the rest out of the log line. */
function loggable(text: string, most: number): string {
  return Buffer.from(text.replaceAll(CONTROL, ' ')).toString('utf8', 0, most);
}
