import type { ListenerLimits } from '../config/schema-limits.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Connection, Exchange } from '../exchange/exchange.ts';
import type { RefusedHead } from '../proxy/refused.ts';

/**
 * Takes over an exchange. Answers through its sink, and reads or stops its body.
 * @param crowded the exchange is one more than `limits.exchanges` and is to be turned away
 */
export type ExchangeHandler = (exchange: Exchange, crowded: boolean) => void;

/**
 * Called for each request that a listener answers itself: malformed, too large, too slow, or unsupported.
 * @param head null when it could not be read
 * @returns the trace id for the answer
 */
export type RefusalHandler = (code: ErrorCode, connection: Connection, head: RefusedHead | null) => string;

/** An open listener. */
export interface Listener {
  readonly name: string;
  /** Where it really listens. */
  readonly address: string;
  readonly port: number;
  /** In force now. */
  readonly limits: ListenerLimits;
  /** Open downstream connections, those in a TLS handshake included. */
  readonly connections: number;
  /** Exchanges whose last byte has not left. */
  readonly activeExchanges: number;
  /**
   * Bytes held in memory for clients: responses that they have not taken yet, and request bodies that nobody has read
   * yet. Counted when asked, in time proportional to the connections.
   */
  readonly bufferedBytes: number;
  /** How long a connection without a request stays open, ms; holds for those that are idle already, from now. */
  setIdleTimeout(ms: number): void;
  /** false: every new connection is closed at once, until it is true again. Connections that are open stay. */
  setAccepting(accepting: boolean): void;
  /** New limits: for new connections, requests and pauses. */
  setLimits(limits: ListenerLimits): void;
  /**
   * Takes no new connection, closes idle ones and asks the others to close. Resolves when all exchanges are done, or
   * at the deadline when the rest has been cut off; with the number of those. A second call gets the first one's promise.
   */
  drain(deadlineMs?: number): Promise<number>;
  /** Cuts everything off at once. */
  close(): Promise<void>;
}
