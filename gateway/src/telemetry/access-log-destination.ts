import { close, closeSync, constants, fstatSync, open, openSync, write } from 'node:fs';
import type { Writable } from 'node:stream';
import { GatewayError } from '../core/errors.ts';

/** Where batches of log lines go. One write at a time: the next comes after `done` of the one before. */
export interface LogDestination {
  readonly name: string;
  /** `done` comes once, later, with the failure if there was one. Never throws. */
  write(bytes: Buffer, done: (error: Error | null) => void): void;
  /** Opens the path anew, after logrotate moved the file. Does nothing where there is no path. */
  reopen(done: (error: Error | null) => void): void;
  close(): void;
}

/** Log files hold addresses of people: readable by the group, not by the world. */
const FILE_MODE = 0o640;
/** Without O_NONBLOCK a named pipe that nobody reads would hold the start for ever; on files it has no effect. */
const APPEND = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NONBLOCK;
const STDOUT = 1;

/**
 * @param path 'stdout' or a file, which is appended to and created with mode 0640.
 * @throws GatewayError SLUICE_ACCESSLOG_UNWRITABLE
 */
export function openDestination(path: string): LogDestination {
  if (path === 'stdout') {
    // Redirected into a file, process.stdout writes synchronously and dies of the first full disk.
    return fstatSync(STDOUT).isFile() ? new FileDestination('', STDOUT) : new StreamDestination(process.stdout);
  }
  try {
    return new FileDestination(path, openSync(path, APPEND, FILE_MODE));
  } catch (error) {
    throw new GatewayError('SLUICE_ACCESSLOG_UNWRITABLE', `accessLog.path ${path}`, { cause: error });
  }
}

/** A regular file, written through the thread pool. */
class FileDestination implements LogDestination {
  readonly name: string;
  readonly #path: string;
  #fd: number;
  #writing = false;
  /** A failed write left half a line behind; the next begins on a new one. */
  #torn = false;
  /** Descriptor to close as soon as no write uses it. */
  #retired = -1;

  /** @param path '' for a descriptor that is not ours. */
  constructor(path: string, fd: number) {
    this.name = path === '' ? 'stdout' : path;
    this.#path = path;
    this.#fd = fd;
  }

  write(bytes: Buffer, done: (error: Error | null) => void): void {
    this.#writing = true;
    const whole = this.#torn ? Buffer.concat([Buffer.from('\n'), bytes]) : bytes;
    this.#writeFrom(whole, 0, done);
  }

  reopen(done: (error: Error | null) => void): void {
    if (this.#path === '') {
      done(null);
      return;
    }
    open(this.#path, APPEND, FILE_MODE, (error, fd) => {
      if (error === null) this.#replace(fd);
      done(error);
    });
  }

  close(): void {
    if (this.#path === '' || this.#fd === -1) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #replace(fd: number): void {
    const old = this.#fd;
    if (old === -1) {
      closeSync(fd);
      return;
    }
    this.#fd = fd;
    this.#torn = false;
    if (this.#writing && this.#retired === -1) this.#retired = old;
    else close(old, ignore);
  }

  #writeFrom(bytes: Buffer, offset: number, done: (error: Error | null) => void): void {
    const fd = this.#retired === -1 ? this.#fd : this.#retired;
    write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
      const at = error === null ? offset + written : offset;
      if (error === null && at < bytes.length) {
        this.#writeFrom(bytes, at, done);
        return;
      }
      if (at > 0) this.#torn = bytes[at - 1] !== NEWLINE;
      this.#writing = false;
      if (this.#retired !== -1) {
        close(this.#retired, ignore);
        this.#retired = -1;
        this.#torn = false;
      }
      done(error);
    });
  }
}

const NEWLINE = 0x0a;

function ignore(): void {}

/** A pipe, socket or terminal. Once its reader is gone it stays gone. */
export class StreamDestination implements LogDestination {
  readonly name = 'stdout';
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Failures reach `done`; without a listener the event alone would end the process.
    stream.on('error', ignore);
  }

  write(bytes: Buffer, done: (error: Error | null) => void): void {
    this.#stream.write(bytes, (error) => done(error ?? null));
  }

  reopen(done: (error: Error | null) => void): void {
    done(null);
  }

  close(): void {
    // Standard output belongs to the process, and its last lines may still be on their way.
  }
}
