/** `HttpFilter.onRequestBody`. */
export { proxy_on_request_body } from '../assembly/exports';
