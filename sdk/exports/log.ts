/** `HttpFilter.onDone` and `HttpFilter.onLog`. */
export { proxy_on_done, proxy_on_log } from '../assembly/exports';
