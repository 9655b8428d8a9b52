/** `HttpFilter.onRequestTrailers`. */
export { proxy_on_request_trailers } from '../assembly/exports';
