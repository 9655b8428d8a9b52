import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reasonOf } from '../config/files.ts';
import type { Output } from './output.ts';
import { isSystemError } from './system-error.ts';

/** A command on a plugin's folder cannot be tried; the message says what would help. */
export class PluginFolderError extends Error {}

/** What a build has made, as `@sluice/plugin-sdk/compile` tells it. */
export interface CompiledPlugin {
  /** The module's file. */
  readonly path: string;
  /** Bytes of the module. */
  readonly size: number;
  /** False: nothing had changed since the last build. */
  readonly compiled: boolean;
  /** What the compiler has to say about a module it has made, usually ''. */
  readonly warnings: string;
  readonly manifest: PluginManifest;
  readonly sections: readonly { readonly name: string; readonly bytes: number }[];
}

/** The part of a manifest that the tools look at. */
export interface PluginManifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly phases: readonly string[];
  readonly permissions: Readonly<Record<string, unknown>>;
  /** JSON Schema of the configuration; absent: the plugin reads it by hand. */
  readonly config?: { readonly properties?: Readonly<Record<string, unknown>>; readonly required?: readonly string[] };
}

export interface BuildRequest {
  readonly folder: string;
  /** Keep the names of functions in the module. */
  readonly debug?: boolean;
  /** Ends the compiler; the build then fails. */
  readonly signal?: AbortSignal;
}

interface CompileApi {
  compilePlugin(request: BuildRequest): Promise<CompiledPlugin>;
}

/** What a build came to. */
export type BuildOutcome =
  | { readonly plugin: CompiledPlugin; readonly error: null }
  /** What the compiler says: file, line and excerpt. */
  | { readonly plugin: null; readonly error: string };

/** A plugin's folder, and the compiler that is installed there. */
export class PluginFolder {
  /** Absolute. */
  readonly path: string;
  readonly #api: CompileApi;

  private constructor(path: string, api: CompileApi) {
    this.path = path;
    this.#api = api;
  }

  /** @throws PluginFolderError when this is no plugin's folder, or the SDK is not installed there */
  static async open(folder: string): Promise<PluginFolder> {
    const path = resolve(folder);
    for (const file of ['plugin.json', 'assembly/plugin.ts']) {
      if (existsSync(join(path, file))) continue;
      const remedy = 'go into the folder of a plugin, or make one with: sluice plugin new NAME';
      throw new PluginFolderError(`${path} has no ${file}: this is no plugin's folder; ${remedy}`);
    }
    return new PluginFolder(path, await loadCompiler(path));
  }

  /** Builds what is there, if it has changed. @throws PluginFolderError when the files cannot be read or written */
  async build(options: Omit<BuildRequest, 'folder'> = {}): Promise<BuildOutcome> {
    try {
      return { plugin: await this.#api.compilePlugin({ folder: this.path, ...options }), error: null };
    } catch (error) {
      // A class of another package, and of any version of it.
      if (error instanceof Error && error.name === 'PluginCompileError') return { plugin: null, error: error.message };
      if (!isSystemError(error)) throw error;
      const place = error.path ?? this.path;
      throw new PluginFolderError(`the plugin cannot be built: ${place} cannot be used (${reasonOf(error)})`);
    }
  }
}

/** Builds, and prints what the compiler has to say. Resolves to null when it does not compile, or was ended by the signal. */
export async function buildAndTell(
  folder: PluginFolder,
  output: Output,
  signal?: AbortSignal,
): Promise<CompiledPlugin | null> {
  const { plugin, error } = await folder.build(signal === undefined ? {} : { signal });
  if (signal?.aborted === true) return null;
  if (plugin === null) output.printError(error);
  else if (plugin.warnings !== '') output.printError(plugin.warnings);
  return plugin;
}

/** File that a package of a folder exports under this name, as the folder's own modules find it; null: it is not installed. */
export function installedFile(folder: string, name: string): string | null {
  try {
    return createRequire(join(folder, 'plugin.json')).resolve(name);
  } catch {
    return null;
  }
}

const SDK = '@sluice/plugin-sdk';

async function loadCompiler(folder: string): Promise<CompileApi> {
  const entry = installedFile(folder, `${SDK}/compile`);
  if (entry !== null) {
    const api = (await import(pathToFileURL(entry).href)) as Partial<CompileApi>;
    if (typeof api.compilePlugin === 'function') return { compilePlugin: api.compilePlugin };
  }
  const found = entry ?? installedFile(folder, `${SDK}/package.json`);
  throw new PluginFolderError(
    found === null
      ? `${SDK} is not installed in ${folder}; run there: npm install`
      : `${found} is of an ${SDK} that cannot build plugins; install the version of this gateway`,
  );
}
