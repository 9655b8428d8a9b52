/** Fields of one log line; values must be JSON-safe and free of secrets. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The process log as the layers below telemetry see it. Levels as in pino. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

function drop(): void {}

/** A log that drops everything, for tests and pure uses. */
export const silentLog: Log = { debug: drop, info: drop, warn: drop, error: drop };
