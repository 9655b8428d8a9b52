/** What the host has a number for: a context, or a call under way. */
export abstract class Numbered {
  /** @internal 0 before the host knows it, and when it is gone. */
  hostId: u32 = 0;
}
