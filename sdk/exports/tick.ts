/** `Plugin.onTick`. */
export { proxy_on_tick } from '../assembly/exports';
