/** Numbers of the Proxy-Wasm ABI (0.1.0 to 0.2.1) and of the part of WASI that its guests use. */

export type AbiVersion = '0.1.0' | '0.2.0' | '0.2.1' | '0.2.100';

/** Exported function that marks a module, and the version it stands for. `0.2.100` is Higress' dialect of 0.2.1. */
export const ABI_MARKERS: Readonly<Record<string, AbiVersion>> = {
  proxy_abi_version_0_1_0: '0.1.0',
  proxy_abi_version_0_2_0: '0.2.0',
  proxy_abi_version_0_2_1: '0.2.1',
  proxy_abi_version_0_2_100: '0.2.100',
};

/** What every `proxy_*` host call answers. */
export const Status = {
  ok: 0,
  notFound: 1,
  badArgument: 2,
  serializationFailure: 3,
  parseFailure: 4,
  invalidMemoryAccess: 6,
  empty: 7,
  casMismatch: 8,
  internalFailure: 10,
  brokenConnection: 11,
  unimplemented: 12,
} as const;

export const LogLevel = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, critical: 5 } as const;

export const BufferType = {
  requestBody: 0,
  responseBody: 1,
  calloutBody: 4,
  grpcMessage: 5,
  vmConfiguration: 6,
  pluginConfiguration: 7,
  /** Higress. */
  redisReply: 9,
  last: 9,
} as const;

export const MapType = {
  requestHeaders: 0,
  requestTrailers: 1,
  responseHeaders: 2,
  responseTrailers: 3,
  grpcInitialMetadata: 4,
  grpcTrailingMetadata: 5,
  calloutHeaders: 6,
  calloutTrailers: 7,
  last: 7,
} as const;

export const StreamType = { request: 0, response: 1, last: 3 } as const;

export const MetricType = { counter: 0, gauge: 1, histogram: 2 } as const;

/** Result of a header callback: 0 and 2 let the head go on, 2 as the end of the message; every other value holds it. */
export const HeaderResult = { continue: 0, stopIteration: 1, continueAndEndStream: 2 } as const;

/** Result of a body callback; higher values are taken for the last. */
export const BodyResult = { continue: 0, stopAndBuffer: 1, stopAndWatermark: 2, stopWithoutBuffer: 3 } as const;

export const Errno = {
  success: 0,
  badFile: 8,
  fault: 21,
  invalid: 28,
  noEntry: 44,
  notImplemented: 52,
  notSupported: 58,
} as const;
