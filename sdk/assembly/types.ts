/** Answer of every host call. The numbers are those of Proxy-Wasm 0.2.1. */
export enum Status {
  Ok = 0,
  NotFound = 1,
  BadArgument = 2,
  SerializationFailure = 3,
  ParseFailure = 4,
  BadExpression = 5,
  InvalidMemoryAccess = 6,
  Empty = 7,
  CasMismatch = 8,
  ResultMismatch = 9,
  InternalFailure = 10,
  BrokenConnection = 11,
  Unimplemented = 12,
}

/** What a callback of an exchange answers. */
export enum Action {
  /** What was shown goes on to the next filter, with everything of it that was held before. */
  Continue = 0,
  /**
   * Everything is held until `resumeRequest`, `resumeResponse` or `respond`. From a body callback, too: the next piece
   * comes all the same, and the body then shows all that is held. What outgrows the plugin's limit fails: 413 for a
   * request, the failure policy of the use for a response.
   */
  Pause = 1,
  /** Body callbacks only: as `Pause`, but at the limit the sender waits until the plugin resumes, and nothing fails. */
  PauseAtLimit = 2,
  /** Body callbacks only: what was shown goes nowhere, because the plugin has read it; the end is held. */
  Drop = 3,
}

export enum LogLevel {
  Trace = 0,
  Debug = 1,
  Info = 2,
  Warn = 3,
  Error = 4,
  Critical = 5,
}

export enum MapType {
  RequestHeaders = 0,
  RequestTrailers = 1,
  ResponseHeaders = 2,
  ResponseTrailers = 3,
  GrpcInitialMetadata = 4,
  GrpcTrailingMetadata = 5,
  CalloutHeaders = 6,
  CalloutTrailers = 7,
}

export enum BufferType {
  RequestBody = 0,
  ResponseBody = 1,
  CalloutBody = 4,
  GrpcMessage = 5,
  VmConfiguration = 6,
  PluginConfiguration = 7,
  RedisReply = 9,
}

export enum StreamType {
  Request = 0,
  Response = 1,
}

export enum MetricType {
  Counter = 0,
  Gauge = 1,
  Histogram = 2,
}
