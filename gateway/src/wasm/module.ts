import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { ABI_MARKERS, type AbiVersion } from './abi.ts';
import { ModuleError } from './binary.ts';
import { type PluginManifest, readManifest } from './manifest.ts';
import { allowsHostCall, DEFAULT_PERMISSIONS, type HostCallRules } from './permissions.ts';
import { type AddedExports, PAGE_BYTES, rewriteModule } from './rewrite.ts';
import { External, type ModuleImport, type ModuleOutline, readOutline } from './sections.ts';

export interface ModuleOptions {
  /** How messages name it, such as the path of the file. */
  readonly name: string;
  /** Most linear memory of an instance, in bytes; rounded down to pages of 64 KiB. */
  readonly memory: number;
  /** Instructions that start-up code (start section, `_initialize`) may take before vm_start. */
  readonly startFuel: number;
  /** Host calls that it may import; default all. */
  readonly hostCalls?: HostCallRules;
}

/** A checked, metered and compiled module. Plain data: it crosses threads by structured clone, compiled code included. */
export interface PreparedModule {
  readonly name: string;
  /** SHA-256 of the bytes as they came, lower-case hex. */
  readonly digest: string;
  readonly abi: AbiVersion;
  readonly module: WebAssembly.Module;
  readonly added: AddedExports;
  readonly imports: readonly ModuleImport[];
  /** Names of the exported functions. */
  readonly exports: readonly string[];
  readonly memory: number;
  /** Bytes of linear memory that an instance is born with. */
  readonly initialMemory: number;
  readonly startFuel: number;
  /** What it says of itself; null: nothing that can be read. */
  readonly manifest: PluginManifest | null;
  /** What is wrong with that, or ''. It runs all the same. */
  readonly manifestProblem: string;
}

/**
 * Compiles all functions now, on other threads. By default V8 compiles each at its first call, in the middle of an
 * exchange (30 ms for 4 000 functions). The flag holds for the process and costs its other few modules nothing.
 */
async function compile(bytes: Uint8Array): Promise<WebAssembly.Module> {
  setFlagsFromString('--no-wasm-lazy-compilation');
  // Eager compilation does not keep the process alive by itself.
  const hold = setInterval(() => {}, 60_000);
  try {
    return await WebAssembly.compile(bytes);
  } finally {
    clearInterval(hold);
  }
}

/** @internal @throws ModuleError: none of the exported functions marks a version that this host speaks. */
export function findAbi(exports: readonly string[]): AbiVersion {
  for (const name of exports) {
    if (Object.hasOwn(ABI_MARKERS, name)) return ABI_MARKERS[name]!;
  }
  const marker = exports.find((name) => name.startsWith('proxy_abi_'));
  if (marker !== undefined) {
    throw new ModuleError(`it is marked ${marker}, which is not supported; build it for Proxy-Wasm 0.2.1 or older`);
  }
  throw new ModuleError('it has no Proxy-Wasm marker; export a function named proxy_abi_version_0_2_1');
}

function checkImports({ imports }: Pick<ModuleOutline, 'imports'>, rules: HostCallRules): void {
  const refused = imports.find(({ name }) => !allowsHostCall(rules, name));
  if (refused === undefined) return;
  throw new ModuleError(
    `it imports ${refused.module}.${refused.name}, which allow.hostCalls does not let it call; allow it, or build without it`,
  );
}

/** @internal @throws ModuleError: they are not a module that the engine takes as it is. */
export function checkBytes(bytes: Uint8Array): void {
  if (bytes.length > LIMITS.pluginModuleBytes) {
    throw new ModuleError(
      `it has ${bytes.length} bytes, more than ${LIMITS.pluginModuleBytes}; strip debug information`,
    );
  }
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d) {
    throw new ModuleError('it is not a WebAssembly module; build the plugin and name its .wasm file');
  }
  // As shipped, before anything is added: a module that writes to a global it does not have must not gain one.
  if (!WebAssembly.validate(bytes)) throw new ModuleError('it is damaged or not valid WebAssembly; build it again');
}

async function prepare(bytes: Uint8Array, options: ModuleOptions): Promise<PreparedModule> {
  const digest = createHash('sha256').update(bytes).digest('hex');
  checkBytes(bytes);
  const outline = readOutline(bytes);
  const exports = outline.exports.filter((entry) => entry.kind === External.function).map((entry) => entry.name);
  const abi = findAbi(exports);
  checkImports(outline, options.hostCalls ?? DEFAULT_PERMISSIONS.hostCalls);
  const pages = Math.min(Math.floor(options.memory / PAGE_BYTES), PAGE_BYTES);
  const rewritten = rewriteModule(outline, { pages, startFuel: options.startFuel });
  const { manifest, problem } = readManifest(bytes);
  return {
    name: options.name,
    digest,
    abi,
    module: await compile(rewritten.bytes),
    added: rewritten.added,
    imports: outline.imports,
    exports,
    memory: pages * PAGE_BYTES,
    initialMemory: outline.memory.initial * PAGE_BYTES,
    startFuel: options.startFuel,
    manifest,
    manifestProblem: problem,
  };
}

/**
 * Checks, meters and compiles a plugin module. Compilation runs off the thread; rewriting takes about 15 ms per MB.
 *
 * @throws GatewayError SLUICE_PLUGIN_INVALID: not a module this gateway can run; the detail says what to change.
 */
export async function prepareModule(bytes: Uint8Array, options: ModuleOptions): Promise<PreparedModule> {
  try {
    return await prepare(bytes, options);
  } catch (error) {
    throw invalid(options.name, error);
  }
}

/**
 * Checks a module that was prepared without rules, or with others.
 *
 * @param name how the message calls it
 * @throws GatewayError SLUICE_PLUGIN_INVALID: it imports a host call that the rules do not let it call.
 */
export function checkHostCalls(module: PreparedModule, rules: HostCallRules, name: string): void {
  try {
    checkImports(module, rules);
  } catch (error) {
    throw invalid(name, error);
  }
}

function invalid(name: string, error: unknown): GatewayError {
  const reason = error instanceof Error ? error.message : String(error);
  return new GatewayError('SLUICE_PLUGIN_INVALID', `plugin module ${name}: ${reason}`, { cause: error });
}
