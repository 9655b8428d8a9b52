import { OUT_NUMBER } from '../dispatch/memory';
import { LogLevel } from '../types/log-level';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

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

/**
 * Lines in the gateway's log, up to 4 KiB each of UTF-8. A line below the host's level costs one comparison: it is neither
 * encoded nor sent. What is put together for it costs all the same: guard that with `enabled`.
 * @example
 * log.info('a request has come');
 */
export namespace log {
  /**
   * True when lines of this level are kept. Asks the host once in a callback.
   * @example
   * if (log.enabled(LogLevel.Debug)) log.debug(`path ${this.request.get(':path') || ''}`);
   */
  export function enabled(level: LogLevel): bool {
    if (threshold == UNKNOWN) {
      threshold = proxy_get_log_level(OUT_NUMBER) == Status.Ok ? load<i32>(OUT_NUMBER) : LogLevel.Trace;
    }
    return <i32>level >= threshold;
  }

  /**
   * Writes a line at a level that is known at run time only.
   * @example
   * log.write(this.request.has('x-debug') ? LogLevel.Info : LogLevel.Trace, 'seen');
   */
  export function write(level: LogLevel, message: string): void {
    if (!enabled(level)) return;
    const bytes = utf8(message);
    proxy_log(level, changetype<usize>(bytes), bytes.byteLength);
  }

  /**
   * Every step.
   * @example
   * log.trace('in onRequestHeaders');
   */
  export function trace(message: string): void {
    write(LogLevel.Trace, message);
  }

  /**
   * For whoever looks for a mistake.
   * @example
   * log.debug('no rule fits');
   */
  export function debug(message: string): void {
    write(LogLevel.Debug, message);
  }

  /**
   * Something worth knowing has happened.
   * @example
   * log.info('the key set was renewed');
   */
  export function info(message: string): void {
    write(LogLevel.Info, message);
  }

  /**
   * Something is odd, and the plugin goes on.
   * @example
   * log.warn('the service has no answer, using the last one');
   */
  export function warn(message: string): void {
    write(LogLevel.Warn, message);
  }

  /**
   * Something does not work.
   * @example
   * log.error('the key set cannot be read');
   */
  export function error(message: string): void {
    write(LogLevel.Error, message);
  }
}
