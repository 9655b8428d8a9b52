import type { RequestCase } from './case.ts';
import { CHUNKS } from './requests-chunks.ts';
import { OBFUSCATED } from './requests-codings.ts';
import { FIELDS, HOPS } from './requests-fields.ts';
import { FRAMING } from './requests-framing.ts';
import { LINES } from './requests-lines.ts';

/** Every request of the suite. */
export const REQUESTS: readonly RequestCase[] = [...FRAMING, ...OBFUSCATED, ...CHUNKS, ...FIELDS, ...HOPS, ...LINES];
