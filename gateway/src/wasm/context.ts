import type { ContextHost, LocalResponse } from './host.ts';

/** A context of the ABI: the root of a plugin, or one exchange. */
export class Context {
  /** Unique within the VM for its whole life; 1 is the root. */
  readonly id: number;
  readonly host: ContextHost;
  readonly isRoot: boolean;
  /** Bits of `Action` the guest asked for and nobody has delivered yet. */
  actions = 0;
  localResponse: LocalResponse | null = null;
  /** `proxy_on_done` answered false: the guest will call `proxy_done`. */
  awaitsDone = false;
  /** Its exchange is over; the guest is being told. */
  ended = false;
  /** Callouts under way that end with it. */
  callouts = 0;
  /** The guest has answered the exchange itself; a second answer is none. */
  replied = false;
  /** It stands in the VM's queue of contexts with actions. */
  queued = false;

  constructor(id: number, host: ContextHost, isRoot: boolean) {
    this.id = id;
    this.host = host;
    this.isRoot = isRoot;
  }

  /** Hands what the guest asked for to the host, once. */
  deliverActions(): void {
    const { actions, localResponse } = this;
    this.actions = 0;
    this.localResponse = null;
    if (actions !== 0) this.host.onActions(actions, localResponse);
  }
}
