import { Timer } from '../calls/timer';

/**
 * What happens when a timer is due. A class, because AssemblyScript has no closures: what the handler needs goes into its
 * fields.
 * @example at the top level
 * class Deadline extends TimerHandler {
 *   constructor(private filter: HttpFilter) {
 *     super();
 *   }
 *
 *   onTimer(timer: Timer): void {
 *     this.filter.respond(504); // without effect if the exchange has ended
 *   }
 * }
 */
export abstract class TimerHandler {
  /**
   * The time has come. Host calls are about the plugin; a filter's own methods are about its exchange.
   * @param timer may be cancelled here, if it comes again
   * @example at the top level
   * class Thrice extends TimerHandler {
   *   private left: i32 = 3;
   *
   *   onTimer(timer: Timer): void {
   *     if (--this.left == 0) timer.cancel();
   *   }
   * }
   */
  abstract onTimer(timer: Timer): void;
}
