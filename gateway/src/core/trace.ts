/** Trace identity of one exchange: W3C Trace Context and, when the caller speaks SkyWalking, sw8. */
export interface TraceContext {
  /** 32 lower-case hex digits; in the access log, error bodies and plugin properties. */
  readonly traceId: string;
  /** 16 lower-case hex digits: the gateway's own span. */
  readonly spanId: string;
  /** Parent span of the caller, or ''. */
  readonly parentId: string;
  readonly sampled: boolean;
}
