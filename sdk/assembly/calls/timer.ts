import { TimerHandler } from '../contexts/timer-handler';
import { TimerQueue } from '../dispatch/timer-queue';

/**
 * Something that `Plugin.after` or `Plugin.every` has promised.
 * @example at the top level
 * class Refresh extends TimerHandler {
 *   onTimer(timer: Timer): void {
 *     log.info('time to refresh');
 *   }
 * }
 *
 * class Refreshing extends Plugin {
 *   private refresh: Timer | null = null;
 *
 *   onConfigure(configuration: string): bool {
 *     this.refresh = this.every(60_000, new Refresh());
 *     return true;
 *   }
 *
 *   createFilter(): HttpFilter {
 *     return new RefreshingFilter();
 *   }
 * }
 *
 * class RefreshingFilter extends HttpFilter {}
 */
@final
export class Timer {
  /** @internal */
  previous: Timer | null = null;
  /** @internal */
  next: Timer | null = null;
  /** @internal Null when nothing is to come. */
  queue: TimerQueue | null = null;
  /** @internal Microseconds of the queue's clock. */
  due: u64 = 0;

  /**
   * @internal
   * @param handler null: the plugin's `onTick`
   * @param period microseconds; 0: it comes once
   */
  constructor(readonly handler: TimerHandler | null, readonly period: u64) {}

  /**
   * True while it will come, or come again.
   * @example in a plugin
   * const timer = this.after(1000, new NothingToDo());
   * if (!timer.isActive) return this.refuse('the host has no timers');
   */
  get isActive(): bool {
    return this.queue != null;
  }

  /**
   * It will not come any more; without effect when it is over.
   * @example in a plugin
   * const timer = this.after(1000, new NothingToDo());
   * timer.cancel();
   */
  cancel(): void {
    const queue = this.queue;
    if (queue) queue.remove(this);
  }
}
