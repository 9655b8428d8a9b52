import { OUT_NUMBER } from './memory';
import { Status } from './types';

// @ts-ignore: decorator
@external('env', 'proxy_get_current_time_nanoseconds')
declare function proxy_get_current_time_nanoseconds(outTime: usize): Status;

/** The gateway's clock: time since 1970-01-01 UTC, 0 when the host has none. */
export namespace time {
  export function nanoseconds(): u64 {
    return proxy_get_current_time_nanoseconds(OUT_NUMBER) == Status.Ok ? load<u64>(OUT_NUMBER) : 0;
  }

  export function milliseconds(): u64 {
    return nanoseconds() / 1_000_000;
  }
}
