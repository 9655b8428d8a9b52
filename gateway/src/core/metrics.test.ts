import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import {
  CODE_CLASSES,
  DURATION_BOUNDS,
  MetricSlots,
  OTHER_SERIES,
  SERIES,
  UNMATCHED_SERIES,
  WORKER_SLOTS,
} from './metrics.ts';
import { SeriesTable } from './series-table.ts';

interface Shown {
  codes: Record<string, number>;
  bytesIn: number;
  bytesOut: number;
  sum: number;
  buckets: number[];
}

/** What a scrape would see of one series; undefined when the table does not list it. */
function shown(table: SeriesTable, tenant: string, route: string, lane = 'baseline'): Shown | undefined {
  let found: Shown | undefined;
  table.forEach((labels, values) => {
    if (labels.tenant !== tenant || labels.route !== route || labels.lane !== lane) return;
    const codes = Object.fromEntries(
      CODE_CLASSES.map((code, i): [string, number] => [code, values[SERIES.codes + i]!]).filter(
        ([, count]) => count > 0,
      ),
    );
    found = {
      codes,
      bytesIn: values[SERIES.bytesIn]!,
      bytesOut: values[SERIES.bytesOut]!,
      sum: values[SERIES.durationSum]!,
      buckets: Array.from(values.subarray(SERIES.buckets, SERIES.buckets + DURATION_BOUNDS.length + 1)),
    };
  });
  return found;
}

describe('MetricSlots', () => {
  it('counts status classes, bytes and durations of a series', () => {
    const table = new SeriesTable();
    const slots = new MetricSlots(table.attach());
    const [handle] = table.assign('home', [{ route: 'api', lanes: [''] }]).get('api')!;
    for (const status of [101, 200, 204, 302, 404, 503, 499, 0, 999])
      slots.observeRequest(handle!, status, 0.5, 10, 100);
    expect(shown(table, 'home', 'api')).toMatchObject({
      codes: { '1xx': 1, '2xx': 2, '3xx': 1, '4xx': 1, '5xx': 1, aborted: 3 },
      bytesIn: 90,
      bytesOut: 900,
      sum: 4.5,
    });
  });

  it('puts a duration on a bound into the bucket of that bound', () => {
    const table = new SeriesTable();
    const slots = new MetricSlots(table.attach());
    for (const seconds of [0, 0.001, 0.0011, 30, 30.1, 1e9]) slots.observeRequest(UNMATCHED_SERIES, 404, seconds, 0, 0);
    const buckets = shown(table, '_none', '_none')!.buckets;
    expect([buckets[0], buckets[1], buckets.at(-2), buckets.at(-1)]).toEqual([2, 1, 1, 2]);
  });

  it('keeps lanes apart and sums over workers', () => {
    const table = new SeriesTable();
    const workers = [new MetricSlots(table.attach()), new MetricSlots(table.attach())];
    const [baseline, gray] = table.assign('home', [{ route: 'api', lanes: ['', 'gray'] }]).get('api')!;
    for (const slots of workers) slots.observeRequest(baseline!, 200, 0.1, 0, 0);
    workers[1]!.observeRequest(gray!, 200, 0.1, 0, 0);
    expect(shown(table, 'home', 'api')!.codes).toEqual({ '2xx': 2 });
    expect(shown(table, 'home', 'api', 'gray')!.codes).toEqual({ '2xx': 1 });
  });

  it('follows the growth of its buffer', () => {
    const table = new SeriesTable();
    const slots = new MetricSlots(table.attach());
    const routes = Array.from({ length: 5000 }, (_, i) => ({ route: `r${i}`, lanes: [''] }));
    const handles = table.assign('home', routes);
    for (const [handle] of handles.values()) slots.observeRequest(handle!, 200, 0.1, 0, 1);
    let series = 0;
    table.forEach((labels, values) => {
      if (labels.tenant === 'home' && values[SERIES.bytesOut] === 1) series++;
    });
    expect(series).toBe(5000);
  });

  it('shares its values with another thread', async () => {
    const table = new SeriesTable();
    const buffer = table.attach();
    const [handle] = table.assign('home', [{ route: 'api', lanes: [''] }]).get('api')!;
    const source = `
      import { parentPort, workerData } from 'node:worker_threads';
      import { MetricSlots } from ${JSON.stringify(new URL('metrics.ts', import.meta.url).href)};
      const slots = new MetricSlots(workerData.buffer);
      for (let i = 0; i < 1000; i++) slots.observeRequest(workerData.handle, 200, 0.1, 1, 2);
      parentPort.postMessage('done');`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
    const worker = new Worker(url, { workerData: { buffer, handle } });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
    expect(shown(table, 'home', 'api')).toMatchObject({ codes: { '2xx': 1000 }, bytesIn: 1000, bytesOut: 2000 });
  });
});

