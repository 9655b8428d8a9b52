import { randomFillSync } from 'node:crypto';
import { LIMITS } from '../core/limits.ts';
import { Errno, LogLevel } from './abi.ts';
import { GuestAbort } from './guest.ts';
import type { HostCalls } from './host-calls.ts';
import type { UnfinishedOutput, Vm } from './vm.ts';

const STDOUT = 1;
const STDERR = 2;
/** Most that one `random_get` gives. */
const RANDOM_BYTES = 65_536;
/** Most pieces that one `fd_write` may have. */
const WRITE_PIECES = 1024;

/** What a guest prints comes in pieces; the log gets lines, and what has no line break when the guest returns. */
class LineBuffer {
  readonly #vm: Vm;
  readonly #level: number;
  #text = '';

  constructor(vm: Vm, level: number) {
    this.#vm = vm;
    this.#level = level;
  }

  /** Nothing waits for the rest of its line. */
  get empty(): boolean {
    return this.#text === '';
  }

  flush(): void {
    const line = this.#text;
    this.#text = '';
    if (this.#passes(line)) this.#vm.logLine(this.#level, line.slice(0, LIMITS.pluginLogLineBytes));
  }

  write(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop()!;
    for (const line of lines) this.#emit(line);
    if (this.#text.length < LIMITS.pluginLogLineBytes) return;
    this.#emit(this.#text);
    this.#text = '';
  }

  #emit(line: string): void {
    if (!this.#passes(line)) return;
    this.#vm.spend(1000 + line.length);
    this.#vm.logLine(this.#level, line.slice(0, LIMITS.pluginLogLineBytes));
  }

  #passes(line: string): boolean {
    return line !== '' && this.#level >= this.#vm.host.logLevel && this.#vm.host.mayLog();
  }
}

/** Standard output and standard error of a guest. */
class Output implements UnfinishedOutput {
  readonly #vm: Vm;
  readonly #out: LineBuffer;
  readonly #err: LineBuffer;

  constructor(vm: Vm) {
    this.#vm = vm;
    this.#out = new LineBuffer(vm, LogLevel.info);
    this.#err = new LineBuffer(vm, LogLevel.error);
  }

  write(file: number, text: string): void {
    (file === STDOUT ? this.#out : this.#err).write(text);
    if (!this.#out.empty || !this.#err.empty) this.#vm.unfinishedOutput = this;
  }

  flush(): void {
    this.#vm.unfinishedOutput = null;
    this.#out.flush();
    this.#err.flush();
  }
}

/** Writes to standard output and standard error, which are the log. */
function fdWrite(vm: Vm) {
  const { memory } = vm;
  const output = new Output(vm);
  return (file: number, pieces: number, count: number, slot: number): number => {
    if (file !== STDOUT && file !== STDERR) return Errno.badFile;
    if (count >>> 0 > WRITE_PIECES) return Errno.invalid;
    if (!memory.holds(pieces >>> 0, (count >>> 0) * 8) || !memory.holds(slot >>> 0, 4)) return Errno.fault;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const at = memory.readU32((pieces >>> 0) + i * 8);
      const length = memory.readU32((pieces >>> 0) + i * 8 + 4);
      if (!memory.holds(at, length)) return Errno.fault;
      const size = Math.min(length, LIMITS.pluginLogLineBytes);
      // Each is put behind what waits for the end of its line.
      vm.spend(500 + size);
      output.write(file, memory.readUtf8(at, size));
      total += length;
    }
    memory.writeU32(slot >>> 0, total);
    return Errno.success;
  };
}

/** What the operator gives it, and never the gateway's own; `NAME=value`, each with a NUL at its end. */
function environment(vm: Vm): Buffer[] {
  return Object.entries(vm.host.permissions.environment).map(([name, value]) => Buffer.from(`${name}=${value}\0`));
}

/** Texts for a guest: their number and length in one call, then, in another, where each begins and all of them. */
function textCalls(vm: Vm, texts: readonly Buffer[]) {
  const { memory } = vm;
  const all = Buffer.concat(texts);
  return {
    sizes: (countSlot: number, sizeSlot: number): number => {
      if (!memory.holds(countSlot >>> 0, 4) || !memory.holds(sizeSlot >>> 0, 4)) return Errno.fault;
      memory.writeU32(countSlot >>> 0, texts.length);
      memory.writeU32(sizeSlot >>> 0, all.length);
      return Errno.success;
    },
    get: (places: number, at: number): number => {
      if (!memory.holds(places >>> 0, texts.length * 4) || !memory.holds(at >>> 0, all.length)) return Errno.fault;
      vm.spend(texts.length * 4 + all.length);
      let next = at >>> 0;
      for (const [index, text] of texts.entries()) {
        memory.writeU32((places >>> 0) + index * 4, next);
        next += text.length;
      }
      all.copy(memory.bytes, at >>> 0);
      return Errno.success;
    },
  };
}

function clockCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    clock_time_get(id: number, _precision: bigint, slot: number): number {
      if (!memory.holds(slot >>> 0, 8)) return Errno.fault;
      if (id !== 0 && id !== 1) return Errno.notSupported;
      memory.writeU64(slot >>> 0, id === 0 ? vm.host.clock.now() : vm.host.clock.monotonic());
      return Errno.success;
    },
    clock_res_get(_id: number, slot: number): number {
      if (!memory.holds(slot >>> 0, 8)) return Errno.fault;
      memory.writeU64(slot >>> 0, 1000n);
      return Errno.success;
    },
    /** Go's scheduler needs it to succeed; nobody sleeps here. */
    poll_oneoff(_in: number, _out: number, _count: number, slot: number): number {
      if (!memory.holds(slot >>> 0, 4)) return Errno.fault;
      memory.writeU32(slot >>> 0, 0);
      return Errno.success;
    },
    sched_yield: (): number => Errno.success,
  };
}

function fileCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    fd_write: fdWrite(vm),
    fd_fdstat_get(file: number, slot: number): number {
      if (file >>> 0 > STDERR) return Errno.badFile;
      if (!memory.holds(slot >>> 0, 24)) return Errno.fault;
      memory.bytes.fill(0, slot >>> 0, (slot >>> 0) + 24);
      // The right to write, and no other.
      memory.writeU64((slot >>> 0) + 8, 64n);
      return Errno.success;
    },
    fd_fdstat_set_flags: (): number => Errno.notImplemented,
    fd_read: (): number => Errno.notImplemented,
    fd_prestat_get: (): number => Errno.badFile,
    fd_prestat_dir_name: (): number => Errno.notImplemented,
    fd_seek: (): number => Errno.success,
    fd_close: (): number => Errno.success,
    path_open: (): number => Errno.noEntry,
    path_filestat_get: (): number => Errno.notSupported,
  };
}

/** The functions of WASI preview 1 that compilers of plugins link in. */
export function wasiCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  const environ = textCalls(vm, environment(vm));
  const args = textCalls(vm, []);
  return {
    ...fileCalls(vm),
    ...clockCalls(vm),
    proc_exit(code: number): number {
      throw new GuestAbort('exit', `exit ${code}`);
    },
    environ_sizes_get: environ.sizes,
    environ_get: environ.get,
    args_sizes_get: args.sizes,
    args_get: args.get,
    random_get(at: number, length: number): number {
      if (length >>> 0 > RANDOM_BYTES) return Errno.invalid;
      if (!memory.holds(at >>> 0, length >>> 0)) return Errno.fault;
      vm.spend(500 + (length >>> 1));
      const bytes = memory.bytes.subarray(at >>> 0, (at >>> 0) + (length >>> 0));
      if (vm.host.substitutes == null) randomFillSync(bytes);
      else vm.host.substitutes.random(bytes);
      return Errno.success;
    },
  };
}

/** From 0 on, below 1. */
function randomNumber({ host }: Vm): number {
  if (host.substitutes == null) return Math.random();
  const bytes = Buffer.alloc(4);
  host.substitutes.random(bytes);
  return bytes.readUInt32LE() / 2 ** 32;
}

/** Functions of `env` that belong to compilers, not to the ABI. */
export function toolchainCalls(vm: Vm): HostCalls {
  const text = (at: number): string => {
    // An AssemblyScript string: UTF-16, with its byte length in the four bytes before it.
    if (at < 4 || !vm.memory.holds(at, 0)) return '';
    const length = Math.min(vm.memory.readU32(at - 4), LIMITS.pluginLogLineBytes);
    return vm.memory.holds(at, length) ? vm.memory.bytes.toString('utf16le', at, at + length) : '';
  };
  return {
    abort(message: number, file: number, line: number, column: number): number {
      throw new GuestAbort('abort', `${text(message >>> 0)} (${text(file >>> 0)}:${line >>> 0}:${column >>> 0})`);
    },
    seed: (): number => randomNumber(vm),
    pthread_equal: (a: number, b: number): number => Number(a === b),
    emscripten_notify_memory_growth: (): number => 0,
  };
}
