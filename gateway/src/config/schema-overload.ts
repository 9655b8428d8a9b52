import { Type } from 'typebox';
import { LIMITS } from '../core/limits.ts';
import { Duration, durationText, Size, sizeText, strict } from './schema-common.ts';

/** `overload`: how much of each resource a worker may use before it defends itself. */
export const Overload = Type.Object(
  {
    loopDelay: Duration({
      default: durationText(LIMITS.overloadLoopDelayMs),
      description: "average delay of a worker's event loop; new exchanges get 503 above it; 0s = not watched",
    }),
    bufferedBytes: Size({
      default: sizeText(LIMITS.overloadBufferedBytes),
      description:
        'held by a worker for slow clients and for plugins; new exchanges get 503 above it; 0B = not watched',
    }),
    connections: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 1_000_000,
      description: 'of all listeners, in each worker; none is accepted above it; 0 = what the listeners allow together',
    }),
    descriptors: Type.Integer({
      default: LIMITS.overloadDescriptors,
      minimum: 0,
      maximum: 100,
      description:
        'percent of the soft limit of open files; no connection is accepted above it (Linux 6.2 or newer); 0 = not watched',
    }),
    heap: Type.Integer({
      default: LIMITS.overloadHeap,
      minimum: 0,
      maximum: 100,
      description: "percent of a worker's largest heap; new exchanges get 503 above it; 0 = not watched",
    }),
    idleTimeout: Duration({
      default: durationText(LIMITS.overloadIdleTimeoutMs),
      description:
        'takes the place of longer idle timeouts of listeners while connections, descriptors or heap are short',
    }),
  },
  { ...strict, default: {} },
);
/** Times in milliseconds, sizes in bytes. */
export type OverloadConfig = Type.StaticDecode<typeof Overload>;
