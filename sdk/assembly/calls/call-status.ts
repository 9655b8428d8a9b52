import { OUT_ADDRESS, OUT_NUMBER, OUT_SIZE, takeUtf8 } from '../dispatch/memory';
import { Status } from '../types/status';

// @ts-ignore: decorator
@external('env', 'proxy_get_status')
declare function proxy_get_status(outCode: usize, outAddress: usize, outSize: usize): Status;

/** The host's number for how the call ended whose callback is running; 0 when it does not say. */
export function callStatus(): u32 {
  return proxy_get_status(OUT_NUMBER, OUT_ADDRESS, OUT_SIZE) == Status.Ok ? load<u32>(OUT_NUMBER) : 0;
}

/** The words that go with it; `''` when there are none. */
export function callMessage(): string {
  return proxy_get_status(OUT_NUMBER, OUT_ADDRESS, OUT_SIZE) == Status.Ok ? takeUtf8() : '';
}
