import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import type { HeaderList } from './headers.ts';

/** What a sink tells its writer. */
export interface SinkWriter {
  /** After `data` returned false: go on. */
  onDrain(): void;
  /**
   * The receiver is gone before `end` (a client closed its connection). Comes at most once, never after `end` was
   * delivered, never from within a call of the sink. Whatever is written later is dropped.
   *
   * @param code SLUICE_CLIENT_ABORTED, or why the gateway itself has cut the receiver off
   */
  onSinkClosed(code: ErrorCode): void;
  /**
   * After `upgrade`: both sides of the tunnel are closed. Comes once and last, in place of `onSinkClosed`.
   *
   * @param sent bytes that went to the receiver of the response @param received bytes that came from it
   * @param failure null when both sides ended in good order
   */
  onTunnelClosed(sent: number, received: number, failure: ErrorCode | null): void;
}

/**
 * Takes a response. The same contract stands on both sides of the gateway: a listener offers one to the proxy, and the
 * proxy offers one to the upstream client, which reports its response (or failure) through it.
 *
 * Order: `informational`* → `head` → `data`* → `trailers`? → `end`; or `upgrade` instead of `head`; `reset` at any time
 * before `end` and last. A response may come before the request body is complete: the writer goes on, and the owner of
 * the request body decides whether to `stop` it.
 */
export interface ResponseSink {
  /** Who hears of drain and close. Set before the first call of the sink; replaced when another writer takes over. */
  writer: SinkWriter | null;
  /** A 1xx head other than 101. */
  informational(status: number, headers: HeaderList): void;
  /**
   * The final head. `endOfStream` promises that neither data nor trailers follow; `end` still does.
   * The list passes to the sink, which may change it.
   */
  head(status: number, headers: HeaderList, endOfStream: boolean): void;
  /**
   * A chunk, valid until the call returns: a sink that cannot pass it on at once copies it.
   * False: slow down until `onDrain`; the chunk was taken nevertheless.
   */
  data(chunk: Buffer): boolean;
  trailers(headers: HeaderList): void;
  end(): void;
  /**
   * 101, to an exchange that asked for it: bytes flow both ways over `duplex` from now on. It is the sink's, which connects
   * it to the client, resumes it, and destroys it when the client is gone. `Upgrade` in the list names the protocol; the list passes
   * to the sink.
   */
  upgrade(headers: HeaderList, duplex: Duplex): void;
  /**
   * The response ends here, incomplete. Before `head` an upstream client reports its failure so, with the code that
   * becomes the local reply; after `head` the connection (HTTP/2: stream) to the client is torn down, because the
   * client must see that bytes are missing.
   */
  reset(code: ErrorCode): void;
}
