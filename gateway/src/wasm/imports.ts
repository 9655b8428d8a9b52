import { Errno, Status } from './abi.ts';
import { bufferCalls } from './calls-buffer.ts';
import { calloutCalls } from './calls-callout.ts';
import { contextCalls } from './calls-context.ts';
import { foreignCalls } from './calls-foreign.ts';
import { grpcCalls } from './calls-grpc.ts';
import { headerCalls } from './calls-headers.ts';
import { higressCalls } from './calls-higress.ts';
import { logCalls } from './calls-log.ts';
import { metricCalls } from './calls-metric.ts';
import { propertyCalls } from './calls-property.ts';
import { queueCalls } from './calls-queue.ts';
import { redisCalls } from './calls-redis.ts';
import { sharedCalls } from './calls-shared.ts';
import { statusCalls } from './calls-status.ts';
import { streamCalls } from './calls-stream.ts';
import { timeCalls } from './calls-time.ts';
import { toolchainCalls, wasiCalls } from './calls-wasi.ts';
import type { HostCalls } from './host-calls.ts';
import { GuestMemory } from './memory.ts';
import { Permissions } from './permissions.ts';
import type { Vm } from './vm.ts';

const WASI_MODULES = ['wasi_snapshot_preview1', 'wasi_unstable'];

/** Calls that a guest may make while it starts up or allocates. */
const ALWAYS = new Set([
  'proxy_log',
  'proxy_get_log_level',
  'proxy_get_current_time_nanoseconds',
  'abort',
  'seed',
  'pthread_equal',
  'emscripten_notify_memory_growth',
]);

type AnyCall = (...args: unknown[]) => unknown;

/**
 * Puts a host call behind the checks that all of them share. Twelve parameters, so that no call needs an array of its
 * arguments; the engine fills in what a call does not have.
 */
function guard(vm: Vm, name: string, call: AnyCall, always: boolean): AnyCall {
  return (a, b, c, d, e, f, g, h, i, j, k, l) => {
    if (!vm.enterHostCall(always)) return Status.internalFailure;
    try {
      return call(a, b, c, d, e, f, g, h, i, j, k, l);
    } catch (error) {
      return vm.onHostCallError(name, error);
    }
  };
}

function envCalls(vm: Vm): HostCalls {
  return {
    ...logCalls(vm),
    ...timeCalls(vm),
    ...headerCalls(vm),
    ...streamCalls(vm),
    ...contextCalls(vm),
    ...bufferCalls(vm),
    ...calloutCalls(vm),
    ...statusCalls(vm),
    ...grpcCalls(vm),
    ...propertyCalls(vm),
    ...foreignCalls(vm),
    ...higressCalls(vm),
    ...sharedCalls(vm),
    ...queueCalls(vm),
    ...redisCalls(vm),
    ...metricCalls(vm),
    ...toolchainCalls(vm),
  };
}

/**
 * Whether the host has a call that modules import by this name: `none` are answered "unimplemented", `foreign` too, and
 * belong to no interface that plugins are built for.
 */
export function hostCallKind(module: string, name: string): 'real' | 'none' | 'foreign' {
  const isWasi = WASI_MODULES.includes(module);
  if (!isWasi && module !== 'env') return 'foreign';
  const { env, wasi } = hostCalls();
  return (isWasi ? wasi : env).includes(name) ? 'real' : 'none';
}

/** Names of all host calls, those of module `env` and those of WASI. */
export function hostCalls(): Readonly<Record<'env' | 'wasi', readonly string[]>> {
  // Nothing of a VM is used before a call is made, but for these.
  const vm = { memory: new GuestMemory(), host: { permissions: new Permissions('', undefined) } } as unknown as Vm;
  return { env: Object.keys(envCalls(vm)), wasi: Object.keys(wasiCalls(vm)) };
}

/** What a module gets for an import that the host does not have. */
function stubFor(module: string): () => number {
  const answer = WASI_MODULES.includes(module) ? Errno.notImplemented : Status.unimplemented;
  return () => answer;
}

/** An object without a prototype: modules choose the keys, `__proto__` included. */
function bare<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

/** The import object for a VM: every name its module asks for, real or a stub (then listed in `vm.stubs`). */
export function buildImports(vm: Vm): Record<string, Record<string, AnyCall>> {
  const env = envCalls(vm);
  const wasi = wasiCalls(vm);
  const imports = bare<Record<string, AnyCall>>();
  for (const { module, name } of vm.module.imports) {
    const isWasi = WASI_MODULES.includes(module);
    const table = isWasi ? wasi : module === 'env' ? env : {};
    const known = Object.hasOwn(table, name);
    if (!known) vm.stubs.push(`${module}.${name}`);
    const call = known ? (table[name] as AnyCall) : stubFor(module);
    (imports[module] ??= bare<AnyCall>())[name] = guard(vm, name, call, isWasi || ALWAYS.has(name));
  }
  return imports;
}
