import { ForeignResult } from './foreign-result';
import { OUT_ADDRESS, OUT_SIZE, takeBytes } from '../dispatch/memory';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

// @ts-ignore: decorator
@external('env', 'proxy_call_foreign_function')
declare function proxy_call_foreign_function(
  name: usize, nameSize: i32, argument: usize, size: i32, outAddress: usize, outSize: usize,
): Status;

/**
 * Functions of the host beyond Proxy-Wasm, by name: `compress`, `uncompress`, `clear_route_cache` and others that
 * docs/plugins/abi.md lists. Other hosts have others.
 * @example
 * foreign.call('clear_route_cache'); // the request's headers have changed: choose the route anew
 */
export namespace foreign {
  /**
   * Calls a function about the exchange whose callback is running. Look at the result's `status`, then at its `bytes`.
   * @param argument in the form that the function asks for
   * @example
   * const plain = foreign.call('uncompress', this.responseBody.bytes());
   * if (plain.status == Status.Ok) this.responseBody.replace(plain.bytes);
   */
  export function call(name: string, argument: ArrayBuffer = new ArrayBuffer(0)): ForeignResult {
    const bytes = utf8(name);
    const status = proxy_call_foreign_function(
      changetype<usize>(bytes), bytes.byteLength, changetype<usize>(argument), argument.byteLength, OUT_ADDRESS, OUT_SIZE,
    );
    return new ForeignResult(status, status == Status.Ok ? takeBytes() : new ArrayBuffer(0));
  }
}
