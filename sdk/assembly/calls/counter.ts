import { Metric } from './metric';
import { MetricType } from '../types/abi';
import { Status } from '../types/status';

/**
 * A metric that counts upwards.
 * @example at the top level
 * const refused = new Counter('refused');
 *
 * class Guard extends HttpFilter {
 *   onRequestHeaders(endOfStream: bool): Action {
 *     if (this.request.has('authorization')) return Action.Continue;
 *     refused.increment();
 *     return this.respond(401);
 *   }
 * }
 */
@final
export class Counter extends Metric {
  /** @param name letters, digits, `_` and `:`; other characters are shown as `_` */
  constructor(name: string) {
    super(MetricType.Counter, name);
  }

  /**
   * Counts; `NotFound` or `BadArgument` when the host has no such metric.
   * @example
   * new Counter('bytes_in').increment(this.requestBody.length);
   */
  increment(by: u32 = 1): Status {
    return this.addValue(by);
  }

  /**
   * Sum over this worker's life, or what the host reports instead; 0 when it cannot say.
   * @example
   * if (new Counter('seen').value() == 0) log.info('the first one');
   */
  value(): i64 {
    return this.currentValue();
  }
}
