/** One attempt of a gRPC call. */
export interface GrpcCallRequest {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly authority: string;
  /** Flat pairs, names in lower case, without what gRPC itself sets. */
  readonly metadata: readonly string[];
  /** What the service is told of the deadline, in milliseconds; 0 = none. */
  readonly timeoutMs: number;
}

/** How a call ended. */
export interface GrpcOutcome {
  /** gRPC status, 0 to 16. */
  readonly status: number;
  /** Latin1; '' = none. */
  readonly message: string;
  /** Flat pairs; empty when there were none. */
  readonly trailers: readonly string[];
  /** Why there is no answer of the service; null: there is. */
  readonly failure: GrpcFailure | null;
}

/** `protocol`: what the service sends is not what gRPC is. `unsendable`: no request can hold the metadata. */
export type GrpcFailure = 'connect-failed' | 'overloaded' | 'reset' | 'too-large' | 'protocol' | 'unsendable';

/** Who hears of a call; never from within a call of its methods. */
export interface GrpcCallHandler {
  /** Head of the response, at most once; empty when its trailers came in its place. */
  onMetadata(pairs: readonly string[]): void;
  /** @param message the callee's to keep */
  onMessage(message: Buffer): void;
  /** May the call hold so many bytes more, to be sent, or received in pieces? */
  hold(bytes: number): boolean;
  /** It holds so many less. Those of a call that has ended are not given back one by one. */
  release(bytes: number): void;
  /** Once, and last. */
  onEnd(outcome: GrpcOutcome): void;
}

export interface GrpcMessageLimits {
  /** Bytes of a received message. */
  readonly message: number;
  /** Bytes of messages that wait to be sent, and some more for each of them. */
  readonly sending: number;
}
