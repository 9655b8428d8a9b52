import { Status } from '../types/status';

/**
 * What a foreign function has come to.
 * @example
 * const packed = foreign.call('compress', utf8('to be packed'));
 * if (packed.status == Status.Ok) log.info(`${packed.bytes.byteLength} bytes`);
 */
@final
export class ForeignResult {
  /** @internal */
  constructor(
    /** `Ok`; `NotFound`: no such function, or the operator does not allow it; else as the function says. */
    readonly status: Status,
    /** The result; empty when it has none, or has failed. */
    readonly bytes: ArrayBuffer,
  ) {}
}
