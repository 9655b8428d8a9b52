/**
 * What a callback of an exchange answers: whether what it was shown goes on.
 * @example at the top level
 * class Sign extends HttpFilter {
 *   onResponseHeaders(endOfStream: bool): Action {
 *     this.response.set('x-signed', 'yes');
 *     return Action.Continue;
 *   }
 * }
 */
export enum Action {
  /** What was shown goes on to the next filter, with everything of it that was held before. */
  Continue = 0,
  /**
   * Everything is held until `resumeRequest`, `resumeResponse` or `respond`. From a body callback, too: the next piece
   * comes all the same, and the body then shows all that is held. What outgrows the plugin's limit fails: 413 for a
   * request, the failure policy of the use for a response.
   */
  Pause = 1,
  /** Body callbacks only: as `Pause`, but at the limit the sender waits until the plugin resumes, and nothing fails. */
  PauseAtLimit = 2,
  /** Body callbacks only: what was shown goes nowhere, because the plugin has read it; the end is held. */
  Drop = 3,
}
