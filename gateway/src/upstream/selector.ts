import type { Endpoint } from './endpoint.ts';

/** Chooses among a fixed set of usable endpoints. Built new for every endpoint list; nothing is allocated per pick. */
export interface Selector {
  readonly size: number;
  /** An endpoint that is not in `tried` (null = none tried), or null when there is none. */
  select(tried: readonly Endpoint[] | null): Endpoint | null;
}

/** Uniform in [0, 1); injected so that tests repeat. */
export type Random = () => number;
