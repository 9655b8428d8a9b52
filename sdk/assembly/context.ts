/** What the host has a number for: a plugin or a filter. */
export abstract class Context {
  /** Number of this context within its virtual machine; 0 before it is known to the host. */
  contextId: u32 = 0;
}
