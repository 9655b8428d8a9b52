import { afterEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { type LogFields, silentLog } from '../core/log.ts';
import type { PluginReport } from '../runtime/feed.ts';
import { eventually } from './integration/fixture.suite.ts';
import { type FakeThread, type Setup, SPEC, SupervisorRig, TIMES } from './worker-supervisor.suite.ts';

const rigs: SupervisorRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.end();
});

function rigOf(setup?: Setup): SupervisorRig {
  const rig = new SupervisorRig(setup);
  rigs.push(rig);
  return rig;
}

async function opened(setup?: Setup): Promise<SupervisorRig> {
  const rig = rigOf(setup);
  rig.supervisor.start();
  await rig.supervisor.open();
  return rig;
}

describe('workers that start', () => {
  it('listen one after the other, so that all take the port that the first one found', async () => {
    const rig = await opened({ seats: 3 });
    const asked = rig.threads.map((thread) => thread.asked('listeners'));
    expect(asked).toMatchObject([
      [{ listeners: [{ port: 0 }] }],
      [{ listeners: [{ port: 4711 }] }],
      [{ listeners: [{ port: 4711 }] }],
    ]);
    expect(rig.supervisor.places).toEqual([{ name: 'http', address: '127.0.0.1', port: 4711 }]);
    expect(rig.supervisor.able).toBe(true);
  });

  it('do not listen before they have all configuration', async () => {
    const rig = rigOf({ complete: false });
    rig.supervisor.start();
    const opening = rig.supervisor.open();
    rig.feeds[1]!.complete();
    await eventually(() => rig.states).toEqual(['starting', 'serving']);
    expect(rig.threads[0]!.asked('listeners')).toEqual([]);
    expect(rig.supervisor.able).toBe(false);
    rig.feeds[0]!.complete();
    await opening;
    expect(rig.states).toEqual(['serving', 'serving']);
  });

  it('end the start when a listener cannot be opened', async () => {
    const rig = rigOf();
    rig.prepare = (thread) => {
      thread.failures = [{ name: 'http', code: 'SLUICE_LISTENER_PORT_TAKEN', reason: 'listener http (:80)' }];
    };
    rig.supervisor.start();
    await expect(rig.supervisor.open()).rejects.toMatchObject({
      code: 'SLUICE_LISTENER_PORT_TAKEN',
      message: expect.stringMatching(/^listener http \(:80\): /),
    });
  });

  it('and die each time end the start', async () => {
    const rig = rigOf();
    rig.prepare = (thread) => queueMicrotask(() => thread.crash(new Error('no')));
    rig.supervisor.start();
    await expect(rig.supervisor.open()).rejects.toMatchObject({ code: 'SLUICE_WORKER_CRASHED' });
    expect(rig.threads).toHaveLength(2 * LIMITS.workerCrashes);
    expect(rig.fatal).toEqual([]);
  });
});

