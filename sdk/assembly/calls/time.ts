import { OUT_NUMBER } from '../dispatch/memory';
import { Status } from '../types/status';

// @ts-ignore: decorator
@external('env', 'proxy_get_current_time_nanoseconds')
declare function proxy_get_current_time_nanoseconds(outTime: usize): Status;

/**
 * The gateway's clock: time since 1970-01-01 UTC. An operator may have it go in steps of 10 ms.
 * @example
 * this.request.set('x-received', time.milliseconds().toString());
 */
export namespace time {
  /**
   * Nanoseconds; 0 when the host has no clock.
   * @example
   * const started = time.nanoseconds();
   */
  export function nanoseconds(): u64 {
    return proxy_get_current_time_nanoseconds(OUT_NUMBER) == Status.Ok ? load<u64>(OUT_NUMBER) : 0;
  }

  /**
   * Milliseconds; 0 when the host has no clock.
   * @example
   * const minute = time.milliseconds() / 60_000;
   */
  export function milliseconds(): u64 {
    return nanoseconds() / 1_000_000;
  }
}
