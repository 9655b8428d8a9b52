import { Status } from '../types/status';

// @ts-ignore: decorator
@external('env', 'proxy_set_tick_period_milliseconds')
declare function proxy_set_tick_period_milliseconds(period: u32): Status;

/** Has the host tick every so many milliseconds, for the context that its calls are about; 0: never. */
export function setHostTick(milliseconds: u32): Status {
  return proxy_set_tick_period_milliseconds(milliseconds);
}

/** What stands between a plugin with timers and the one tick that the host has for it. */
export abstract class Ticks {
  /** The host's tick has come. */
  abstract run(): void;
  /** `onTick` is to come every so many milliseconds; 0: never. */
  abstract setTickPeriod(milliseconds: u32): Status;
}