describe('SeriesTable', () => {
  it('keeps handles and counts of what stays when a tenant changes', () => {
    const table = new SeriesTable();
    const slots = new MetricSlots(table.attach());
    const before = table.assign('home', [
      { route: 'a', lanes: ['', 'gray'] },
      { route: 'b', lanes: [''] },
    ]);
    slots.observeRequest(before.get('a')![0]!, 200, 0.1, 0, 0);
    const after = table.assign('home', [
      { route: 'c', lanes: [''] },
      { route: 'a', lanes: ['', 'beta'] },
    ]);
    expect(after.get('a')![0]).toBe(before.get('a')![0]);
    expect(shown(table, 'home', 'a')!.codes).toEqual({ '2xx': 1 });
    expect(shown(table, 'home', 'a', 'gray')).toBeUndefined();
    expect(shown(table, 'home', 'b')).toBeUndefined();
    expect(shown(table, 'home', 'c')!.codes).toEqual({});
  });

  it('counts late exchanges of a removed route under _other, even after its block is reused', () => {
    const table = new SeriesTable();
    const slots = new MetricSlots(table.attach());
    const [old] = table.assign('home', [{ route: 'a', lanes: [''] }]).get('a')!;
    slots.observeRequest(old!, 200, 0.1, 0, 0);
    table.remove('home');
    slots.observeRequest(old!, 200, 0.1, 0, 0);
    const [reused] = table.assign('work', [{ route: 'b', lanes: [''] }]).get('b')!;
    expect(reused).not.toBe(old);
    slots.observeRequest(old!, 200, 0.1, 0, 0);
    slots.observeRequest(reused!, 500, 0.1, 0, 0);
    expect(shown(table, 'work', 'b')!.codes).toEqual({ '5xx': 1 });
    expect(shown(table, '_other', '_other', '_other')!.codes).toEqual({ '2xx': 2 });
  });

  it('gives a worker that starts later the generations of the blocks', () => {
    const table = new SeriesTable();
    table.attach();
    table.assign('home', [{ route: 'a', lanes: [''] }]);
    table.remove('home');
    const [handle] = table.assign('home', [{ route: 'a', lanes: [''] }]).get('a')!;
    const late = new MetricSlots(table.attach());
    late.observeRequest(handle!, 200, 0.1, 0, 0);
    expect(shown(table, 'home', 'a')!.codes).toEqual({ '2xx': 1 });
  });

  it('counts together what finds no room, and finds room again', () => {
    const table = new SeriesTable(2);
    const slots = new MetricSlots(table.attach());
    table.assign('home', [{ route: 'a', lanes: ['', 'gray'] }]);
    const [full] = table.assign('work', [{ route: 'b', lanes: [''] }]).get('b')!;
    expect(full).toBe(OTHER_SERIES);
    expect(table.overflowed).toBe(1);
    slots.observeRequest(full!, 200, 0.1, 0, 0);
    expect(shown(table, '_other', '_other', '_other')!.codes).toEqual({ '2xx': 1 });
    table.remove('home');
    const [room] = table.assign('work', [{ route: 'b', lanes: [''] }]).get('b')!;
    expect(room).not.toBe(OTHER_SERIES);
    table.remove('work');
    expect(shown(table, '_other', '_other', '_other')!.codes).toEqual({ '2xx': 1 });
  });

  it('reuses a block more often than generations can count', () => {
    const table = new SeriesTable(1);
    const slots = new MetricSlots(table.attach());
    for (let i = 0; i < 3000; i++) {
      const [handle] = table.assign('home', [{ route: `r${i}`, lanes: [''] }]).get(`r${i}`)!;
      slots.observeRequest(handle!, 200, 0.1, 0, 0);
      expect(shown(table, 'home', `r${i}`)!.codes).toEqual({ '2xx': 1 });
    }
    expect(table.overflowed).toBe(0);
  });

  it('sums worker slots', () => {
    const table = new SeriesTable();
    for (const value of [3, 4]) new MetricSlots(table.attach()).add(WORKER_SLOTS.accessLogDropped, value);
    expect(table.workerTotal(WORKER_SLOTS.accessLogDropped)).toBe(7);
  });
});
