import { parentPort, workerData } from 'node:worker_threads';
import { prepareModule } from '../wasm/module.ts';
import type { ModuleAnswer, ModuleJob } from './module-compiler.ts';

// The entry of a thread that prepares one module.
const { bytes, options } = workerData as ModuleJob;
const tell = (answer: ModuleAnswer): void => parentPort!.postMessage(answer);
try {
  tell({ module: await prepareModule(bytes, options) });
} catch (error) {
  tell({ refusal: error instanceof Error ? error.message : String(error) });
}
