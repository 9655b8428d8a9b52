import { Metric } from './metric';
import { MetricType } from '../types/abi';
import { Status } from '../types/status';

/**
 * A metric that goes up and down.
 * @example at the top level
 * const waiting = new Gauge('waiting');
 *
 * class Watch extends HttpFilter {
 *   onRequestHeaders(endOfStream: bool): Action {
 *     waiting.add(1);
 *     return Action.Continue;
 *   }
 *
 *   onDone(): void {
 *     waiting.add(-1);
 *   }
 * }
 */
@final
export class Gauge extends Metric {
  /** @param name letters, digits, `_` and `:`; other characters are shown as `_` */
  constructor(name: string) {
    super(MetricType.Gauge, name);
  }

  /**
   * Sets the level; 0 or more on most hosts.
   * @example
   * new Gauge('last_length').set(this.requestBody.length);
   */
  set(value: i64): Status {
    return this.recordValue(value);
  }

  /**
   * Moves the level, downwards by a negative number.
   * @example
   * new Gauge('open').add(-1);
   */
  add(delta: i64): Status {
    return this.addValue(delta);
  }

  /**
   * The level in this worker; 0 when the host cannot say.
   * @example
   * if (new Gauge('waiting').value() > 100) return this.respond(503);
   */
  value(): i64 {
    return this.currentValue();
  }
}
