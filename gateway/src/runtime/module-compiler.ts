import { Worker } from 'node:worker_threads';
import { type ModuleOptions, type PreparedModule, prepareModule } from '../wasm/module.ts';

/** What the thread is to do. */
export interface ModuleJob {
  readonly bytes: Uint8Array;
  readonly options: ModuleOptions;
}

/** What became of it. */
export type ModuleAnswer = { readonly module: PreparedModule } | { readonly refusal: string };

/** Smaller modules are ready sooner than a thread is; larger ones would keep this one for 50 to 100 ms a megabyte. */
const INLINE_BYTES = 128 * 1024;

/**
 * Checks, meters and compiles a module while this thread goes on: what `prepareModule` does, in a thread of its own.
 * @throws Error with what `prepareModule` says
 */
export async function compileAside(bytes: Uint8Array, options: ModuleOptions): Promise<PreparedModule> {
  if (bytes.length < INLINE_BYTES) return prepareModule(bytes, options);
  // Compiled code and sources stand side by side, each with its own extension.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const thread = new Worker(new URL(`./module-thread.${extension}`, import.meta.url), {
    name: 'sluice-modules',
    workerData: { bytes, options } satisfies ModuleJob,
  });
  try {
    const answer = await answerOf(thread);
    if ('module' in answer) return answer.module;
    throw new Error(answer.refusal);
  } finally {
    await thread.terminate();
  }
}

function answerOf(thread: Worker): Promise<ModuleAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ModuleAnswer>();
  thread.on('message', resolve);
  thread.on('error', reject);
  thread.on('exit', (code) => reject(new Error(`the thread that compiled the module ended with code ${code}`)));
  return promise;
}
