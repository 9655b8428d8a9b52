import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import { SeriesTable } from '../core/series-table.ts';
import { TimerWheel } from '../core/wheel.ts';
import { Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { ResponseSink } from '../exchange/sink.ts';
import { AccessLog } from './access-log.ts';
import { giveBack } from './log-memory.ts';

const connection = {
  id: 1,
  listener: 'http',
  remoteAddress: '127.0.0.1',
  remotePort: 1,
  localAddress: '127.0.0.1',
  localPort: 2,
  tls: false,
  serverName: '',
};

function exchange(target: string): Exchange {
  return new Exchange(connection, 'HTTP/1.1', 'GET', target, 'a', new PairHeaders(), null, {} as ResponseSink);
}

function setUp() {
  const table = new SeriesTable();
  const buffer = table.attach();
  const posts: { batch: string; lines: number; bytes: Uint8Array }[] = [];
  let now = 0;
  const wheel = new TimerWheel(10, () => now);
  const create = () =>
    new AccessLog(
      new MetricSlots(buffer),
      wheel,
      (bytes, lines) => void posts.push({ batch: Buffer.from(bytes).toString('latin1'), lines, bytes }),
    );
  const wait = (ms: number) => {
    now += ms;
    wheel.advance();
  };
  return { table, main: new MetricSlots(buffer), posts, log: create(), create, wait, wheel };
}

describe('AccessLog', () => {
  it('posts lines together after the flush time', () => {
    const { log, posts, wait } = setUp();
    log.append(exchange('/1'), 1);
    log.append(exchange('/2'), 1);
    wait(LIMITS.accessLogFlushMs - 20);
    expect(posts).toEqual([]);
    wait(40);
    expect(posts).toHaveLength(1);
    expect(posts[0]!.lines).toBe(2);
    const lines = posts[0]!.batch.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { path: string }).path)).toEqual(['/1', '/2']);
  });

  it('posts at once when a batch is large, and sets one timer at a time', () => {
    const { log, posts, wait, wheel } = setUp();
    for (let i = 0; i < 2000; i++) log.append(exchange(`/${'a'.repeat(1000)}`), 1);
    expect(posts.length).toBeGreaterThan(5);
    for (const { batch } of posts) expect(batch.length).toBeLessThan(LIMITS.accessLogBatchBytes + 4096);
    expect(wheel.size).toBe(1);
    wait(LIMITS.accessLogFlushMs + 20);
    expect(posts.reduce((sum, { lines }) => sum + lines, 0)).toBe(2000);
    expect(wheel.size).toBe(0);
  });

  it('drops and counts when the writer does not keep up, and goes on when it does', () => {
    const { log, posts, table, main } = setUp();
    for (let i = 0; i < LIMITS.accessLogQueueLines + 7; i++) log.append(exchange('/'), 1);
    log.flush();
    expect(posts.reduce((sum, { lines }) => sum + lines, 0)).toBe(LIMITS.accessLogQueueLines);
    expect(table.workerTotal(WORKER_SLOTS.accessLogDropped)).toBe(7);
    main.add(WORKER_SLOTS.accessLogSettled, 5);
    for (let i = 0; i < 10; i++) log.append(exchange('/'), 1);
    log.flush();
    expect(posts.at(-1)!.lines).toBe(5);
    expect(table.workerTotal(WORKER_SLOTS.accessLogDropped)).toBe(12);
  });

  it('writes on into memory that came back, and never into what the writer still has', () => {
    const { log, posts } = setUp();
    const fill = (count: number): void => {
      while (posts.length < count) log.append(exchange(`/${posts.length}${'a'.repeat(1000)}`), 1);
    };
    fill(3);
    const texts = posts.map(({ batch }) => batch);
    giveBack(posts[1]!.bytes);
    fill(6);
    const memories = posts.map(({ bytes }) => bytes.buffer);
    expect(memories[4]).toBe(memories[1]);
    expect(new Set(memories).size).toBe(5);
    for (const at of [0, 2]) expect(Buffer.from(posts[at]!.bytes).toString('latin1')).toBe(texts[at]);
  });

  it('posts a few lines in memory of their own', () => {
    const { log, posts } = setUp();
    log.append(exchange('/'), 1);
    log.flush();
    const { bytes } = posts[0]!;
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(() => giveBack(bytes)).not.toThrow();
  });

  it('does not count the lost lines of a predecessor as waiting', () => {
    const { log, create, posts } = setUp();
    for (let i = 0; i < LIMITS.accessLogQueueLines; i++) log.append(exchange('/'), 1);
    log.flush();
    const successor = create();
    successor.append(exchange('/after'), 1);
    successor.flush();
    expect(posts.at(-1)!.batch).toContain('/after');
  });

  it('posts nothing when there is nothing', () => {
    const { log, posts } = setUp();
    log.flush();
    expect(posts).toEqual([]);
  });
});
