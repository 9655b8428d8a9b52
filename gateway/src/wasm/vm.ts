import { LogLevel, Status } from './abi.ts';
import type { CalloutView } from './callout-view.ts';
import type { Context } from './context.ts';
import { GuestAbort, GuestExports, type GuestFunction } from './guest.ts';
import type { Crash, CrashCause, PluginHost } from './host.ts';
import { GuestMemory } from './memory.ts';
import type { PreparedModule } from './module.ts';
import { pairsByteLength, writePairs } from './pairs.ts';

/** What `Vm.call` answers in place of a result when the guest failed; no guest can return it. */
export const CRASHED = -1;

/** Instructions that a host call costs, whatever it does: about what it takes. */
const HOST_CALL_PRICE = 100;

/** Makes the import object of a VM; its host calls act on that VM. */
export type BuildImports = (vm: Vm) => Readonly<Record<string, Readonly<Record<string, unknown>>>>;

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
  readonly contexts = new Map<number, Context>();
  /** The response of a callout while the guest is told of it. */
  callout: CalloutView | null = null;
  dead = false;
  /** Host calls other than logging and time are refused: the guest starts up or allocates. */
  restricted = false;
  #running = false;
  #current: Context | null = null;
  #effective: Context | null = null;
  /** What is left for host calls. Kept apart from the guest's counter, because reaching that one costs more. */
  #hostFuel = 0;
  #budget = 0;
  #lastId = 0;
  /** An error of a nested guest call that must pass through the frames of the outer one. */
  #fatal: unknown = null;
  #queue: Context[] = [];
  #draining = false;
  readonly #lines: PendingLine[] = [];

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

  /** A context id that was never used in this VM. */
  nextContextId(): number {
    return ++this.#lastId;
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
    this.#running = false;
    this.#current = null;
    this.#effective = null;
    const left = this.exports.fuel.value;
    const microseconds = (performance.now() - started) * 1000;
    this.host.onCallEnded(fuel - left + (fuel - this.#hostFuel), microseconds);
    context?.host.addTime(microseconds);
    if (this.#lines.length > 0) this.#flushLines();
    if (failure !== null) this.#crash(failure, name, context, left);
    else this.#settle(context);
    return result;
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

  /** Charges the guest for work of the host. @throws GuestAbort when its budget is used up. */
  spend(price: number): void {
    this.#hostFuel -= price;
    if (this.#hostFuel < 0) throw new GuestAbort('fuel', 'host calls used up the CPU budget');
  }

  /** What every host call pays first; false when it may not be made now. */
  enterHostCall(always: boolean): boolean {
    this.spend(HOST_CALL_PRICE);
    return always || !this.restricted;
  }

  /** After a host call threw: answers the status for the guest, or throws on, which ends the VM. */
  onHostCallError(name: string, error: unknown): number {
    // A RangeError is the stack's end, met in the host's part of it: go no further.
    if (this.#fatal !== null || error instanceof GuestAbort || error instanceof RangeError) throw error;
    if (this.host.mayLog()) this.logLine(LogLevel.error, `host call ${name} failed: ${messageOf(error)}`);
    return Status.internalFailure;
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
    const lost = [...this.contexts.values()];
    this.contexts.clear();
    this.#queue.length = 0;
    this.host.onCrash({
      cause: fuelLeft < 0 ? 'fuel' : causeOf(error),
      callback,
      contextId: context?.id ?? 0,
      message: messageOf(error),
      stack: (error instanceof Error && error.stack) || '',
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
