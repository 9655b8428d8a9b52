import { State } from './grammar';

const SMALLEST = 16;
/** As deep as common parsers go; documents that nest deeper are refused. */
const DEEPEST = 1000;

/** The objects and lists around a place in a document. */
@final
export class Levels {
  depth: i32 = 0;
  /** What comes after a value in the innermost one. */
  after: State = State.Top;
  /** The paths that lead on from members of the innermost one; see PathSet. */
  paths: u64;
  /** How many names lead to the members of the innermost one, without their own. */
  names: i32 = -1;
  /** What is around the innermost one, from outside: its paths, and below them whether it is an object. */
  private outer: StaticArray<u64> = new StaticArray<u64>(SMALLEST);

  /** @param paths those that lead on from the top of a document */
  constructor(paths: u64) {
    this.paths = paths;
  }

  /** False: too deep. @param paths those that lead on from what is opened */
  @inline
  open(isObject: bool, paths: u64): bool {
    const depth = this.depth;
    if (depth == this.outer.length && !this.grow()) return false;
    unchecked((this.outer[depth] = (this.paths << 1) | u64(this.after == State.AfterMember)));
    this.depth = depth + 1;
    this.after = isObject ? State.AfterMember : State.AfterItem;
    this.paths = paths;
    if (isObject) this.names++;
    return true;
  }

  @inline
  close(): void {
    const depth = this.depth - 1;
    const outer = unchecked(this.outer[depth]);
    if (this.after == State.AfterMember) this.names--;
    this.depth = depth;
    this.after = outer & 1 ? State.AfterMember : depth ? State.AfterItem : State.Top;
    this.paths = outer >> 1;
  }

  private grow(): bool {
    const old = this.outer;
    if (old.length >= DEEPEST) return false;
    const size = min(old.length << 2, DEEPEST);
    this.outer = new StaticArray<u64>(size);
    memory.copy(changetype<usize>(this.outer), changetype<usize>(old), <usize>old.length << 3);
    return true;
  }
}
