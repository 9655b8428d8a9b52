import { Status } from '../types/status';

// @ts-ignore: decorator
@external('env', 'proxy_set_effective_context')
declare function proxy_set_effective_context(id: u32): Status;

let effective: u32 = 0;

/** A callback of this context has begun: the host's calls are about it. */
export function enter(id: u32): void {
  effective = id;
}

/** Makes the host's calls be about this context until the callback ends; false when it is gone. */
export function focus(id: u32): bool {
  if (effective == id) return true;
  if (id == 0 || proxy_set_effective_context(id) != Status.Ok) return false;
  effective = id;
  return true;
}
