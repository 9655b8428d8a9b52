// All devices lose their connections at the same moment, and come back.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descriptorsOf, percentile, rounded, rssMiB, total } from '../figures.ts';
import { type GatewayUnderTest, startReadyGateway } from '../gateway.ts';
import type { CaseOutcome, Measured, Suite, SuiteRun } from '../suite.ts';
import { check, until } from '../until.ts';
import { startUpstream } from '../upstream.ts';
import { StormClients, type StormReport } from './clients.ts';
import { Watch } from './watch.ts';

const HOST = 'app.home.example.com';
const CLIENTS = 10_000;
const CLIENT_PROCESSES = 2;
const STORM_LIMIT_MS = 90_000;
const RECOVERY_LIMIT_MS = 20_000;
/** A client that is connected already may not wait longer than this, whatever comes in. */
const LONGEST_WAIT_MS = 5_000;
/** Of the gateway: its clients, its connections to the service, and its own. */
const DESCRIPTORS = 15_000;
const CERTIFICATES = join(import.meta.dirname, '../../gateway/src/upstream/fixtures');

/** 10 000 TLS clients against two workers. */
export const stormSuite: Suite = {
  name: 'storm',
  async run(run: SuiteRun): Promise<void> {
    run.server = 'reconnect storm';
    run.version = `${CLIENTS} TLS clients`;
    if (descriptorLimit() < DESCRIPTORS) {
      run.skip('the storm', `a process may open ${descriptorLimit()} files; raise the limit to ${DESCRIPTORS}`);
      return;
    }
    const logs = mkdtempSync(join(tmpdir(), 'sluice-storm-'));
    const upstream = await startUpstream('device');
    const gateway = await startReadyGateway(logs, filesOf(upstream.port));
    const clients = await StormClients.start(gateway.port, HOST, CLIENTS, CLIENT_PROCESSES);
    const watch = new Watch(gateway, HOST);
    try {
      const before = { descriptors: descriptorsOf(gateway.pid), rssMiB: rssMiB(gateway.pid) };
      watch.start();
      await run.case('all clients come at once, and are served', () => storm(clients, watch, false), logs);
      clients.leave();
      await connectionsGone(gateway);
      watch.take();
      await run.case('all come back at once with session tickets', () => storm(clients, watch, true), logs);
      clients.leave();
      await run.case('what they took comes back', () => recovered(gateway, watch, before), logs);
    } finally {
      watch.stop();
      await clients.stop();
      await gateway.stop();
      await upstream.stop();
    }
  },
};

/** Node raises the soft limit of open files to the hard one. */
function descriptorLimit(): number {
  const hard = /^Max open files +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard);
}

function filesOf(upstreamPort: number) {
  const certFile = join(CERTIFICATES, 'upstream-cert.pem');
  const keyFile = join(CERTIFICATES, 'upstream-key.pem');
  const tls = { certificates: [{ certFile, keyFile }] };
  return {
    gateway: {
      workers: 2,
      listeners: [{ name: 'http', address: '127.0.0.1', port: 0, tls }],
      accessLog: { path: 'off' },
    },
    tenants: {
      home: {
        tenant: 'home',
        domains: [HOST],
        services: { device: { static: [{ address: `127.0.0.1:${upstreamPort}` }] } },
        routes: [{ id: 'device', upstream: { service: 'device' } }],
      },
    },
  };
}

async function storm(clients: StormClients, watch: Watch, resuming: boolean): Promise<CaseOutcome> {
  const report = await clients.come(STORM_LIMIT_MS);
  const seen = watch.take();
  const measured = { ...inNumbers(report), ...rounded({ ...seen }) };
  check(report.servedMs.length === CLIENTS, `${CLIENTS} clients served`, measured);
  check(report.unexpected.length === 0, 'nothing but answers and honest refusals', report.unexpected);
  check(seen.failed === 0, 'no failure of the client that was there before', measured);
  check(seen.requests > 0, 'answers to the client that was there before', measured);
  check(seen.slowestMs < LONGEST_WAIT_MS, `its answers within ${LONGEST_WAIT_MS} ms`, measured);
  if (resuming) check(report.resumed === report.handshakesMs.length, 'every session to be resumed', measured);
  const served = `${CLIENTS} clients served within ${(Math.max(...report.servedMs) / 1000).toFixed(1)} s`;
  return { detail: served, measured };
}

function connectionsGone(gateway: GatewayUnderTest): Promise<number> {
  return until(
    'no connection but the one that was there before',
    async () => total((await gateway.admin('/metrics')).body, 'sluice_listener_connections'),
    (connections) => connections <= 1,
    RECOVERY_LIMIT_MS,
  );
}

async function recovered(
  gateway: GatewayUnderTest,
  watch: Watch,
  before: { descriptors: number; rssMiB: number },
): Promise<CaseOutcome> {
  await connectionsGone(gateway);
  watch.stop();
  // Idle connections to the service close after some seconds.
  const descriptors = await until(
    `as many descriptors as before (${before.descriptors})`,
    () => descriptorsOf(gateway.pid),
    (now) => now <= before.descriptors,
    RECOVERY_LIMIT_MS,
  );
  const page = (await gateway.admin('/metrics')).body;
  check(total(page, 'sluice_overload_level') === 0, 'no overload any more', total(page, 'sluice_overload_level'));
  const measured = { descriptors, rssMiBBefore: before.rssMiB, rssMiBAfter: rssMiB(gateway.pid) };
  return { detail: 'descriptors are as before, and no worker is overloaded', measured };
}

function inNumbers({ attempts, refused, turnedAway, resumed, handshakesMs, servedMs }: StormReport): Measured {
  return rounded({
    attempts,
    ...refused,
    ...turnedAway,
    handshakes: handshakesMs.length,
    resumed,
    handshakeP50Ms: percentile(handshakesMs, 0.5),
    handshakeP99Ms: percentile(handshakesMs, 0.99),
    servedP50Ms: percentile(servedMs, 0.5),
    servedMaxMs: percentile(servedMs, 1),
  });
}
