import { Body } from './body';
import { HeaderMap } from './header-map';
import { BufferType, MapType } from './types';

/** The answer to a call, complete. A view: what is needed after `onResponse` has to be kept by then. */
@final
export class HttpCallResponse {
  readonly headers: HeaderMap = new HeaderMap(MapType.CalloutHeaders);
  readonly body: Body = new Body(BufferType.CalloutBody);
  readonly trailers: HeaderMap = new HeaderMap(MapType.CalloutTrailers);

  /** 200 to 599; 0 when the host does not tell. */
  get status(): i32 {
    const status = this.headers.get(':status');
    return status === null ? 0 : <i32>parseInt(status);
  }
}
