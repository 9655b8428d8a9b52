import { Numbered } from './numbered';
import { Context } from '../contexts/context';

/**
 * A call to a service under way, under the number that the host gave it. It stands in the list of the context that made it,
 * because it ends with that one, and some hosts say nothing then.
 */
export abstract class PendingCall extends Numbered {
  /** Null when it has ended. */
  owner: Context | null = null;
  private previous: PendingCall | null = null;
  private next: PendingCall | null = null;

  /** The host has taken it. */
  begin(id: u32, owner: Context): void {
    this.hostId = id;
    this.owner = owner;
    const first = owner.hostCalls;
    if (first) first.previous = this;
    this.next = first;
    owner.hostCalls = this;
  }

  /** It has ended: its context knows it no longer. */
  finish(): void {
    const owner = this.owner;
    if (!owner) return;
    const previous = this.previous;
    const next = this.next;
    if (previous) previous.next = next;
    else owner.hostCalls = next;
    if (next) next.previous = previous;
    this.owner = null;
    this.previous = null;
    this.next = null;
  }

  /** Its context is gone, and the answer with it: tells the handler. */
  abstract abandon(): void;
}
