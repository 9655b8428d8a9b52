import { describe, expect, it } from 'vitest';
import type { EndpointList } from '../../core/endpoint.ts';
import { LIMITS } from '../../core/limits.ts';
import { endpoint, ManualClock, MemoryLog, portsOf } from '../fixtures.suite.ts';
import { sameLists } from '../records.ts';
import { NacosService } from './service.ts';

function start() {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const seen: EndpointList[] = [];
  const service = new NacosService({
    ref: { registry: 'n', namespace: 'public', group: 'G', name: 'users' },
    clock,
    log,
    // What is not news is dropped on its way to subscribers.
    publish: (_ref, endpoints, state) => {
      const before = seen.at(-1);
      if (before === undefined || !sameLists(before, { endpoints, state })) seen.push({ endpoints, state });
    },
  });
  let time = 0;
  const answer = (ports: readonly number[], more: object = {}) => {
    const endpoints = ports.map((port) => endpoint(port));
    const lastRefTime = ++time;
    service.accept({ name: 'users', group: 'G', lastRefTime, protectThreshold: false, endpoints, refused: 0, ...more });
  };
  const states = () => seen.map((list) => [list.state, ...portsOf(list)]);
  return { clock, log, service, answer, states };
}

describe('a Nacos service', () => {
  it('that was never known may be empty', () => {
    const { answer, states, clock } = start();
    answer([]);
    expect(states()).toEqual([['fresh']]);
    expect(clock.size).toBe(0);
  });

  it('that shrinks one by one is empty at once', () => {
    const { answer, states } = start();
    answer([1, 2, 3]);
    answer([1, 2]);
    answer([1]);
    answer([]);
    expect(states().at(-1)).toEqual(['fresh']);
  });

  it('that loses two or more in one step is held, for a bounded time', async () => {
    const { answer, states, clock, log } = start();
    answer([1, 2]);
    answer([]);
    answer([]);
    expect(states()).toEqual([
      ['fresh', 1, 2],
      ['held', 1, 2],
    ]);
    await clock.advance(LIMITS.emptyListHoldMs - 1);
    expect(states()).toHaveLength(2);
    await clock.advance(1);
    expect(states().at(-1)).toEqual(['fresh']);
    expect(log.matching('held back')).toHaveLength(1);
    expect(log.matching('dropped')).toHaveLength(1);
  });

  it('that comes back while it is held is fresh, and the old end of the hold is void', async () => {
    const { answer, states, clock } = start();
    answer([1, 2]);
    answer([]);
    answer([3]);
    await clock.advance(LIMITS.emptyListHoldMs * 2);
    expect(states().at(-1)).toEqual(['fresh', 3]);
    expect(clock.size).toBe(0);
  });

  it('whose last endpoint is gone right after a reconnect is held, too', async () => {
    const { service, answer, states, clock } = start();
    answer([1]);
    service.disconnected();
    service.connected();
    answer([]);
    answer([]);
    expect(states()).toEqual([
      ['fresh', 1],
      ['stale', 1],
      ['held', 1],
    ]);
    await clock.advance(LIMITS.emptyListHoldMs);
    expect(states().at(-1)).toEqual(['fresh']);
  });

  it('keeps what a new connection does not list until it is back, beside what is', async () => {
    const { service, answer, states, clock } = start();
    answer([1, 2, 3]);
    service.disconnected();
    service.connected();
    answer([]);
    answer([3]);
    answer([1, 3]);
    expect(states().slice(2)).toEqual([['held', 1, 2, 3]]);
    answer([1, 2, 3]);
    expect(states().at(-1)).toEqual(['fresh', 1, 2, 3]);
    expect(clock.size).toBe(0);
    answer([1, 2]);
    expect(states().at(-1)).toEqual(['fresh', 1, 2]);
  });

  it('lets go at once of what came back and left again, and in time of what did not come back', async () => {
    const { service, answer, states, clock, log } = start();
    answer([1, 2, 3]);
    service.disconnected();
    service.connected();
    answer([1, 2]);
    answer([2]);
    expect(states().slice(2)).toEqual([
      ['held', 1, 2, 3],
      ['held', 2, 3],
    ]);
    await clock.advance(LIMITS.emptyListHoldMs);
    expect(states().at(-1)).toEqual(['fresh', 2]);
    expect(log.matching('dropped')).toHaveLength(1);
    answer([]);
    expect(states().at(-1)).toEqual(['fresh']);
  });

  it('keeps what it held through another loss of the connection', async () => {
    const { service, answer, states, clock } = start();
    answer([1, 2]);
    service.disconnected();
    service.connected();
    answer([2]);
    service.disconnected();
    expect(states().at(-1)).toEqual(['stale', 1, 2]);
    service.connected();
    answer([1]);
    expect(states().at(-1)).toEqual(['held', 1, 2]);
    await clock.advance(LIMITS.emptyListHoldMs);
    expect(states().at(-1)).toEqual(['fresh', 1]);
  });

  it('keeps its endpoints without connection, even when an empty list was held', async () => {
    const { service, answer, states, clock } = start();
    answer([1, 2]);
    answer([]);
    service.disconnected();
    await clock.advance(LIMITS.emptyListHoldMs * 10);
    expect(states().at(-1)).toEqual(['stale', 1, 2]);
  });

  it('drops a list that is older than the held one, within one connection', () => {
    const { service, answer, states } = start();
    answer([1], { lastRefTime: 100 });
    answer([2], { lastRefTime: 99 });
    expect(states()).toEqual([['fresh', 1]]);
    service.connected();
    answer([1, 3], { lastRefTime: 5 });
    expect(states().at(-1)).toEqual(['fresh', 1, 3]);
  });

  it('warns once when the protect threshold is reached', () => {
    const { service, answer, log } = start();
    answer([1], { protectThreshold: true });
    answer([1], { protectThreshold: true });
    expect(service.protectThreshold).toBe(true);
    expect(log.matching('protect threshold')).toHaveLength(1);
    answer([1]);
    expect(service.protectThreshold).toBe(false);
  });

  it('says that instances were left out', () => {
    const { service, answer } = start();
    answer([1], { refused: 2 });
    expect(service.lastError).toMatch(/2 instances/);
    answer([1]);
    expect(service.lastError).toBe('');
  });
});
