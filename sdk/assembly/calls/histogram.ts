import { Metric } from './metric';
import { MetricType } from '../types/abi';
import { Status } from '../types/status';

/**
 * A metric of how values are spread, such as durations and sizes.
 * @example at the top level
 * const sizes = new Histogram('body_bytes');
 *
 * class Measure extends HttpFilter {
 *   onRequestBody(body: Body, endOfStream: bool): Action {
 *     sizes.record(body.length);
 *     return Action.Continue;
 *   }
 * }
 */
@final
export class Histogram extends Metric {
  /** @param name letters, digits, `_` and `:`; other characters are shown as `_` */
  constructor(name: string) {
    super(MetricType.Histogram, name);
  }

  /**
   * Records one value.
   * @example
   * new Histogram('headers').record(this.request.entries().length);
   */
  record(value: u32): Status {
    return this.recordValue(value);
  }
}
