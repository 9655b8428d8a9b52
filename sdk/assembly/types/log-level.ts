/**
 * How much a log line matters; the higher, the more.
 * @example
 * if (log.enabled(LogLevel.Debug)) log.debug(this.request.entries().length.toString());
 */
export enum LogLevel {
  /** Every step. */
  Trace = 0,
  /** For whoever looks for a mistake. */
  Debug = 1,
  /** Something worth knowing has happened. */
  Info = 2,
  /** Something is odd, and the plugin goes on. */
  Warn = 3,
  /** Something does not work. */
  Error = 4,
  /** The plugin cannot go on. */
  Critical = 5,
}
