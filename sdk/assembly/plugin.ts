import { Context } from './context';
import { focus } from './effective';
import { HttpFilter } from './http-filter';
import { log } from './log';
import { Status } from './types';

// @ts-ignore: decorator
@external('env', 'proxy_set_tick_period_milliseconds')
declare function proxy_set_tick_period_milliseconds(period: u32): Status;

/** One plugin configuration: made when the configuration is loaded, replaced as a whole when it changes. */
export abstract class Plugin extends Context {
  /** The virtual machine is up. False refuses the plugin. */
  onStart(configuration: string): bool {
    return true;
  }

  /**
   * The plugin's configuration as JSON text, `''` when there is none. Read it with `Settings`, keep what the exchanges
   * need, and answer true, or `this.refuse(reason)`.
   */
  onConfigure(configuration: string): bool {
    return true;
  }

  /** Comes every `setTickPeriod` milliseconds. */
  onTick(): void {}

  /** The filter of a new exchange. */
  abstract createFilter(): HttpFilter;

  /** Time between two `onTick`, in milliseconds; 0 stops them. */
  setTickPeriod(milliseconds: u32): Status {
    return focus(this.contextId) ? proxy_set_tick_period_milliseconds(milliseconds) : Status.BadArgument;
  }

  /** Refuses the configuration: `return this.refuse('what is wrong; what would be right')`. The reason is logged. */
  refuse(reason: string): bool {
    log.error(reason);
    return false;
  }

  /** Takes the configuration when there is no problem, refuses it with the problem otherwise. */
  acceptUnless(problem: string): bool {
    return problem.length == 0 || this.refuse(problem);
  }
}
