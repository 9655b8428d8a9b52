import type { ErrorCode } from '../core/errors.ts';
import type { HeaderList } from './headers.ts';

/** Receives a body. Exactly one of `onBodyEnd` and `onBodyError` comes, once, last. */
export interface BodyReader {
  /**
   * A chunk, never empty. It belongs to the source and is valid **until this call returns**: socket read buffers are
   * reused. Who keeps it copies it. To slow the source down, call `pause()` on it.
   */
  onBodyData(chunk: Buffer): void;
  /** The body is complete. `trailers` is null when there are none. */
  onBodyEnd(trailers: HeaderList | null): void;
  /** The body will never be complete: SLUICE_CLIENT_ABORTED, SLUICE_REQUEST_BODY_TOO_LARGE, SLUICE_REQUEST_TIMEOUT, … */
  onBodyError(code: ErrorCode): void;
}

/**
 * The body of a request, pushed. Nothing arrives before `read`, and nothing after `stop`. An exchange without a body
 * has no source (`null`), never an empty one.
 */
export interface BodySource {
  /** Length announced by the sender, or -1 when it is not known (chunked). */
  readonly length: number;
  /** Bytes delivered to the reader so far. */
  readonly received: number;
  /**
   * Bytes that it delivers at most; a longer body fails with SLUICE_REQUEST_BODY_TOO_LARGE. May be lowered before `read`.
   */
  limit: number;
  /** A trailer that its reader never sees, in lower case; '' = none. May be set before `read`. */
  hiddenTrailer: string;
  /** performance.now() when the body was complete; 0 while it is still coming. */
  readonly completedAt: number;
  /** Starts delivery, at the earliest in a later turn of the event loop. Called at most once. */
  read(reader: BodyReader): void;
  /** No chunk comes until `resume`; one that is already on its way may still come. */
  pause(): void;
  resume(): void;
  /**
   * Nobody wants the rest: an early response, an aborted attempt. No further callback comes. The source gets rid of
   * what remains (a server drains a little or closes the connection after the response).
   */
  stop(): void;
}

/** For sources: what their reader sees of trailers. @param name in lower case; '' = nothing is hidden */
export function withoutTrailer(trailers: HeaderList | null, name: string): HeaderList | null {
  if (trailers === null || name === '') return trailers;
  trailers.remove(name);
  return trailers.size === 0 ? null : trailers;
}
