/** `HttpFilter.onRequestHeaders`. */
export { proxy_on_request_headers } from '../assembly/exports';
