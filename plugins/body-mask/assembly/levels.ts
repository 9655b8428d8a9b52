import { State } from './grammar';

/** As deep as common parsers go; documents that nest deeper are refused. */
const DEEPEST = 1000;
const SMALLEST = 16;

/** Bytes of a level: its paths, then how many names lead to its members, then what comes after a value in it. */
const LEVEL: usize = 16;
const NAMES: usize = 8;
const AFTER: usize = 12;

/** The objects and lists around a place in a document. */
@final
export class Levels {
  private block: ArrayBuffer = new ArrayBuffer(SMALLEST * <i32>LEVEL);
  /** Address of the innermost one. */
  private top: usize = 0;
  private limit: usize = 0;

  /** @param paths those that lead on from the top of a document, see PathSet */
  constructor(paths: u64) {
    this.top = changetype<usize>(this.block);
    this.limit = this.top + this.block.byteLength;
    store<u64>(this.top, paths);
    store<i32>(this.top, -1, NAMES);
    store<u32>(this.top, State.Top, AFTER);
  }

  /** What comes after a value. */
  @inline
  get after(): State {
    return load<u32>(this.top, AFTER);
  }

  // @ts-ignore: decorator
  @inline
  set after(state: State) {
    store<u32>(this.top, state, AFTER);
  }

  /** The paths that lead on from members of the innermost one. */
  @inline
  get paths(): u64 {
    return load<u64>(this.top);
  }

  /** How many names lead to the members of the innermost one, without their own. */
  @inline
  get names(): i32 {
    return load<i32>(this.top, NAMES);
  }

  /** Nothing is around. */
  get isEmpty(): bool {
    return this.top == changetype<usize>(this.block);
  }

  /** False: too deep. @param paths those that lead on from what is opened */
  @inline
  open(after: State, paths: u64): bool {
    const names = this.names + i32(after == State.AfterMember);
    const top = this.top + LEVEL;
    this.top = top;
    if (top == this.limit && !this.grow()) return false;
    store<u64>(this.top, paths);
    store<i32>(this.top, names, NAMES);
    store<u32>(this.top, after, AFTER);
    return true;
  }

  @inline
  close(): void {
    this.top -= LEVEL;
  }

  private grow(): bool {
    const old = this.block;
    const size = min(old.byteLength << 2, (DEEPEST + 1) * <i32>LEVEL);
    if (size == old.byteLength) return false;
    const block = new ArrayBuffer(size);
    memory.copy(changetype<usize>(block), changetype<usize>(old), old.byteLength);
    this.block = block;
    this.top = changetype<usize>(block) + old.byteLength;
    this.limit = changetype<usize>(block) + size;
    return true;
  }
}
