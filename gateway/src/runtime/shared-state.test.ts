import { describe, expect, it } from 'vitest';
import { Verdict } from '../core/tenant-quota.ts';
import { SharedState } from './shared-state.ts';

const LIMITS = { requestsPerSecond: 0, burst: 0, concurrency: 2 };

describe('shared state', () => {
  it('is the same for all workers', () => {
    const state = SharedState.create({ workers: 2 });
    const [one, two] = [SharedState.attach(state.seat(0)), SharedState.attach(state.seat(1))];
    one.data.open('a', 'p').set('k', Buffer.from('1'), 0);
    expect(two.data.open('a', 'p').get('k')!.value).toEqual(Buffer.from('1'));
    expect(state.dataUsage()).toEqual({ usedBytes: 4096, refused: 0 });

    const handle = state.quotas.assign('a', LIMITS);
    const verdicts = [one.quota(handle).admit(), two.quota(handle).admit(), two.quota(handle).admit()];
    expect(verdicts).toEqual([Verdict.admitted, Verdict.admitted, Verdict.concurrency]);
  });

  it('crosses threads', () => {
    const seat = structuredClone(SharedState.create({ workers: 2 }).seat(1));
    SharedState.attach(seat).data.open('a', 'p').set('k', Buffer.from('1'), 0);
    expect(SharedState.attach(seat).data.open('a', 'p').get('k')).not.toBeNull();
  });

  it('gives back what a worker held, once, and never what its replacement holds', () => {
    const state = SharedState.create({ workers: 1 });
    const handle = state.quotas.assign('a', LIMITS);
    const worker = SharedState.attach(state.seat(0)).quota(handle);
    expect([worker.admit(), worker.admit()]).toEqual([Verdict.admitted, Verdict.admitted]);
    state.workerEnded(0);
    state.workerEnded(0);
    const first = state.seat(0);
    const replacement = SharedState.attach(first).quota(handle);
    expect([replacement.admit(), replacement.admit(), replacement.admit()]).toEqual([
      Verdict.admitted,
      Verdict.admitted,
      Verdict.concurrency,
    ]);
    // A seat that is given away again belonged to somebody who is gone, whether anybody said so or not.
    const next = state.seat(0);
    expect(next.owner).not.toBe(first.owner);
    expect(SharedState.attach(next).quota(handle).admit()).toBe(Verdict.admitted);
  });
});
