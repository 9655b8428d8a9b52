/** `HttpFilter.onResponseBody`. */
export { proxy_on_response_body } from '../assembly/exports';