describe('a worker that dies', () => {
  it('is replaced in its seat, and takes traffic when it has all configuration', async () => {
    const lines: LogFields[] = [];
    const rig = await opened({ log: { ...silentLog, error: (fields) => void lines.push(fields) } });
    const { slots } = rig.holder(1).init;
    rig.holder(1).crash(new Error('broken'));
    expect(rig.states).toEqual(['serving', 'restarting']);
    expect(rig.supervisor.able).toBe(true);
    expect([rig.ended, rig.feeds[1]!.closed]).toEqual([[1], true]);
    await eventually(() => rig.states).toEqual(['serving', 'serving']);
    expect(rig.threads).toHaveLength(3);
    expect(rig.holder(1).init.slots).toBe(slots);
    expect(rig.supervisor.seats[1]).toMatchObject({ restarts: 1, lastEnd: { reason: 'error' } });
    expect(lines).toEqual([
      { worker: 1, reason: 'error', detail: expect.stringContaining('Error: broken'), failures: 1, pauseMs: 1 },
    ]);
  });

  it.each([
    ['memory', (thread: FakeThread) => thread.crash(Object.assign(new Error(), { code: 'ERR_WORKER_OUT_OF_MEMORY' }))],
    ['exit', (thread: FakeThread) => thread.exit(0)],
    ['error', (thread: FakeThread) => thread.crash('text')],
  ])('is counted under its reason: %s', async (reason, die) => {
    const rig = await opened({ seats: 1 });
    die(rig.holder(0));
    expect([...rig.supervisor.seats[0]!.ends]).toEqual([[reason, 1]]);
    expect(rig.supervisor.able).toBe(false);
    await eventually(() => rig.states).toEqual(['serving']);
  });

  it('while it opens listeners lets the others go on', async () => {
    const rig = rigOf();
    rig.prepare = (thread) => (thread.silent = rig.threads.length === 0);
    rig.supervisor.start();
    const opening = rig.supervisor.open();
    await eventually(() => rig.threads[0]!.asked('listeners').length).toBe(1);
    rig.threads[0]!.crash(new Error('broken'));
    await opening;
    expect(rig.states).toEqual(['serving', 'serving']);
  });

  it('because its listeners cannot be opened any more is tried again', async () => {
    const rig = await opened({ seats: 1 });
    rig.prepare = (thread) => {
      const bad = rig.threads.length < 3;
      thread.failures = bad ? [{ name: 'http', code: 'SLUICE_LISTENER_FAILED', reason: 'gone' }] : [];
    };
    rig.holder(0).exit(0);
    await eventually(() => rig.states).toEqual(['serving']);
    expect([...rig.supervisor.seats[0]!.ends]).toEqual([
      ['exit', 1],
      ['listener', 2],
    ]);
  });

  it('makes longer and longer pauses, up to a longest, and starts anew after a healthy life', async () => {
    const pauses: unknown[] = [];
    const log = { ...silentLog, error: ({ pauseMs }: LogFields) => void pauses.push(pauseMs) };
    const rig = await opened({ log, times: { healthy: 60_000 } });
    for (let i = 0; i < 6; i++) {
      rig.holder(0).exit(0);
      await eventually(() => rig.states).toEqual(['serving', 'serving']);
    }
    expect(pauses).toEqual([1, 2, 4, 4, 4, 4]);
    const healthy = await opened({ log, times: { healthy: 0 } });
    for (let i = 0; i < 2 * LIMITS.workerCrashes; i++) {
      healthy.holder(0).exit(0);
      healthy.holder(1).exit(0);
      await eventually(() => healthy.states).toEqual(['serving', 'serving']);
    }
    expect(healthy.fatal).toEqual([]);
    expect(pauses.slice(6)).toEqual(Array(4 * LIMITS.workerCrashes).fill(1));
  });

  it('on request is no failure', async () => {
    const rig = await opened({ seats: 1 });
    for (let i = 0; i <= LIMITS.workerCrashes; i++) {
      await rig.supervisor.terminate(0);
      await eventually(() => rig.states).toEqual(['serving']);
    }
    expect(rig.fatal).toEqual([]);
  });
});

describe('when all workers die again and again', () => {
  it('the process is given up, once, and nobody is replaced any more', async () => {
    const rig = await opened();
    rig.prepare = (thread) => queueMicrotask(() => thread.exit(1));
    for (const thread of rig.threads.slice()) thread.exit(1);
    await eventually(() => rig.fatal).toEqual(['SLUICE_WORKER_CRASHED']);
    const started = rig.threads.length;
    expect(started).toBeLessThanOrEqual(2 * LIMITS.workerCrashes + 2);
    await new Promise((resolve) => setTimeout(resolve, 4 * TIMES.backoffLongest));
    expect([rig.threads.length, rig.fatal.length]).toEqual([started, 1]);
  });

  it('but one, it goes on', async () => {
    const rig = await opened();
    rig.prepare = (thread) => queueMicrotask(() => thread.exit(1));
    rig.holder(1).exit(1);
    await eventually(() => rig.supervisor.seats[1]!.failures).toBeGreaterThan(2 * LIMITS.workerCrashes);
    expect([rig.fatal, rig.states[0]]).toEqual([[], 'serving']);
  });
});

describe('a worker that stands still', () => {
  it('is ended and replaced; one that beats is not', async () => {
    const rig = rigOf({ times: { blocked: 20 } });
    const beating = setInterval(() => rig.holder(0).beat(), 2);
    rig.supervisor.start();
    await rig.supervisor.open();
    rig.holder(1).beat();
    await eventually(() => rig.supervisor.seats[1]!.ends.get('blocked')).toBe(1);
    clearInterval(beating);
    expect(rig.supervisor.seats[1]!.lastEnd!.detail).toBe('its event loop stood still');
    expect(rig.supervisor.seats[0]!.restarts).toBe(0);
  });

  it('is given more time to start', async () => {
    const rig = await opened({ seats: 1, times: { blocked: 5, start: 200 } });
    await eventually(() => rig.threads[0]!.asked('collect').length).toBeGreaterThan(3);
    expect(rig.supervisor.seats[0]!.restarts).toBe(0);
    await eventually(() => rig.supervisor.seats[0]!.ends.get('blocked')).toBe(1);
  });

  it('and does not even end makes the process end', async () => {
    const rig = await opened({ times: { start: 10, end: 10 } });
    for (const thread of rig.threads) thread.stuck = true;
    await eventually(() => rig.fatal).toEqual(['SLUICE_WORKER_STUCK']);
  });
});

