import { OUT_ADDRESS, OUT_NUMBER, OUT_SIZE, takeBytes, utf8 } from './memory';
import { Status } from './types';

// @ts-ignore: decorator
@external('env', 'proxy_get_shared_data')
declare function proxy_get_shared_data(key: usize, size: i32, outAddress: usize, outSize: usize, outCas: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_set_shared_data')
declare function proxy_set_shared_data(key: usize, keySize: i32, value: usize, size: i32, cas: u32): Status;

/** An absent key accepts any version, a present one only its own: this one, which no host reaches, creates but never overwrites. */
const ONLY_IF_ABSENT: u32 = 0xffff_ffff;
/** Losing so many races in a row means that something else is wrong. */
const ATTEMPTS = 32;

/** A value and the version to hand back when it is replaced. */
@final
export class SharedValue {
  constructor(readonly bytes: ArrayBuffer, readonly cas: u32) {}

  text(): string {
    return String.UTF8.decode(this.bytes);
  }
}

/** One step of a read-modify-write. A class, because AssemblyScript has no closures: the state goes into its fields. */
export abstract class SharedUpdate {
  /** The new value for the old one (null: the key is absent). May be called again when another worker was faster. */
  abstract apply(old: ArrayBuffer | null): ArrayBuffer;
}

/** A store that all workers of the gateway share; every plugin has one of its own for each tenant. */
export namespace sharedData {
  export function get(key: string): SharedValue | null {
    const name = utf8(key);
    const status = proxy_get_shared_data(
      changetype<usize>(name), name.byteLength, OUT_ADDRESS, OUT_SIZE, OUT_NUMBER,
    );
    return status == Status.Ok ? new SharedValue(takeBytes(), load<u32>(OUT_NUMBER)) : null;
  }

  /** Stores a value; with a `cas` other than 0 only if nobody has changed it since, else `CasMismatch`. */
  export function set(key: string, value: ArrayBuffer, cas: u32 = 0): Status {
    const name = utf8(key);
    return proxy_set_shared_data(
      changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength, cas,
    );
  }

  /** Replaces a value by what `change` makes of it, and again while other workers get in between. */
  export function update(key: string, change: SharedUpdate): Status {
    let status = Status.CasMismatch;
    for (let i = 0; i < ATTEMPTS && status == Status.CasMismatch; i++) {
      const old = get(key);
      status = set(key, change.apply(old ? old.bytes : null), old ? old.cas : ONLY_IF_ABSENT);
    }
    return status;
  }

  /** Adds to a number of 8 bytes (absent: 0) and answers the sum with the status of the write. */
  export function add(key: string, by: i64): SharedSum {
    const sum = new SharedSum(by);
    sum.status = update(key, sum);
    return sum;
  }
}

/** The addition behind `sharedData.add`, and its outcome. */
@final
export class SharedSum extends SharedUpdate {
  status: Status = Status.Ok;
  /** The value after the addition; of use only when `status` is `Ok`. */
  value: i64 = 0;

  constructor(private by: i64) {
    super();
  }

  apply(old: ArrayBuffer | null): ArrayBuffer {
    const before = old && old.byteLength == 8 ? load<i64>(changetype<usize>(old)) : 0;
    this.value = before + this.by;
    const bytes = new ArrayBuffer(8);
    store<i64>(changetype<usize>(bytes), this.value);
    return bytes;
  }
}
