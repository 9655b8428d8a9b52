/**
 * How a gRPC call has ended. The numbers are gRPC's.
 * @example at the top level
 * class Rights extends GrpcCallHandler {
 *   onReply(message: Body): void {}
 *
 *   onFailure(status: GrpcStatus): void {
 *     if (status.code == GrpcCode.PermissionDenied) log.info('not allowed');
 *   }
 * }
 */
export enum GrpcCode {
  /** Well. */
  Ok = 0,
  /** It was given up; also when its exchange has ended before it. */
  Cancelled = 1,
  /** The service says no more than that. */
  Unknown = 2,
  /** The service does not understand the message. */
  InvalidArgument = 3,
  /** Its time was over. */
  DeadlineExceeded = 4,
  /** What was asked for does not exist. */
  NotFound = 5,
  /** What was to be made exists. */
  AlreadyExists = 6,
  /** The caller is known, and may not. */
  PermissionDenied = 7,
  /** Too much: a quota is used up, or a message is too large. */
  ResourceExhausted = 8,
  /** Not in the state that the service is in. */
  FailedPrecondition = 9,
  /** Somebody else was faster. */
  Aborted = 10,
  /** Beyond the end. */
  OutOfRange = 11,
  /** There is no such method, or the answer is compressed. */
  Unimplemented = 12,
  /** The service, or its answer, is broken. */
  Internal = 13,
  /** The service cannot be reached; another try may help. */
  Unavailable = 14,
  /** Data is gone. */
  DataLoss = 15,
  /** The service does not know who calls. */
  Unauthenticated = 16,
}
