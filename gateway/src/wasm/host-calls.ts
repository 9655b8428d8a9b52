/** Host calls by the name a guest imports them under. Numbers come signed, 64-bit ones as bigint. */
export type HostCalls = Readonly<Record<string, (...args: never[]) => number>>;
