const BUCKETS = 256;

@final
class Entry {
  constructor(readonly name: ArrayBuffer, readonly next: Entry | null) {}
}

/** Names to be found by their bytes. */
@final
export class NameSet {
  /** Bytes of the longest one. */
  longest: i32 = 0;
  /** One bit for each length up to 62 that a name has, the last one for all others: most names are refused by it. */
  private lengths: u64 = 0;
  private buckets: StaticArray<Entry | null> = new StaticArray<Entry | null>(BUCKETS);

  add(name: ArrayBuffer): void {
    const size = name.byteLength;
    this.longest = max(this.longest, size);
    this.lengths |= <u64>1 << min(size, 63);
    const bucket = bucketOf(changetype<usize>(name), size);
    this.buckets[bucket] = new Entry(name, this.buckets[bucket]);
  }

  /** False: no name has this length. */
  @inline
  mayHave(size: i32): bool {
    return ((this.lengths >> min(size, 63)) & 1) != 0;
  }

  has(address: usize, size: i32): bool {
    if (size > this.longest) return false;
    let entry = unchecked(this.buckets[bucketOf(address, size)]);
    while (entry) {
      if (equals(entry.name, address, size)) return true;
      entry = entry.next;
    }
    return false;
  }
}

/** By length, first, middle and last byte: enough to tell names apart, and the price does not depend on the length. */
function bucketOf(address: usize, size: i32): i32 {
  if (size == 0) return 0;
  const middle = load<u8>(address + (size >> 1));
  return (size + load<u8>(address) * 7 + middle * 31 + load<u8>(address + size - 1) * 61) & (BUCKETS - 1);
}

/** True when these bytes are the name. */
export function equals(name: ArrayBuffer, address: usize, size: i32): bool {
  return name.byteLength == size && memory.compare(changetype<usize>(name), address, size) == 0;
}
