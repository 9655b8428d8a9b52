import type { FrameFault } from './grpc-frames.ts';
import { GrpcStatus } from './grpc-status.ts';
import type { GrpcFailure } from './grpc.ts';

/** How a call ends that the service does not end. */
export type Ending = readonly [status: number, message: string, failure: GrpcFailure];

export const FAULTS: Readonly<Record<FrameFault, Ending>> = {
  compressed: [GrpcStatus.unimplemented, 'compressed messages are not supported', 'protocol'],
  'too-large': [GrpcStatus.resourceExhausted, 'a received message is too large', 'too-large'],
  flag: [GrpcStatus.internal, 'a received message has an unknown flag', 'protocol'],
};

export const NO_CONNECTION: Ending = [GrpcStatus.unavailable, 'no HTTP/2 connection to the endpoint', 'connect-failed'];
export const NO_ROOM: Ending = [GrpcStatus.unavailable, 'all streams to the endpoint are busy', 'overloaded'];
export const NO_MEMORY: Ending = [
  GrpcStatus.resourceExhausted,
  'the plugins of the tenant hold too much',
  'overloaded',
];
export const UNSENDABLE: Ending = [GrpcStatus.internal, 'the metadata cannot be sent', 'unsendable'];
export const NOT_GRPC: Ending = [GrpcStatus.unknown, 'the service answered with something other than gRPC', 'protocol'];
export const CUT_OFF: Ending = [GrpcStatus.internal, 'the last message was cut off', 'protocol'];
export const LOST: Ending = [GrpcStatus.unavailable, 'the connection was lost', 'reset'];
