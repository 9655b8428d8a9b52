/** Kinds of calls that a guest makes to others; they stand in the low two bits of a call's number. */
export const CallKind = { http: 0, grpcCall: 1, grpcStream: 2, redis: 3 } as const;

const KINDS = 4;
const MOST = 2 ** 30 - 1;

/** Kind of a number that a guest holds. */
export function kindOf(id: number): number {
  return id % KINDS;
}

/** Numbers for the calls of one VM: never 0, and never one that is still in use. */
export class CallIds {
  #last = 0;

  /** Has this number, of whatever kind, been given to a call? */
  issued(id: number): boolean {
    return id >= KINDS && id < (this.#last + 1) * KINDS;
  }

  /** @param kind one of `CallKind` @param taken is a call under way that has this number? */
  next(kind: number, taken: (id: number) => boolean): number {
    for (;;) {
      this.#last = this.#last === MOST ? 1 : this.#last + 1;
      const id = this.#last * KINDS + kind;
      if (!taken(id)) return id;
    }
  }
}
