import type { ErrorCode } from '../core/errors.ts';
import { BodyResult, HeaderResult } from '../wasm/abi.ts';
import {
  CONTINUE,
  type Direction,
  type FilterStatus,
  HOLD_HEAD,
  type Overflow,
  PAUSE,
  PAUSE_DROP,
  PAUSE_FULL,
  REQUEST,
} from './filter.ts';

/** What the result of a header callback means. @param stopsIteration 1 holds the head alone */
export function headerStatus(result: number, stopsIteration: boolean): FilterStatus {
  if (result === HeaderResult.continue || result === HeaderResult.continueAndEndStream) return CONTINUE;
  return stopsIteration && result === HeaderResult.stopIteration ? HOLD_HEAD : PAUSE;
}

/** What the result of a body callback means. */
export function bodyStatus(result: number, editsBodies: boolean): FilterStatus {
  switch (result) {
    case BodyResult.continue:
      return CONTINUE;
    case BodyResult.stopAndBuffer:
      return PAUSE;
    case BodyResult.stopAndWatermark:
      return PAUSE_FULL;
    default:
      // To drop is to change the length, which a module that cannot edit has not been reckoned with for.
      return editsBodies ? PAUSE_DROP : PAUSE;
  }
}

/** Why an exchange ends whose body a plugin cannot hold. What a client sends too much of is no failure of the plugin's. */
export function overflowCode(direction: Direction, cause: Overflow): ErrorCode {
  if (cause === 'budget') return 'SLUICE_TENANT_BODIES_FULL';
  return direction === REQUEST && cause === 'limit' ? 'SLUICE_REQUEST_BODY_TOO_LARGE' : 'SLUICE_PLUGIN_BODY_LIMIT';
}
