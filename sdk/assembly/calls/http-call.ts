import { Context } from '../contexts/context';
import { HttpCallHandler } from '../contexts/http-call-handler';
import { OUT_NUMBER } from '../dispatch/memory';
import { waitForAnswer } from '../dispatch/pending-http-call';
import { HeaderList } from '../types/header-list';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

// @ts-ignore: decorator
@external('env', 'proxy_http_call')
declare function proxy_http_call(
  service: usize, serviceSize: i32, headers: usize, headersSize: i32, body: usize, bodySize: i32,
  trailers: usize, trailersSize: i32, timeout: u32, outId: usize,
): Status;

/**
 * A request of the plugin's own to a service of its tenant. Fill in what differs from a bare GET, then hand it to `call` of
 * the filter or the plugin, together with a handler for the answer. It may be sent more than once.
 * @example at the top level
 * class Allowed extends HttpCallHandler {
 *   constructor(private filter: HttpFilter) {
 *     super();
 *   }
 *
 *   onResponse(response: HttpCallResponse): void {
 *     if (response.status == 200) this.filter.resumeRequest();
 *     else this.filter.respond(403);
 *   }
 *
 *   onFailure(): void {
 *     this.filter.respond(503);
 *   }
 * }
 *
 * class Ask extends HttpFilter {
 *   onRequestHeaders(endOfStream: bool): Action {
 *     const call = new HttpCall('auth-service', '/check').header('x-key', this.request.get('x-key') || '');
 *     return this.call(call, new Allowed(this)) == Status.Ok ? this.pause() : this.respond(500);
 *   }
 * }
 */
@final
export class HttpCall {
  /** Any but CONNECT. */
  method: string = 'GET';
  /** Host and port for the service to see; its name unless you say otherwise. */
  authority: string;
  /** Besides method, path and authority. */
  headers: HeaderList = new HeaderList();
  /** Null: none. Up to 1 MiB. */
  body: ArrayBuffer | null = null;
  /** Milliseconds until the call has failed, 1 to 30 000; 0 is 30 000. */
  timeout: u32 = 5000;

  /**
   * @param service as the tenant's file calls it, or `tenant/service` where the operator allows that
   * @param path with its query, if any; begins with '/'
   */
  constructor(readonly service: string, readonly path: string) {
    this.authority = service;
  }

  /**
   * Adds a header and answers the call, so that calls can be chained.
   * @example
   * const call = new HttpCall('auth-service', '/check').header('x-key', 'k').header('accept', 'text/plain');
   */
  header(name: string, value: string): HttpCall {
    this.headers.append(name, value);
    return this;
  }

  /** @internal Sends it on behalf of the context that the host's calls are about. */
  send(owner: Context, handler: HttpCallHandler): Status {
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
