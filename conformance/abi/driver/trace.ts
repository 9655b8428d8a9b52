// What the driver leaves behind: which callbacks were called, with which arguments, and what the host calls in them answered.
import { PHASE_NAMES, type Phase } from './phases.ts';

/** One call of a callback. */
export interface Called {
  readonly phase: Phase;
  /** Its arguments, the context id first; the driver does not know those that the export does not take. */
  readonly args: readonly number[];
  /** Statuses and shown bytes in the order of the program; empty where it has no block, or had its turn before. */
  readonly results: Results;
}

const HEAD_BYTES = 28;
const NO_ARGUMENT = 0xffff_ffff;

/** Reads the results of a block one after the other. */
export class Results {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get empty(): boolean {
    return this.#bytes.length === 0;
  }

  /** @throws RangeError when the block ended before. */
  status(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  /** Bytes that the program showed. @throws RangeError when the block ended before. */
  shown(): Buffer {
    const length = this.status();
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += (length + 3) & ~3;
    return bytes;
  }
}

export function readTrace(bytes: Buffer): Called[] {
  const calls: Called[] = [];
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const words = Array.from({ length: 7 }, (_, index) => bytes.readUInt32LE(at + index * 4));
    const [phase = 0, ...rest] = words;
    const length = rest.pop()!;
    const results = new Results(bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length));
    const args = rest.filter((word, index) => index === 0 || word !== NO_ARGUMENT);
    calls.push({ phase: PHASE_NAMES[phase]!, args, results });
    at += HEAD_BYTES + ((length + 3) & ~3);
  }
  return calls;
}
