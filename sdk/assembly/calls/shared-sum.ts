import { SharedUpdate } from '../contexts/shared-update';
import { Status } from '../types/status';

/**
 * What an addition to shared data has come to.
 * @example
 * const visits = sharedData.add('visits', 1);
 * if (visits.status == Status.Ok && visits.value > 1000) return this.respond(429);
 */
@final
export class SharedSum extends SharedUpdate {
  /** `Ok`, or `CasMismatch` when there is no room, or no end of others who write. */
  status: Status = Status.Ok;
  /** The number after the addition; of use only when `status` is `Ok`. */
  value: i64 = 0;

  /** @internal */
  constructor(private by: i64) {
    super();
  }

  /** @internal */
  apply(old: ArrayBuffer | null): ArrayBuffer {
    const before = old && old.byteLength == 8 ? load<i64>(changetype<usize>(old)) : 0;
    this.value = before + this.by;
    const bytes = new ArrayBuffer(8);
    store<i64>(changetype<usize>(bytes), this.value);
    return bytes;
  }
}
