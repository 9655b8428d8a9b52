// Every attack there is.
import type { Attack } from './attack.ts';
import { allocators } from './attacks/allocators.ts';
import { floods } from './attacks/floods.ts';
import { headers } from './attacks/headers.ts';
import { loops } from './attacks/loops.ts';
import { memory } from './attacks/memory.ts';
import { oddities } from './attacks/modules-odd.ts';
import { refused } from './attacks/modules-refused.ts';
import { permissions } from './attacks/permissions.ts';
import { pointers } from './attacks/pointers.ts';
import { streams } from './attacks/streams.ts';

/** By family, in the order they are run. */
export const families: Readonly<Record<string, readonly Attack[]>> = {
  loops,
  memory,
  allocators,
  pointers,
  headers,
  streams,
  floods,
  permissions,
  refused,
  oddities,
};

export const corpus: readonly Attack[] = Object.values(families).flat();
