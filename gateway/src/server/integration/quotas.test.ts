import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, codeOf, eventually, HOST, HttpUpstream, type Reply } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';

/** An upstream that answers when it is told to. */
class PatientUpstream extends HttpUpstream {
  readonly #held: ServerResponse[] = [];
  /** Most requests that were there at once. */
  most = 0;
  active = 0;
  holding = true;

  constructor() {
    super('main', (_request, response) => {
      this.most = Math.max(this.most, ++this.active);
      response.on('close', () => this.active--);
      if (this.holding) this.#held.push(response);
      else response.end('main');
    });
  }

  release(): void {
    this.holding = false;
    for (const response of this.#held.splice(0)) response.end('main');
  }
}

const ACTIVE = 'sluice_tenant_active_exchanges{tenant="a"}';

let rig: GatewayRig | null = null;
let upstream: PatientUpstream;

afterEach(async () => {
  await rig?.stop();
  rig = null;
  await upstream.close();
});

async function start(quotas: Record<string, unknown>, workers: number, tenant = {}): Promise<GatewayRig> {
  upstream = await new PatientUpstream().open();
  return (rig = await GatewayRig.start({
    gateway: { workers, tenants: { directory: 'tenants', ...quotas } },
    tenants: {
      a: tenantA(tenant),
      b: tenantA({ tenant: 'b', domains: ['b.example'], routes: [{ id: 'all', respond: { body: 'b' } }] }),
    },
    services: { main: [upstream.address] },
  }));
}

function count(replies: readonly Reply[], status: number): number {
  return replies.filter((reply) => reply.status === status).length;
}

describe('quotas of a tenant', () => {
  it('bound its exchanges in all workers together, and outlive a worker', { timeout: 60_000 }, async () => {
    const { port } = await start({ quotas: { concurrency: 3 } }, 2);
    const replies: Reply[] = [];
    const asked = Array.from({ length: 40 }, () => ask(port).then((reply) => replies.push(reply), String));
    await eventually(() => count(replies, 503)).toBe(37);
    await eventually(() => upstream.active).toBe(3);
    expect(upstream.most).toBe(3);
    for (const reply of replies) {
      expect(codeOf(reply)).toBe('SLUICE_QUOTA_CONCURRENCY');
      expect(reply.headers['retry-after']).toBe('1');
    }
    // Other tenants have their own.
    expect((await ask(port, { host: 'b.example' })).status).toBe(200);
    expect(await rig!.metric(ACTIVE)).toBe(3);
    expect(await rig!.metric('sluice_tenant_quota_refused_total{tenant="a",quota="concurrency"}')).toBe(37);

    await Promise.all([0, 1].map((seat) => rig!.process.supervisor.terminate(seat)));
    await Promise.all(asked);
    expect(await rig!.metric(ACTIVE)).toBe(0);
  });

  it('bound the requests per second', async () => {
    const { port } = await start({ overrides: { a: { quotas: { requestsPerSecond: 1, burst: 5 } } } }, 0);
    upstream.release();
    const replies = await Promise.all(Array.from({ length: 30 }, () => ask(port)));
    const refused = replies.filter(({ status }) => status !== 200);
    expect(replies.length - refused.length).toBeGreaterThanOrEqual(5);
    expect(refused.length).toBeGreaterThan(0);
    for (const reply of refused) {
      expect([reply.status, codeOf(reply)]).toEqual([429, 'SLUICE_QUOTA_RATE']);
      expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
    expect(upstream.seen).toHaveLength(replies.length - refused.length);
    const metric = 'sluice_tenant_quota_refused_total{tenant="a",quota="rate"}';
    expect(await rig!.metric(metric)).toBe(refused.length);
    await eventually(
      () =>
        rig!.directory.lines.filter(
          (line) => line['response_code_details'] === 'SLUICE_QUOTA_RATE' && line['response_flags'] === 'RL',
        ).length,
    ).toBe(refused.length);
  });

  it('get a place back however its exchange ends', async () => {
    const routes = [
      { id: 'slow', match: { path: { prefix: '/slow' } }, upstream: { service: 'main' } },
      { id: 'fixed', match: { path: { prefix: '/fixed' } }, respond: { body: 'x' } },
      {
        id: 'short',
        match: { path: { prefix: '/short' } },
        upstream: { service: 'main' },
        timeouts: { request: '50ms' },
      },
    ];
    const { port } = await start({ quotas: { concurrency: 1 } }, 0, { routes });
    const free = () => eventually(() => rig!.metric(ACTIVE)).toBe(0);
    expect((await ask(port, { path: '/fixed' })).status).toBe(200);
    await free();
    expect((await ask(port, { path: '/nothing' })).status).toBe(404);
    await free();
    expect((await ask(port, { path: '/short' })).status).toBe(504);
    await free();
    // A client that leaves while its service is asked.
    const client = connect(port, '127.0.0.1');
    client.on('error', () => {});
    client.write(`GET /slow HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
    await eventually(() => upstream.seen.filter(({ url }) => url === '/slow').length).toBe(1);
    expect(await rig!.metric(ACTIVE)).toBe(1);
    client.destroy();
    await free();
    // Requests of one connection, one after the other and all at once.
    const both = connect(port, '127.0.0.1');
    let text = '';
    both.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    both.write(`GET /fixed HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`.repeat(5));
    await eventually(() => text.split('200 OK').length - 1).toBe(5);
    both.destroy();
    await free();
  });

  it('belong to the tenant, whatever becomes of its file', async () => {
    const { port } = await start({ quotas: { concurrency: 1 } }, 0);
    const slow = ask(port);
    await eventually(() => upstream.active).toBe(1);
    rig!.directory.writeTenant('a', tenantA({ routes: [{ id: 'new', respond: { body: 'new' } }] }));
    await rig!.process.reload();
    expect(codeOf(await ask(port))).toBe('SLUICE_QUOTA_CONCURRENCY');
    upstream.release();
    expect((await slow).text).toBe('main');
    await eventually(async () => (await ask(port)).text).toBe('new');
    rig!.directory.removeTenant('a');
    await rig!.process.reload();
    await eventually(async () => (await ask(port)).status).toBe(404);
    expect(await rig!.metric(ACTIVE)).toBeUndefined();
  });
});
