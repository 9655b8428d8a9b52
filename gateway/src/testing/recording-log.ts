import type { Log, LogFields } from '../core/log.ts';

/** A line of the plugin, or of the gateway about it. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps every line, and hands it on. */
export class RecordingLog implements Log {
  readonly lines: LogLine[] = [];
  readonly #onLine: (line: LogLine) => void;

  constructor(onLine: (line: LogLine) => void) {
    this.#onLine = onLine;
  }

  debug(fields: LogFields, message: string): void {
    this.#keep({ level: 'debug', message, fields });
  }

  info(fields: LogFields, message: string): void {
    this.#keep({ level: 'info', message, fields });
  }

  warn(fields: LogFields, message: string): void {
    this.#keep({ level: 'warn', message, fields });
  }

  error(fields: LogFields, message: string): void {
    this.#keep({ level: 'error', message, fields });
  }

  #keep(line: LogLine): void {
    this.lines.push(line);
    this.#onLine(line);
  }
}
