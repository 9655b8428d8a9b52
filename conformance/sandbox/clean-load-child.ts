// Requests at a fixed rate whatever the answers do, in a process of its own; told what to do by its parent, see clean-load.ts.
import { KeepAliveClient } from '../reload/client.ts';
import type { CleanLoadOptions, CleanSample } from './clean-load.ts';

const CLIENTS = 32;
const MOST_FAILURES = 5;

const options = JSON.parse(process.argv[2]!) as CleanLoadOptions;
const idle = Array.from({ length: CLIENTS }, () => new KeepAliveClient(() => ({ port: options.port })));
let latencies: number[] = [];
let failed = 0;
let failures: string[] = [];
let sent = 0;
const start = performance.now();

/** @param due when it was to be sent: what it waits before that counts as well */
async function ask(client: KeepAliveClient, due: number): Promise<void> {
  const { host, paths, expect } = options;
  try {
    const answer = await client.get(host, paths[sent % paths.length]!);
    if (answer.status !== 200 || !answer.head.includes(expect)) fail(answer.head.split('\r\n', 3).join(' | '));
  } catch (error) {
    fail(String(error));
  }
  latencies.push(performance.now() - due);
  idle.push(client);
}

function fail(what: string): void {
  failed++;
  if (failures.length < MOST_FAILURES) failures.push(what);
}

function sendDue(): void {
  const due = ((performance.now() - start) * options.perSecond) / 1000;
  while (sent < due) {
    // Beyond these many at once every further one takes a new connection, as new clients do.
    const client = idle.shift() ?? new KeepAliveClient(() => ({ port: options.port }));
    void ask(client, start + (sent * 1000) / options.perSecond);
    sent++;
  }
}

process.on('message', () => {
  const sample: CleanSample = { latencies, failed, failures };
  latencies = [];
  failed = 0;
  failures = [];
  process.send?.(sample);
});
process.on('disconnect', () => process.exit(0));
setInterval(sendDue, 2);
