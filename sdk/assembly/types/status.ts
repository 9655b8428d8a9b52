/**
 * What a host call has come to. The numbers are those of Proxy-Wasm 0.2.1.
 * @example
 * const status = this.request.set('x-user', 'zoe');
 * if (status != Status.Ok) log.warn(`x-user was not set: ${status}`);
 */
export enum Status {
  /** It has been done. */
  Ok = 0,
  /** There is no such thing. */
  NotFound = 1,
  /** An argument is wrong, or it cannot be done in this callback. */
  BadArgument = 2,
  /** Bytes could not be written in the form that was asked for. */
  SerializationFailure = 3,
  /** Names or headers of a call cannot be sent, or its service is unknown. */
  ParseFailure = 4,
  /** An expression is wrong. */
  BadExpression = 5,
  /** An address outside of the plugin's memory, or it has no room for the result. */
  InvalidMemoryAccess = 6,
  /** There is nothing in it. */
  Empty = 7,
  /** Somebody else has written in between. */
  CasMismatch = 8,
  /** The host's answer is not of the kind that was expected. */
  ResultMismatch = 9,
  /** The host cannot at the moment, for instance because too many calls are under way. */
  InternalFailure = 10,
  /** The connection to a service broke, or there was none. */
  BrokenConnection = 11,
  /** The host does not have this call. */
  Unimplemented = 12,
}
