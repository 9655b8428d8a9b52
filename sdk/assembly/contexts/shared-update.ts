/**
 * One step of a read-modify-write on shared data. A class, because AssemblyScript has no closures: what the step needs goes
 * into its fields.
 * @example at the top level
 * class Longest extends SharedUpdate {
 *   constructor(private path: string) {
 *     super();
 *   }
 *
 *   apply(old: ArrayBuffer | null): ArrayBuffer {
 *     return old && old.byteLength >= this.path.length ? old : utf8(this.path);
 *   }
 * }
 *
 * class Remember extends HttpFilter {
 *   onRequestHeaders(endOfStream: bool): Action {
 *     sharedData.update('longest', new Longest(this.request.get(':path') || ''));
 *     return Action.Continue;
 *   }
 * }
 */
export abstract class SharedUpdate {
  /**
   * The new value for the old one; null: the key is absent. May be called again when another worker was faster.
   * @example at the top level
   * class Reset extends SharedUpdate {
   *   apply(old: ArrayBuffer | null): ArrayBuffer {
   *     return new ArrayBuffer(8);
   *   }
   * }
   */
  abstract apply(old: ArrayBuffer | null): ArrayBuffer;
}
