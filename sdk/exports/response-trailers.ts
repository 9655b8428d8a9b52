/** `HttpFilter.onResponseTrailers`. */
export { proxy_on_response_trailers } from '../assembly/exports';
