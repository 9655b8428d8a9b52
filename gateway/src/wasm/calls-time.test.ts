import { expect, it } from 'vitest';
import { Status } from './abi.ts';
import { HostCallRig, OUTSIDE, SLOT } from './host-call.suite.ts';

it('proxy_get_current_time_nanoseconds tells the time of the host', async () => {
  const rig = await HostCallRig.make();
  expect([rig.call('proxy_get_current_time_nanoseconds', SLOT), rig.u64(SLOT)]).toEqual([
    Status.ok,
    1_700_000_000_123_456_789n,
  ]);
  expect(rig.call('proxy_get_current_time_nanoseconds', OUTSIDE)).toBe(Status.invalidMemoryAccess);
});

it('proxy_set_tick_period_milliseconds sets the timer of the plugin, whoever asks', async () => {
  const rig = await HostCallRig.make();
  expect(rig.callAsRoot('proxy_set_tick_period_milliseconds', 1000)).toBe(Status.ok);
  expect(rig.call('proxy_set_tick_period_milliseconds', 0)).toBe(Status.ok);
  expect(rig.call('proxy_set_tick_period_milliseconds', -1)).toBe(Status.ok);
  expect(rig.ticks).toEqual([1000, 0, 0xffff_ffff]);
});
