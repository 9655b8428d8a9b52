import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerInit } from '../runtime/feed.ts';
import { TrafficWorker } from './worker.ts';

// The entry of a worker thread; everything it needs comes as workerData and through the port.
TrafficWorker.start(workerData as WorkerInit, parentPort!);