describe('changed listeners', () => {
  const changed = [
    { ...SPEC, port: 8080 },
    { ...SPEC, name: 'more', port: 8081 },
  ];

  it('go to every worker', async () => {
    const rig = await opened();
    rig.specs = changed;
    expect(await rig.supervisor.relisten(() => expect.unreachable())).toEqual([]);
    for (const thread of rig.threads) expect(thread.asked('listeners').at(-1)).toMatchObject({ listeners: changed });
    expect(rig.supervisor.places).toHaveLength(2);
  });

  it('that the first worker cannot open are taken back', async () => {
    const rig = await opened();
    const [before, failures] = [rig.specs, [{ name: 'more', code: 'SLUICE_LISTENER_FAILED', reason: 'no' }]] as const;
    rig.specs = changed;
    rig.threads[0]!.failures = failures;
    const restore = (): void => {
      rig.specs = before;
      rig.threads[0]!.failures = [];
    };
    expect(await rig.supervisor.relisten(restore)).toEqual(failures);
    for (const thread of rig.threads) expect(thread.asked('listeners').at(-1)).toMatchObject({ listeners: before });
    expect(rig.states).toEqual(['serving', 'serving']);
  });

  it('that the first worker cannot change, and that are not taken back, go to nobody else', async () => {
    const rig = await opened();
    const failures = [{ name: 'http', code: 'SLUICE_LISTENER_FAILED', reason: 'no' }] as const;
    for (const thread of rig.threads) thread.failures = failures;
    expect(await rig.supervisor.relisten(null)).toEqual(failures);
    expect(rig.threads.map((thread) => thread.asked('listeners').length)).toEqual([2, 1]);
    expect(rig.states).toEqual(['serving', 'serving']);
  });

  it('wait for a worker that is being replaced', async () => {
    const rig = await opened({ seats: 1 });
    rig.holder(0).exit(1);
    rig.specs = changed;
    expect(await rig.supervisor.relisten(() => expect.unreachable())).toEqual([]);
    await eventually(() => rig.states).toEqual(['serving']);
    expect(rig.holder(0).asked('listeners').at(-1)).toMatchObject({ listeners: changed });
  });
});

describe('a drain', () => {
  it('ends all workers, counts what was cut off, and replaces nobody', async () => {
    const rig = await opened();
    rig.holder(1).exit(1);
    expect(await rig.supervisor.drain(0)).toBe(3);
    expect(rig.threads.map(({ ended }) => ended)).toEqual([true, true]);
    expect(rig.states).toEqual(['draining', 'draining']);
  });

  it('does not wait for a worker that does not answer', async () => {
    const rig = await opened({ times: { drainSlack: 10 } });
    rig.threads[0]!.silent = true;
    expect(await rig.supervisor.drain(10)).toBe(3);
    expect(rig.threads.map(({ ended }) => ended)).toEqual([true, true]);
  });
});

describe('what plugins have counted', () => {
  it('stays when their worker dies; what was so at a moment goes', async () => {
    const stats = {
      state: 'running',
      calls: 7,
      fuel: 70,
      timeUs: 5,
      traps: { fuel: 1 },
      callouts: {},
      recycles: 2,
      refusals: { unavailable: 0, 'no-room': 3, cpu: 0 },
      queues: { enqueued: 0, dropped: 0 },
      instances: 1,
      memoryBytes: 9,
    };
    const metrics = [
      { name: 'hits', type: 'counter', value: 4, count: 0 },
      { name: 'open', type: 'gauge', value: 2, count: 0 },
    ];
    const report = { plugin: 'p', tenant: 'a', digest: '', abi: '', stats, metrics } as unknown as PluginReport;
    const rig = rigOf({ seats: 1 });
    rig.prepare = (thread) => (thread.plugins = [report]);
    rig.supervisor.start();
    await rig.supervisor.open();
    for (let life = 1; life <= 3; life++) {
      await rig.supervisor.collect(60_000);
      rig.holder(0).exit(1);
      await eventually(() => rig.states).toEqual(['serving']);
      expect(rig.supervisor.totals.reports).toMatchObject([
        {
          stats: {
            calls: 7 * life,
            fuel: 70 * life,
            traps: { fuel: life },
            recycles: 2 * life,
            refusals: { 'no-room': 3 * life },
            instances: 0,
            memoryBytes: 0,
          },
          metrics: [{ name: 'hits', value: 4 * life }],
        },
      ]);
    }
  });
});
