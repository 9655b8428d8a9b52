// The scenarios with each guest, on a gateway with several workers.
import { mkdirSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GatewayUnderTest, startReadyGateway } from '../gateway.ts';
import type { CaseOutcome } from '../suite.ts';
import { check, Unmet, until } from '../until.ts';
import { GRPC_UPSTREAM, SERVICE } from './cells/cell.ts';
import { ask, type Reply } from './client.ts';
import type { Guest } from './guests.ts';
import { startGrpc } from './peers.ts';
import { type Scenario, SCENARIOS } from './scenarios.ts';
import { EXCHANGE_HEADER, Service } from './service.ts';

const WORKERS = 2;
const TOGETHER = 40;
const LIMIT_MS = 20_000;
const HOST = 'guest.example.com';

export class GuestWorld {
  readonly guest: Guest;
  readonly gateway: GatewayUnderTest;
  readonly #service: Service;
  readonly #stop: () => void;
  #exchanges = 0;

  private constructor(guest: Guest, gateway: GatewayUnderTest, service: Service, stop: () => void) {
    this.guest = guest;
    this.gateway = gateway;
    this.#service = service;
    this.#stop = stop;
  }

  static async start(guest: Guest, module: string, directory: string): Promise<GuestWorld> {
    const [service, grpc] = [await Service.start(), await startGrpc()];
    mkdirSync(directory, { recursive: true });
    copyFileSync(module, join(directory, 'guest.wasm'));
    const listOf = ({ port }: { port: number }): object => ({ static: [{ address: `127.0.0.1:${port}` }] });
    const tenant = {
      tenant: 'guests',
      domains: [HOST],
      services: { [SERVICE]: listOf(service), [GRPC_UPSTREAM]: listOf(grpc) },
      plugins: [{ use: 'guest', config: { greeting: 'hello' } }],
      routes: [{ id: 'any', match: { path: { prefix: '/' } }, upstream: { service: SERVICE } }],
    };
    const sections = { workers: WORKERS, plugins: [{ name: 'guest', source: 'file:guest.wasm' }] };
    const files = { gateway: sections, tenants: { guests: tenant } };
    const gateway = await startReadyGateway(directory, files, { startLimitMs: 60_000 });
    return new GuestWorld(guest, gateway, service, () => {
      service.stop();
      grpc.stop();
    });
  }

  /** One scenario. @throws Unmet */
  async run(scenario: Scenario): Promise<CaseOutcome> {
    const { name, logs = [], silent = [], metrics = [] } = scenario;
    if (name === 'panic') return this.#panic(scenario);
    if (name === 'shared') return this.#count(scenario);
    await this.#once(scenario);
    const log = await until(
      `lines ${logs.join(', ')} in the log`,
      () => this.gateway.processLog(),
      (text) => logs.every((line) => text.includes(line)),
      LIMIT_MS,
    );
    for (const line of silent) check(!log.includes(line), `no line ${line} in the log`, line);
    if (metrics.length > 0) {
      const look = async (): Promise<string> => (await this.gateway.admin('/metrics')).body;
      await until(`metrics ${metrics.join(', ')}`, look, (text) => metrics.every((line) => line.test(text)), LIMIT_MS);
    }
    return { detail: 'as in every language' };
  }

  async #once(scenario: Scenario): Promise<Reply | null> {
    const id = `g${++this.#exchanges}`;
    const { headers, ...asked } = scenario.ask ?? {};
    const reply = await ask({
      port: this.gateway.port,
      host: HOST,
      path: '/things?q=1',
      headers: { 'x-scenario': scenario.name, [EXCHANGE_HEADER]: id, ...headers },
      ...asked,
    });
    const problem = scenario.problem(reply, this.#service.take(id));
    if (problem !== null)
      throw new Unmet(`${scenario.name} as described`, `${problem}; answer: ${JSON.stringify(reply)}`);
    return reply;
  }

  /** Many at once, in all workers: each gets a number of its own, and none is left out. */
  async #count(scenario: Scenario): Promise<CaseOutcome> {
    const replies = await Promise.all(Array.from({ length: TOGETHER }, () => this.#once(scenario)));
    const counts = replies.map((reply) => Number(reply?.body)).sort((a, b) => a - b);
    const right = counts.every((count, index) => count === index + 1);
    check(right, `the numbers 1 to ${TOGETHER}, each once`, counts);
    return { detail: `${TOGETHER} exchanges in ${WORKERS} workers counted without a gap` };
  }

  /** The exchange fails, the next ones do not. */
  async #panic(scenario: Scenario): Promise<CaseOutcome> {
    const reply = await ask({
      port: this.gateway.port,
      host: HOST,
      path: '/things',
      headers: { 'x-scenario': scenario.name },
    });
    check(reply?.status === 503 && reply.body.includes('SLUICE_PLUGIN_FAILED'), '503 SLUICE_PLUGIN_FAILED', reply);
    await until(
      'the next exchange on a new instance',
      () => ask({ port: this.gateway.port, host: HOST, path: '/things', headers: { 'x-scenario': 'config' } }),
      (next) => next?.status === 200,
      LIMIT_MS,
    );
    return { detail: '503, and the next exchange is served' };
  }

  async stop(): Promise<number | null> {
    const code = await this.gateway.stop();
    this.#stop();
    return code;
  }
}

/** The scenarios of a guest; the crash comes last. */
export function scenariosOf({ without }: Guest): Scenario[] {
  return SCENARIOS.filter(({ name }) => without[name] === undefined);
}
