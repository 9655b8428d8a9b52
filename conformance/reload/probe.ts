// Loaded first by every thread of a gateway under test: measures loops and memory of the workers, knows which worker has
// which connection, and ends workers when it is told to. Nothing of it is in the gateway.
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BroadcastChannel, isMainThread, threadName, type Worker } from 'node:worker_threads';
import { LoopWatch } from './loop-watch.ts';
import type { FromProbe, Threads, ToProbe } from './probe-client.ts';

const WORKERS = 'sluice-worker-';
const channel = new BroadcastChannel('sluice-reload-probe');
channel.unref();

if (isMainThread) serveTheSuite();
else if (threadName?.startsWith(WORKERS) === true) watchThisWorker(threadName.slice(WORKERS.length) as Threads);

function serveTheSuite(): void {
  const workers = new Map<string, Worker>();
  process.on('worker', (worker) => {
    const { threadName } = worker;
    if (threadName === null || !threadName.startsWith(WORKERS)) return;
    workers.set(threadName, worker);
    worker.once('exit', () => {
      if (workers.get(threadName) === worker) workers.delete(threadName);
    });
  });
  channel.onmessage = ({ data }: { readonly data: unknown }) => tell(data as FromProbe);
  process.on('message', (message: ToProbe) => {
    if (message.kind === 'end') {
      void workers.get(WORKERS + String(message.worker))?.terminate();
      return;
    }
    if (message.kind === 'memory') tell({ id: message.id, thread: 'main', heapMiB: heapMiB() });
    channel.postMessage(message);
  });
  process.channel?.unref();
}

function tell(message: FromProbe): void {
  process.send?.(message);
}

function watchThisWorker(thread: Threads): void {
  const loop = new LoopWatch();
  const connections = new Set<number>();
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { readonly socket: Socket };
    const { remotePort = 0 } = socket;
    connections.add(remotePort);
    socket.once('close', () => connections.delete(remotePort));
  });
  channel.onmessage = ({ data }: { readonly data: unknown }) => {
    const { kind, id } = data as ToProbe;
    if (kind === 'loop') channel.postMessage({ id, thread, loop: loop.take() } satisfies FromProbe);
    if (kind === 'connections') channel.postMessage({ id, thread, connections: [...connections] } satisfies FromProbe);
    if (kind === 'memory') channel.postMessage({ id, thread, heapMiB: heapMiB() } satisfies FromProbe);
  };
}

/** Of this thread, without garbage. */
function heapMiB(): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
