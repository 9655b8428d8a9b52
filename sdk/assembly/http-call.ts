import { HeaderList } from './header-list';
import { HttpCallHandler } from './http-call-handler';
import { OUT_NUMBER, utf8 } from './memory';
import { Status } from './types';
import { waitForAnswer } from './pending-calls';

// @ts-ignore: decorator
@external('env', 'proxy_http_call')
declare function proxy_http_call(
  service: usize, serviceSize: i32, headers: usize, headersSize: i32, body: usize, bodySize: i32,
  trailers: usize, trailersSize: i32, timeout: u32, outId: usize,
): Status;

/**
 * A request of the plugin's own to a service of its tenant. Fill in what differs from a bare GET, then hand it to
 * `HttpFilter.call` or `Plugin.call`, together with a handler for the answer. May be sent more than once.
 */
@final
export class HttpCall {
  method: string = 'GET';
  /** Host and port for the service to see; its name unless you say otherwise. */
  authority: string;
  /** Besides method, path and authority. */
  headers: HeaderList = new HeaderList();
  body: ArrayBuffer | null = null;
  /** Milliseconds until the call has failed. The gateway has a limit of its own. */
  timeout: u32 = 5000;

  /**
   * @param service as the tenant's file calls it
   * @param path with its query, if any
   */
  constructor(readonly service: string, readonly path: string) {
    this.authority = service;
  }

  /** Adds a header. */
  header(name: string, value: string): HttpCall {
    this.headers.append(name, value);
    return this;
  }

  /** @internal Sends it on behalf of the context that the host's calls are about. */
  send(owner: u32, handler: HttpCallHandler): Status {
    const service = utf8(this.service);
    const headers = this.pairs();
    const body = this.body;
    const status = proxy_http_call(
      changetype<usize>(service), service.byteLength,
      changetype<usize>(headers), headers.byteLength,
      body ? changetype<usize>(body) : 0, body ? body.byteLength : 0,
      0, 0, // no trailers
      this.timeout,
      OUT_NUMBER,
    );
    if (status == Status.Ok) waitForAnswer(load<u32>(OUT_NUMBER), owner, handler);
    return status;
  }

  private pairs(): ArrayBuffer {
    const all = new HeaderList()
      .append(':method', this.method)
      .append(':path', this.path)
      .append(':authority', this.authority);
    for (let i = 0; i < this.headers.length; i++) all.append(this.headers.nameAt(i), this.headers.valueAt(i));
    return all.serialize();
  }
}
