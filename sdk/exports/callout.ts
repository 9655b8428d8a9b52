/** The answers to `HttpFilter.call` and `Plugin.call`. */
export { proxy_on_http_call_response } from '../assembly/exports';
