import { BroadcastChannel, setEnvironmentData } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { pluginModule } from '../../wasm/wat.suite.ts';
import type { SupervisionTimes } from '../worker-seat.ts';
import { ask, HOST, HttpUpstream, patiently as eventually } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

// Threads take a second each to load their program, on a busy machine many.
vi.setConfig({ testTimeout: 60_000 });

const PROGRAM = new URL('./worker-program.suite.ts', import.meta.url);
/** What a worker is to do to itself. */
const channel = new BroadcastChannel('sluice-test-worker');
channel.unref();
/** 1: workers that start wait. */
const hold = new Int32Array(new SharedArrayBuffer(4));
setEnvironmentData('sluice-test-hold', hold);

function holdStarts(): void {
  Atomics.store(hold, 0, 1);
  cleanups.push(letStart);
}

function letStart(): void {
  Atomics.store(hold, 0, 0);
  Atomics.notify(hold, 0);
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface WorkerView {
  readonly worker: number;
  readonly state: string;
  readonly restarts: Readonly<Record<string, number>>;
  readonly lastEnd: string;
  readonly lag: number;
  readonly activeExchanges: number;
}

const ROUTES = [
  { id: 'here', match: { path: { exact: '/here' } }, respond: { body: 'here' } },
  { id: 'all', upstream: { service: 'main' } },
];

async function start(workers: number, more: GatewayFiles = {}, times: Partial<SupervisionTimes> = {}) {
  const files = { tenants: { a: tenantA({ routes: ROUTES }) }, ...more, gateway: { workers, ...more.gateway } };
  const rig = await GatewayRig.start(files, { program: PROGRAM, times, memory: 2 ** 29 });
  cleanups.push(() => rig.stop());
  return rig;
}

async function workersOf(rig: GatewayRig): Promise<WorkerView[]> {
  return (JSON.parse((await rig.admin('/api/snapshot')).text) as { workers: WorkerView[] }).workers;
}

const states = (rig: GatewayRig) => workersOf(rig).then((workers) => workers.map(({ state }) => state));
const readyz = async (rig: GatewayRig) => {
  const { status: code, text } = await rig.admin('/readyz');
  return { code, ...(JSON.parse(text) as { reasons: unknown[]; warnings: { part: string; reason: string }[] }) };
};

/** An upstream that holds every request until the test ends it. */
async function holding() {
  const held: (() => void)[] = [];
  const server = await new HttpUpstream(
    'held',
    (_request, response) => void held.push(() => response.end('held')),
  ).open();
  cleanups.push(() => server.close());
  const release = (): void => {
    for (const end of held.splice(0)) end();
  };
  return { server, held, release };
}

/** Sends requests until told to stop, each on a connection of its own. Returns what became of them. */
function loadOn(port: number) {
  const outcomes: string[] = [];
  const load = { on: true };
  const send = async (): Promise<void> => {
    while (load.on) {
      const outcome = await ask(port, { path: '/here' }).then(({ status }) => String(status), String);
      outcomes.push(outcome);
    }
  };
  const loaders = [send(), send(), send()];
  const stop = async (): Promise<string[]> => {
    load.on = false;
    await Promise.all(loaders);
    return outcomes;
  };
  cleanups.push(stop);
  return { outcomes, stop };
}

const REQUESTS = 'sluice_requests_total{tenant="a",route="here",lane="baseline",code="2xx"}';

describe('two workers', () => {
  it('share one port and its load, and are counted together', async () => {
    const { server, held, release } = await holding();
    const rig = await start(2, { services: { main: [server.address] } });
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('fresh');
    await eventually(() => workersOf(rig).then((workers) => workers.map(({ lag }) => lag))).toEqual([0, 0]);
    const replies = Array.from({ length: 40 }, () => ask(rig.port));
    await eventually(() => held.length).toBe(40);
    const active = async () => {
      await rig.admin('/metrics');
      return (await workersOf(rig)).map(({ activeExchanges }) => activeExchanges);
    };
    await eventually(() => active().then(([a = 0, b = 0]) => a + b)).toBe(40);
    expect(Math.min(...(await active()))).toBeGreaterThan(0);
    release();
    expect(new Set((await Promise.all(replies)).map(({ text }) => text))).toEqual(new Set(['held']));
    const sample = 'sluice_requests_total{tenant="a",route="all",lane="baseline",code="2xx"}';
    await eventually(() => rig.metric(sample)).toBe(40);
  });

  it('take every change', async () => {
    const rig = await start(2);
    for (const body of ['one', 'two', 'three']) {
      rig.directory.writeTenant('a', tenantA({ routes: [{ id: 'r', respond: { body } }] }));
      const texts = () => Promise.all(Array.from({ length: 20 }, () => ask(rig.port).then(({ text }) => text)));
      await eventually(() => texts().then((all) => [...new Set(all)])).toEqual([body]);
    }
  });
});

describe('a worker that is ended', () => {
  it('is replaced while the other serves; nothing that was counted is lost', async () => {
    const rig = await start(2, {}, { backoff: 1 });
    for (let i = 0; i < 20; i++) await ask(rig.port, { path: '/here' });
    await eventually(() => rig.metric(REQUESTS)).toBe(20);
    await eventually(() => rig.directory.lines.length).toBe(20);
    holdStarts();
    await rig.process.supervisor.terminate(1);
    await eventually(() => states(rig)).toEqual(['serving', 'starting']);
    expect(await readyz(rig)).toMatchObject({
      code: 200,
      reasons: [],
      warnings: [{ part: 'workers', reason: expect.stringMatching(/^worker 1 .*terminated/) }],
    });
    expect(await rig.metric('sluice_worker_state{worker="1",state="starting"}')).toBe(1);
    for (let i = 0; i < 20; i++) expect((await ask(rig.port, { path: '/here' })).text).toBe('here');
    expect(await rig.metric(REQUESTS)).toBe(40);
    letStart();
    await eventually(() => states(rig)).toEqual(['serving', 'serving']);
    expect(await readyz(rig)).toMatchObject({ code: 200, warnings: [] });
    expect(await rig.metric('sluice_worker_restarts_total{worker="1",reason="terminated"}')).toBe(1);
    for (let i = 0; i < 20; i++) await ask(rig.port, { path: '/here' });
    await eventually(() => rig.metric(REQUESTS)).toBe(60);
    await eventually(() => rig.directory.lines.length).toBe(60);
  });

  it('costs no request but those it had', async () => {
    const rig = await start(2, {}, { backoff: 1 });
    const { outcomes, stop } = loadOn(rig.port);
    for (let kills = 1; kills <= 3; kills++) {
      const before = outcomes.length;
      await eventually(() => outcomes.length).toBeGreaterThan(before + 50);
      await rig.process.supervisor.terminate(kills % 2);
      await eventually(() => states(rig)).toEqual(['serving', 'serving']);
    }
    const failed = (await stop()).filter((outcome) => outcome !== '200');
    // At most what the three loaders had under way, each time.
    expect(failed.length).toBeLessThanOrEqual(9);
    expect(failed.filter((outcome) => !/ECONNRESET|socket hang up/.test(outcome))).toEqual([]);
  });

  it('takes its gauges along', async () => {
    const { server, held } = await holding();
    const rig = await start(1, { services: { main: [server.address] } }, { backoff: 1 });
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('fresh');
    const reply = ask(rig.port).catch((error: Error) => error.message);
    await eventually(() => held.length).toBe(1);
    await eventually(() => rig.metric('sluice_worker_active_exchanges{worker="0"}')).toBe(1);
    expect(await rig.metric('sluice_listener_connections{listener="http"}')).toBe(1);
    holdStarts();
    await rig.process.supervisor.terminate(0);
    expect(await reply).toMatch(/socket hang up|ECONNRESET/);
    expect(await rig.metric('sluice_worker_active_exchanges{worker="0"}')).toBe(0);
    expect(await rig.metric('sluice_listener_connections{listener="http"}')).toBe(0);
    expect(await readyz(rig)).toMatchObject({ code: 503, reasons: [{ part: 'workers' }] });
    letStart();
    await eventually(() => readyz(rig).then(({ code }) => code)).toBe(200);
  });

  it('keeps the counts of its plugins for those who run them still', async () => {
    const plugins = [{ use: 'mark' }];
    const rig = await start(
      1,
      {
        files: { 'mark.wasm': pluginModule({ callbacks: { proxy_on_request_headers: '(i32.const 0)' } }) },
        gateway: { plugins: [{ name: 'mark', source: 'file:mark.wasm' }] },
        tenants: {
          a: tenantA({ plugins, routes: ROUTES }),
          b: tenantA({ tenant: 'b', domains: ['b.example'], plugins, routes: ROUTES }),
        },
      },
      { backoff: 1 },
    );
    const calls = (tenant: string) => rig.metric(`sluice_plugin_calls_total{tenant="${tenant}",plugin="mark"}`);
    for (const host of [HOST, 'b.example']) await ask(rig.port, { host, path: '/here' });
    await eventually(() => calls('a')).toBeGreaterThan(0);
    await eventually(() => calls('b')).toBeGreaterThan(0);
    const counted = [await calls('a'), await calls('b')];
    await rig.process.supervisor.terminate(0);
    await eventually(() => states(rig)).toEqual(['serving']);
    expect([await calls('a'), await calls('b')]).toEqual(counted);
    rig.directory.writeTenant('a', tenantA({ routes: ROUTES }));
    await eventually(() => calls('a')).toBe(undefined);
    rig.directory.removeTenant('b');
    await eventually(() => calls('b')).toBe(undefined);
    const { text } = await rig.admin('/api/plugins');
    expect(JSON.parse(text)).toMatchObject({ plugins: [] });
  });

  it('on the same port, also when that was any free one', async () => {
    const rig = await start(1);
    const { port } = rig;
    await rig.process.supervisor.terminate(0);
    await eventually(() => states(rig)).toEqual(['serving']);
    expect(rig.port).toBe(port);
    expect((await ask(port, { path: '/here' })).text).toBe('here');
  });
});

describe('a worker that dies of itself', () => {
  const reasonOf = async (rig: GatewayRig) => {
    const [, worker] = await workersOf(rig);
    return `${worker!.state} ${worker!.lastEnd}`;
  };

  it('is replaced, and the reason is told', async () => {
    const rig = await start(2, {}, { backoff: 1 });
    const deaths = [
      ['throw', /^serving error: Error: thrown by a test$/],
      ['exit', /^serving exit: the thread ended with code 7$/],
      ['exhaust', /^serving memory: .*memory limit/],
    ] as const;
    for (const [what, words] of deaths) {
      channel.postMessage({ worker: 1, what });
      await eventually(() => reasonOf(rig)).toMatch(words);
      expect((await ask(rig.port, { path: '/here' })).text).toBe('here');
    }
    expect((await workersOf(rig))[1]!.restarts).toMatchObject({ error: 1, exit: 1, memory: 1, blocked: 0 });
    expect((await workersOf(rig))[0]!.lastEnd).toBe('');
    expect(rig.fatal).toEqual([]);
  });

  it('or stands still, too', async () => {
    const rig = await start(2, {}, { look: 100, blocked: 3000 });
    channel.postMessage({ worker: 1, what: 'block' });
    await eventually(() => reasonOf(rig)).toBe('serving blocked: its event loop stood still');
    expect((await ask(rig.port, { path: '/here' })).text).toBe('here');
  });

  it('again and again ends the start with a clear error', async () => {
    const program = new URL('data:text/javascript,throw new Error("no worker today")');
    const failed = await GatewayRig.start({ gateway: { workers: 2 } }, { program, times: { backoff: 1 } }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({
      code: 'SLUICE_WORKER_CRASHED',
      message: expect.stringMatching(/^worker [01]: error: Error: no worker today/),
    });
  });
});
