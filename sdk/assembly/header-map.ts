import { HeaderList } from './header-list';
import { latin1, OUT_ADDRESS, OUT_SIZE, takeBytes, takeLatin1 } from './memory';
import { Scratch, isHeaderValue } from './scratch';
import { MapType, Status } from './types';

// @ts-ignore: decorator
@external('env', 'proxy_get_header_map_value')
declare function proxy_get_header_map_value(map: i32, key: usize, keySize: i32, outAddress: usize, outSize: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_replace_header_map_value')
declare function proxy_replace_header_map_value(map: i32, key: usize, keySize: i32, value: usize, size: i32): Status;
// @ts-ignore: decorator
@external('env', 'proxy_add_header_map_value')
declare function proxy_add_header_map_value(map: i32, key: usize, keySize: i32, value: usize, size: i32): Status;
// @ts-ignore: decorator
@external('env', 'proxy_remove_header_map_value')
declare function proxy_remove_header_map_value(map: i32, key: usize, keySize: i32): Status;
// @ts-ignore: decorator
@external('env', 'proxy_get_header_map_pairs')
declare function proxy_get_header_map_pairs(map: i32, outAddress: usize, outSize: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_set_header_map_pairs')
declare function proxy_set_header_map_pairs(map: i32, pairs: usize, size: i32): Status;

const nameScratch = new Scratch();
const valueScratch = new Scratch();

/**
 * A live view of the headers of one direction. The case of names does not matter; the pseudo headers `:method`, `:path`,
 * `:authority`, `:scheme` and `:status` are ordinary entries. Values are text with one character for each byte of the wire.
 * The methods ending in `Bytes` take and give the bytes themselves, names in lower case; with names encoded once they are
 * the fastest.
 *
 * Reads answer null or an empty list for what is not there. Writes answer a status, `BadArgument` when the map cannot be
 * written in this phase or the value cannot be a header value (CR, LF, NUL, a character beyond U+00FF); nothing aborts.
 */
@final
export class HeaderMap {
  constructor(private map: MapType) {}

  /** First value of a name, or null when the header is absent; an empty value is `''`. */
  get(name: string): string | null {
    return this.find(name) ? takeLatin1() : null;
  }

  /** Like `get`, with the bytes of the name and of the value. */
  getBytes(name: ArrayBuffer): ArrayBuffer | null {
    return this.read(changetype<usize>(name), name.byteLength) ? takeBytes() : null;
  }

  /** Every value of a name, in order. Copies the whole map. */
  getAll(name: string): string[] {
    const values: string[] = [];
    if (!nameScratch.encodeName(name)) return values;
    const lower = latin1(nameScratch.address, nameScratch.size);
    const list = this.entries();
    for (let i = 0; i < list.length; i++) if (list.nameAt(i) == lower) values.push(list.valueAt(i));
    return values;
  }

  has(name: string): bool {
    if (!this.find(name)) return false;
    takeBytes();
    return true;
  }

  /** Replaces every value of a name by one; adds the header when it is absent. */
  set(name: string, value: string): Status {
    if (!nameScratch.encodeName(name) || !valueScratch.encode(value)) return Status.BadArgument;
    return proxy_replace_header_map_value(
      this.map, nameScratch.address, nameScratch.size, valueScratch.address, valueScratch.size,
    );
  }

  setBytes(name: ArrayBuffer, value: ArrayBuffer): Status {
    if (!isHeaderValue(value)) return Status.BadArgument;
    return proxy_replace_header_map_value(
      this.map, changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength,
    );
  }

  /** Adds one more value of a name. */
  append(name: string, value: string): Status {
    if (!nameScratch.encodeName(name) || !valueScratch.encode(value)) return Status.BadArgument;
    return proxy_add_header_map_value(
      this.map, nameScratch.address, nameScratch.size, valueScratch.address, valueScratch.size,
    );
  }

  appendBytes(name: ArrayBuffer, value: ArrayBuffer): Status {
    if (!isHeaderValue(value)) return Status.BadArgument;
    return proxy_add_header_map_value(
      this.map, changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength,
    );
  }

  /** Removes every value of a name; `Ok` also when there was none. */
  remove(name: string): Status {
    if (!nameScratch.encodeName(name)) return Status.BadArgument;
    return proxy_remove_header_map_value(this.map, nameScratch.address, nameScratch.size);
  }

  removeBytes(name: ArrayBuffer): Status {
    return proxy_remove_header_map_value(this.map, changetype<usize>(name), name.byteLength);
  }

  /** A copy of all fields, in order. */
  entries(): HeaderList {
    const status = proxy_get_header_map_pairs(this.map, OUT_ADDRESS, OUT_SIZE);
    return status == Status.Ok ? HeaderList.parse(takeBytes()) : new HeaderList();
  }

  /** Replaces the whole map. */
  replaceAll(list: HeaderList): Status {
    const pairs = list.serialize();
    return proxy_set_header_map_pairs(this.map, changetype<usize>(pairs), pairs.byteLength);
  }

  private find(name: string): bool {
    return nameScratch.encodeName(name) && this.read(nameScratch.address, nameScratch.size);
  }

  private read(name: usize, size: i32): bool {
    return proxy_get_header_map_value(this.map, name, size, OUT_ADDRESS, OUT_SIZE) == Status.Ok;
  }
}
