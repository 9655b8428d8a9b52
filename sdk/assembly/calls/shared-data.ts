import { SharedSum } from './shared-sum';
import { SharedValue } from './shared-value';
import { SharedUpdate } from '../contexts/shared-update';
import { OUT_ADDRESS, OUT_NUMBER, OUT_SIZE, takeBytes } from '../dispatch/memory';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

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

/**
 * Values by key that all instances of the plugin share, in every worker; every plugin has a store of its own for each
 * tenant, of up to 1 MiB. When it is full, what was not used for longest goes. It is gone when the gateway stops.
 * @example
 * const sum = sharedData.add('visits', 1);
 * if (sum.status == Status.Ok) this.request.setInteger('x-visits', sum.value);
 */
export namespace sharedData {
  /**
   * A copy of a value, or null when there is none.
   * @example
   * const flag = sharedData.get('maintenance');
   * if (flag && flag.text() == 'on') return this.respond(503);
   */
  export function get(key: string): SharedValue | null {
    const name = utf8(key);
    const status = proxy_get_shared_data(
      changetype<usize>(name), name.byteLength, OUT_ADDRESS, OUT_SIZE, OUT_NUMBER,
    );
    return status == Status.Ok ? new SharedValue(takeBytes(), load<u32>(OUT_NUMBER)) : null;
  }

  /**
   * Stores a value; `CasMismatch` when it was not stored, because there is no room or somebody has changed it since.
   * @param cas the number of the value that it may replace; 0 replaces any
   * @example
   * sharedData.set('maintenance', utf8('on'));
   */
  export function set(key: string, value: ArrayBuffer, cas: u32 = 0): Status {
    const name = utf8(key);
    return proxy_set_shared_data(
      changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength, cas,
    );
  }

  /**
   * Replaces a value by what `change` makes of it, and again, up to 32 times, while others get in between; then
   * `CasMismatch`.
   * @example at the top level
   * class Append extends SharedUpdate {
   *   constructor(private word: string) {
   *     super();
   *   }
   *
   *   apply(old: ArrayBuffer | null): ArrayBuffer {
   *     return utf8((old ? fromUtf8(old) : '') + this.word);
   *   }
   * }
   *
   * class Collect extends HttpFilter {
   *   onRequestHeaders(endOfStream: bool): Action {
   *     sharedData.update('paths', new Append(this.request.get(':path') || ''));
   *     return Action.Continue;
   *   }
   * }
   */
  export function update(key: string, change: SharedUpdate): Status {
    let status = Status.CasMismatch;
    for (let i = 0; i < ATTEMPTS && status == Status.CasMismatch; i++) {
      const old = get(key);
      status = set(key, change.apply(old ? old.bytes : null), old ? old.cas : ONLY_IF_ABSENT);
    }
    return status;
  }

  /**
   * Adds to a number of 8 bytes, 0 when the key is absent or holds something else. Look at the sum's `status`, then at its
   * `value`.
   * @param by may be negative; 0 reads
   * @example
   * const used = sharedData.add('quota', 1);
   * if (used.status == Status.Ok && used.value > 100) return this.respond(429);
   */
  export function add(key: string, by: i64): SharedSum {
    const sum = new SharedSum(by);
    sum.status = update(key, sum);
    return sum;
  }
}
