import { Body } from './body';
import { HeaderMap } from './header-map';
import { BufferType, MapType } from '../types/abi';

/**
 * The answer to a call, complete. A view: what is needed after `onResponse` has to be kept by then.
 * @example at the top level
 * class Keys extends HttpCallHandler {
 *   onResponse(response: HttpCallResponse): void {
 *     if (response.status == 200) sharedData.set('keys', response.body.bytes());
 *   }
 *
 *   onFailure(): void {
 *     log.warn(`no keys: ${this.failureReason}`);
 *   }
 * }
 */
@final
export class HttpCallResponse {
  /** Its headers, `:status` among them; read only. */
  readonly headers: HeaderMap = new HeaderMap(MapType.CalloutHeaders);
  /** Its body, up to 1 MiB; read only. */
  readonly body: Body = new Body(BufferType.CalloutBody);
  /** Its trailers, empty when there are none; read only. */
  readonly trailers: HeaderMap = new HeaderMap(MapType.CalloutTrailers);

  /** @internal */
  constructor() {}

  /**
   * 200 to 599; 0 when the host does not tell. A service that cannot be reached shows as 503, one that is late as 504.
   * @example at the top level
   * class Ping extends HttpCallHandler {
   *   onResponse(response: HttpCallResponse): void {
   *     log.info(`answered ${response.status}`);
   *   }
   *
   *   onFailure(): void {}
   * }
   */
  get status(): i32 {
    return <i32>this.headers.integer(':status');
  }
}
