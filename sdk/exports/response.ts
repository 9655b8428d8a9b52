/** `HttpFilter.onResponseHeaders`. */
export { proxy_on_response_headers } from '../assembly/exports';
