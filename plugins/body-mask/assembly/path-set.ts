import { utf8 } from '@sluice/plugin-sdk';
import { equals } from './name-set';

/** Each name is compared with all that lead there. */
export const MOST_PATHS = 32;
/** What `step` answers when a path ends with the name. */
export const COMPLETE: u64 = 1 << 63;

/** Dotted paths: names from the top of a document down, `*` for any one name. Lists on the way do not count. */
@final
export class PathSet {
  /** Bytes of the longest name in a path. */
  longest: i32 = 0;
  private paths: Array<ArrayBuffer[]> = [];

  /** Every path, as a set of bits in their order: what applies to the top of a document. */
  get all(): u64 {
    return (<u64>1 << this.paths.length) - 1;
  }

  get size(): i32 {
    return this.paths.length;
  }

  /** False when a name on the path is empty. */
  add(path: string): bool {
    const texts = path.split('.');
    const names: ArrayBuffer[] = [];
    for (let i = 0; i < texts.length; i++) {
      if (texts[i].length == 0) return false;
      names.push(utf8(texts[i]));
      this.longest = max(this.longest, names[i].byteLength);
    }
    this.paths.push(names);
    return true;
  }

  /**
   * The paths out of `active` whose name at this place is the given one; COMPLETE among them when one of them ends here.
   * @param place how many names were passed on the way down
   */
  step(active: u64, place: i32, address: usize, size: i32): u64 {
    let left: u64 = 0;
    for (let bits = active; bits != 0; bits &= bits - 1) {
      const names = unchecked(this.paths[<i32>ctz(bits)]);
      const name = unchecked(names[place]);
      if (!isAny(name) && !equals(name, address, size)) continue;
      left |= place + 1 == names.length ? COMPLETE : bits & (~bits + 1);
    }
    return left;
  }
}

/** Is it `*`? */
function isAny(name: ArrayBuffer): bool {
  return name.byteLength == 1 && load<u8>(changetype<usize>(name)) == 0x2a;
}
