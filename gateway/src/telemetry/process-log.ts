import { type DestinationStream, pino } from 'pino';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { redact } from './redact.ts';
import { createStderrWriter } from './stderr.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface ProcessLogOptions {
  /** Least level that is written; default 'info'. */
  readonly level?: LogLevel;
  /** Which thread speaks: 'main', 'worker 1'. Default 'main'. */
  readonly thread?: string;
  /** Takes whole lines with their newline; default standard error. */
  readonly write?: (line: string) => void;
}

/**
 * The process log: JSON lines on standard error. Every thread writes for itself and at once, so that the last words of
 * one that dies are not lost; a line fits what the system writes to a pipe in one piece. Values under keys that name
 * a secret are replaced, as a last line of defence.
 */
export function createProcessLog(options: ProcessLogOptions = {}): Log {
  return pino(
    {
      level: options.level ?? 'info',
      base: { thread: options.thread ?? 'main' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redact },
    },
    new LineDestination(options.write ?? createStderrWriter()),
  );
}

/** Passes lines on, and puts a short one in the place of a line that is too long. */
class LineDestination implements DestinationStream {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  write(line: string): void {
    this.#write(Buffer.byteLength(line) <= LIMITS.processLogLineBytes ? line : shortened(line));
  }
}

/** The same line with its message and the beginning of its fields as text, as much as fits. */
function shortened(line: string): string {
  const { level, time, thread, msg } = JSON.parse(line) as Record<string, unknown>;
  for (let keep = LIMITS.processLogLineBytes >> 1; ; keep >>= 1) {
    const short = { level, time, thread, truncated: line.slice(0, keep), msg: String(msg).slice(0, keep >> 1) };
    const text = `${JSON.stringify(short)}\n`;
    if (Buffer.byteLength(text) <= LIMITS.processLogLineBytes) return text;
  }
}
