// A thousand tenants with five plugins each: their VMs come with the first use, and make room for others.
import { rssMiB, total } from '../figures.ts';
import { type GatewayUnderTest, startReadyGateway } from '../gateway.ts';
import type { CaseOutcome } from '../suite.ts';
import { tenantDomain, tenantName, tenantText } from '../tenants-maker.ts';
import { check, until } from '../until.ts';
import { REVISION_PATH, revisionRoute } from './editor.ts';
import { Files } from './files.ts';
import { markerModules } from './plugin/modules.ts';
import { PROBE, Probe } from './probe-client.ts';
import { Witness } from './witness.ts';
import { WORKERS } from './world.ts';

const PLUGINS = ['p0', 'p1', 'p2', 'p3', 'p4'];
const TENANTS = 1_000;
/** With these there are more uses than VMs may be. */
const LATER = 250;
/** The gateway's `pluginVmsPerProcess`. */
const MOST_VMS = 12_000;
const START_LIMIT_MS = 90_000;
const ADD_LIMIT_MS = 60_000;

export async function servesThousandsOfVms(directory: string): Promise<CaseOutcome> {
  const files = new Files(directory);
  files.write('marker.wasm', (await markerModules()).v1);
  writeTenants(files, 0, TENANTS);
  const begun = performance.now();
  const gateway = await startReadyGateway(directory, filesOf(), { preload: PROBE, startLimitMs: START_LIMIT_MS });
  const startS = (performance.now() - begun) / 1000;
  const none = await vmsOf(gateway);
  check(none === 0, 'no VM before the first use', none);
  const idleRssMiB = rssMiB(gateway.pid);
  const witness = await Witness.open(
    new Probe(gateway.child, WORKERS),
    { port: gateway.port },
    tenantDomain(0),
    REVISION_PATH,
  );
  const firstMs = await askAll(witness, 0, TENANTS);
  const vms = await vmsOf(gateway);
  check(vms === TENANTS * PLUGINS.length * WORKERS, 'a VM for each use in each worker', vms);
  const fullRssMiB = rssMiB(gateway.pid);
  writeTenants(files, TENANTS, TENANTS + LATER);
  await untilServed(witness, TENANTS + LATER - 1);
  await askAll(witness, TENANTS, TENANTS + LATER);
  const crowded = await vmsOf(gateway);
  check(crowded === MOST_VMS, `${MOST_VMS} VMs`, crowded);
  await askAll(witness, 0, LATER);
  const evictions = total((await gateway.admin('/metrics')).body, 'sluice_plugin_evictions_total');
  check(evictions > 0, 'VMs that made room', evictions);
  witness.close();
  const code = await gateway.stop();
  check(code === 0, 'exit code 0', code);
  const measured = {
    startS: Number(startS.toFixed(1)),
    firstUseMs: Number((firstMs / TENANTS).toFixed(2)),
    vms,
    vmsAtMost: crowded,
    evictions,
    idleRssMiB,
    fullRssMiB,
  };
  return { detail: 'every tenant is served by each worker, before and after VMs had to make room', measured };
}

function filesOf() {
  const plugins = PLUGINS.map((name) => ({ name, source: 'file:marker.wasm' }));
  return { gateway: { workers: WORKERS, plugins, accessLog: { path: 'off' } }, tenants: {} };
}

function writeTenants(files: Files, from: number, to: number): void {
  const made = { tenants: to, routes: 10, plugins: PLUGINS };
  for (let index = from; index < to; index++) {
    files.writeTenant(tenantName(index), `${tenantText(index, made)}${revisionRoute(1)}`);
  }
}

/** Asks each tenant over each connection; resolves to the milliseconds that it took. */
async function askAll(witness: Witness, from: number, to: number): Promise<number> {
  const start = performance.now();
  for (let index = from; index < to; index++) {
    for (const { status, head } of await witness.all(tenantDomain(index), REVISION_PATH)) {
      check(status === 200 && head.includes('\r\nx-version: v1'), `${tenantDomain(index)} through its plugins`, head);
    }
  }
  return performance.now() - start;
}

async function untilServed(witness: Witness, index: number): Promise<void> {
  await until(
    `${tenantDomain(index)} to be served`,
    () => witness.all(tenantDomain(index), REVISION_PATH),
    (answers) => answers.every(({ status }) => status === 200),
    ADD_LIMIT_MS,
  );
}

async function vmsOf(gateway: GatewayUnderTest): Promise<number> {
  return total((await gateway.admin('/metrics')).body, 'sluice_plugin_instances');
}
