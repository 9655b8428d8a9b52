// A gateway with the driver guest of each version, one tenant for each, and the service behind it.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AbiVersion } from '../../gateway/src/wasm/abi.ts';
import { type GatewayUnderTest, type Program, startReadyGateway } from '../gateway.ts';
import { until } from '../until.ts';
import { GRPC_UPSTREAM, REDIS_UPSTREAM, SERVICE } from './cells/cell.ts';
import { type Ask, ask, type Exchange, type Reply } from './client.ts';
import { driverModule, PROGRAM_HEADER, REPORT_HEADER } from './driver/driver.ts';
import { VERSIONS } from './driver/phases.ts';
import { type Called, readTrace } from './driver/trace.ts';
import { endsInstance, type Plan, planFor, programsOf, type Script } from './plan.ts';
import { startGrpc, startRedis } from './peers.ts';
import { EXCHANGE_HEADER, Service } from './service.ts';

const ANY_PATH = '/abi';
const TRACE_LIMIT_MS = 10_000;

interface Peer {
  readonly port: number;
  stop(): void;
}

type Peers = Readonly<{ service: Service; grpc: Peer; redis: Peer }>;

export class DriverWorld {
  readonly gateway: GatewayUnderTest;
  readonly plans: readonly Plan[];
  readonly #peers: Peers;
  #exchanges = 0;

  private constructor(gateway: GatewayUnderTest, peers: Peers, plans: readonly Plan[]) {
    this.gateway = gateway;
    this.#peers = peers;
    this.plans = plans;
  }

  static async start(directory: string, program: Program = {}): Promise<DriverWorld> {
    const peers = { service: await Service.start(), grpc: await startGrpc(), redis: await startRedis() };
    const plans = VERSIONS.map((abi) => planFor(abi, `127.0.0.1:${peers.service.port}`));
    mkdirSync(directory, { recursive: true });
    for (const plan of plans) {
      writeFileSync(join(directory, `${pluginOf(plan.abi)}.wasm`), await driverModule(plan.abi, programsOf(plan)));
    }
    const files = {
      gateway: { workers: 1, plugins: plans.map(({ abi }) => catalogueEntry(abi)) },
      tenants: Object.fromEntries(plans.map((plan) => [tenantOf(plan.abi), tenantFile(plan, peers)])),
    };
    const gateway = await startReadyGateway(directory, files, { startLimitMs: 60_000, ...program });
    return new DriverWorld(gateway, peers, plans);
  }

