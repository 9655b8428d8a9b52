import { OUT_NUMBER, utf8 } from './memory';
import { LogLevel, Status } from './types';

// @ts-ignore: decorator
@external('env', 'proxy_log')
declare function proxy_log(level: LogLevel, message: usize, size: i32): Status;
// @ts-ignore: decorator
@external('env', 'proxy_get_log_level')
declare function proxy_get_log_level(outLevel: usize): Status;

const UNKNOWN: i32 = -1;
let threshold: i32 = UNKNOWN;

/** Forgets the host's level; the dispatcher does so before every callback, so that a change is seen at once. */
export function forgetLogLevel(): void {
  threshold = UNKNOWN;
}

/** Lines in the gateway's log. A line below the host's level costs one comparison: it is neither encoded nor sent. */
export namespace log {
  /** True when lines of this level are kept; guard expensive messages with it. */
  export function enabled(level: LogLevel): bool {
    if (threshold == UNKNOWN) {
      threshold = proxy_get_log_level(OUT_NUMBER) == Status.Ok ? load<i32>(OUT_NUMBER) : LogLevel.Trace;
    }
    return <i32>level >= threshold;
  }

  export function write(level: LogLevel, message: string): void {
    if (!enabled(level)) return;
    const bytes = utf8(message);
    proxy_log(level, changetype<usize>(bytes), bytes.byteLength);
  }

  export function trace(message: string): void {
    write(LogLevel.Trace, message);
  }

  export function debug(message: string): void {
    write(LogLevel.Debug, message);
  }

  export function info(message: string): void {
    write(LogLevel.Info, message);
  }

  export function warn(message: string): void {
    write(LogLevel.Warn, message);
  }

  export function error(message: string): void {
    write(LogLevel.Error, message);
  }
}