  /** Runs one script in an exchange of its own. @param asked what is not as usual */
  async exchange(plan: Plan, script: Script, asked: Partial<Ask> = {}): Promise<Exchange> {
    const id = `x${++this.#exchanges}`;
    const reply = await ask({
      port: this.gateway.port,
      host: hostOf(plan.abi),
      path: `${exchangePath(plan, script)}/things?q=1`,
      method: 'POST',
      headers: {
        [PROGRAM_HEADER]: String(numberOf(plan, script)),
        [EXCHANGE_HEADER]: id,
        'x-one': '1',
        'x-two': ['a', 'b'],
      },
      body: 'request body',
      trailers: { 'x-trailer': 't' },
      ...asked,
    });
    // An instance that ended leaves no more than it had.
    const ended = exchangePath(plan, script) !== ANY_PATH;
    const trace = await this.trace(plan, script, (calls) => ended || calls.some(({ phase }) => phase === 'delete'));
    return { reply, seen: this.#peers.service.take(id), trace };
  }

  /** Starts the instance of a script of the plugin. */
  startRoot(plan: Plan, script: Script): Promise<Reply | null> {
    return ask({ port: this.gateway.port, host: hostOf(plan.abi), path: rootPath(script) });
  }

  /** Puts another module in place of the driver, so that its instances end; its programs leave traces of other names. */
  async endRoots(plan: Plan): Promise<void> {
    const programs = programsOf(plan).map(({ name, blocks }) => ({ name: `next.${name}`, blocks }));
    const path = join(this.gateway.directory, `${pluginOf(plan.abi)}.wasm`);
    writeFileSync(`${path}.next`, await driverModule(plan.abi, programs));
    renameSync(`${path}.next`, path);
  }

  /** What the driver left behind; waits until it is `whole`, and answers what is there when it does not come to be. */
  async trace(
    plan: Plan,
    { program }: Script,
    whole: (calls: readonly Called[]) => boolean,
  ): Promise<readonly Called[]> {
    let last: readonly Called[] = [];
    const look = async (): Promise<readonly Called[]> => (last = await this.#report(plan, program.name));
    try {
      return await until(`the trace of ${program.name}`, look, whole, TRACE_LIMIT_MS);
    } catch {
      return last;
    }
  }

  async #report(plan: Plan, name: string): Promise<readonly Called[]> {
    const { port } = this.gateway;
    const reply = await ask({ port, host: hostOf(plan.abi), path: '/report', headers: { [REPORT_HEADER]: name } });
    return reply?.status === 200 ? readTrace(Buffer.from(reply.body, 'latin1')) : [];
  }

  async stop(): Promise<number | null> {
    const code = await this.gateway.stop();
    for (const peer of Object.values(this.#peers)) peer.stop();
    return code;
  }
}

function numberOf(plan: Plan, script: Script): number {
  return programsOf(plan).indexOf(script.program) + 1;
}

const dashed = (abi: AbiVersion): string => abi.replaceAll('.', '-');
const pluginOf = (abi: AbiVersion): string => `driver-${dashed(abi)}`;
const tenantOf = (abi: AbiVersion): string => `abi-${dashed(abi)}`;
const hostOf = (abi: AbiVersion): string => `v${dashed(abi)}.example.com`;
const rootPath = ({ program }: Script): string => `/root/${program.name}`;

/** Scripts that end their instance have one of their own each, so that none waits until another one is rebuilt. */
function exchangePath(plan: Plan, script: Script): string {
  const index = endingScripts(plan).indexOf(script);
  return index < 0 ? ANY_PATH : `${ANY_PATH}-${letters(index)}`;
}

function endingScripts({ exchanges }: Plan): Script[] {
  return exchanges.filter(({ cells: [cell] }) => cell !== undefined && endsInstance(cell));
}

/** A number without digits, which the driver would take for a program. */
const letters = (index: number): string => String(index).replaceAll(/\d/g, (digit) => 'abcdefghij'[Number(digit)]!);

function catalogueEntry(abi: AbiVersion): object {
  return { name: pluginOf(abi), source: `file:${pluginOf(abi)}.wasm` };
}

function tenantFile(plan: Plan, { service, grpc, redis }: Peers): object {
  const plugin = pluginOf(plan.abi);
  const route = (id: string, path: object, config: object): object => ({
    id,
    match: { path },
    upstream: { service: SERVICE },
    plugins: [{ use: plugin, config }],
  });
  return {
    tenant: tenantOf(plan.abi),
    domains: [hostOf(plan.abi)],
    services: { [SERVICE]: listOf(service), [GRPC_UPSTREAM]: listOf(grpc), [REDIS_UPSTREAM]: listOf(redis) },
    routes: [
      route('exchanges', { prefix: ANY_PATH }, {}),
      ...endingScripts(plan).map((script, index) =>
        route(`ends-${letters(index)}`, { prefix: exchangePath(plan, script) }, { ends: letters(index) }),
      ),
      route('report', { exact: '/report' }, { reads: true }),
      ...plan.roots.map((script) =>
        route(
          script.program.name.replaceAll('.', '-'),
          { exact: rootPath(script) },
          { program: numberOf(plan, script) },
        ),
      ),
    ],
  };
}

const listOf = ({ port }: Peer): object => ({ static: [{ address: `127.0.0.1:${port}` }] });
