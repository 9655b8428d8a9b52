import { HeaderList } from '../types/header-list';
import { OUT_ADDRESS, OUT_SIZE, takeBytes, takeLatin1 } from '../dispatch/memory';
import { Scratch } from '../dispatch/scratch';
import { MapType } from '../types/abi';
import { isHeaderValue } from '../types/header-text';
import { decimal, parseInteger } from '../types/integer';
import { Status } from '../types/status';

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
 * A live view of the headers of one direction: `request`, `response` and the trailers of a filter, or what a service has
 * answered. Nothing is copied into the plugin before it is asked for.
 *
 * The case of names does not matter; the pseudo headers `:method`, `:path`, `:authority`, `:scheme` and `:status` are
 * ordinary entries. Values are text with one character for each byte of the wire. The methods ending in `Bytes` take and
 * give the bytes themselves, names in lower case; with names encoded once they are the fastest.
 *
 * Reads answer null or an empty list for what is not there. Writes answer a status, `BadArgument` when the map cannot be
 * written in this phase or the value cannot be a header value (CR, LF, NUL, a character beyond U+00FF); nothing aborts.
 * @example
 * const agent = this.request.get('user-agent'); // null: absent, '': empty
 * if (agent !== null) this.request.set('x-agent', agent);
 */
@final
export class HeaderMap {
  /** @internal */
  constructor(private map: MapType) {}

  /**
   * First value of a name, or null when the header is absent; an empty value is `''`.
   * @example
   * if (this.request.get('x-api-key') == 'secret') log.info('let in');
   */
  get(name: string): string | null {
    return this.find(name) ? takeLatin1() : null;
  }

  /**
   * Like `get`, with the bytes of the name and of the value.
   * @param name in lower case
   * @example
   * const city = this.request.getBytes(utf8('x-city'));
   * if (city) log.info(fromUtf8(city));
   */
  getBytes(name: ArrayBuffer): ArrayBuffer | null {
    return this.read(changetype<usize>(name), name.byteLength) ? takeBytes() : null;
  }

  /**
   * Every value of a name, in order; empty when the header is absent. Copies the whole map.
   * @example
   * const accepted = this.request.getAll('accept').join(', ');
   */
  getAll(name: string): string[] {
    return this.entries().getAll(name);
  }

  /**
   * First value of a name as a decimal number, up to 18 digits with or without a minus sign; `fallback` when the header is
   * absent or anything else.
   * @example
   * if (this.request.integer('content-length') > 1_000_000) return this.respond(413);
   */
  integer(name: string, fallback: i64 = 0): i64 {
    const value = this.get(name);
    return value === null ? fallback : parseInteger(value, fallback);
  }

  /**
   * True when the header is there, even with an empty value.
   * @example
   * if (!this.request.has('authorization')) return this.respond(401);
   */
  has(name: string): bool {
    return this.find(name);
  }

  /**
   * Like `has`, with the bytes of the name.
   * @param name in lower case
   * @example
   * const traced = this.request.hasBytes(utf8('traceparent'));
   */
  hasBytes(name: ArrayBuffer): bool {
    return this.read(changetype<usize>(name), name.byteLength);
  }

  /**
   * Replaces every value of a name by one; adds the header when it is absent.
   * @example
   * this.request.set('x-tenant', 'smart-home');
   */
  set(name: string, value: string): Status {
    if (!nameScratch.encodeName(name) || !valueScratch.encode(value)) return Status.BadArgument;
    return proxy_replace_header_map_value(
      this.map, nameScratch.address, nameScratch.size, valueScratch.address, valueScratch.size,
    );
  }

  /**
   * Like `set`, with the bytes of name and value, which may be UTF-8.
   * @param name in lower case
   * @example
   * this.request.setBytes(utf8('x-city'), utf8('Zürich'));
   */
  setBytes(name: ArrayBuffer, value: ArrayBuffer): Status {
    if (!isHeaderValue(value)) return Status.BadArgument;
    return proxy_replace_header_map_value(
      this.map, changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength,
    );
  }

  /**
   * Replaces every value of a name by a decimal number.
   * @example
   * this.response.setInteger('x-rate-limit', 100);
   */
  setInteger(name: string, value: i64): Status {
    return this.set(name, decimal(value));
  }

  /**
   * Adds one more value of a name.
   * @example
   * this.response.append('set-cookie', 'seen=1; Path=/');
   */
  append(name: string, value: string): Status {
    if (!nameScratch.encodeName(name) || !valueScratch.encode(value)) return Status.BadArgument;
    return proxy_add_header_map_value(
      this.map, nameScratch.address, nameScratch.size, valueScratch.address, valueScratch.size,
    );
  }

  /**
   * Like `append`, with the bytes of name and value.
   * @param name in lower case
   * @example
   * this.request.appendBytes(utf8('via'), utf8('sluice'));
   */
  appendBytes(name: ArrayBuffer, value: ArrayBuffer): Status {
    if (!isHeaderValue(value)) return Status.BadArgument;
    return proxy_add_header_map_value(
      this.map, changetype<usize>(name), name.byteLength, changetype<usize>(value), value.byteLength,
    );
  }

  /**
   * Removes every value of a name; `Ok` also when there was none.
   * @example
   * this.request.remove('accept-encoding');
   */
  remove(name: string): Status {
    if (!nameScratch.encodeName(name)) return Status.BadArgument;
    return proxy_remove_header_map_value(this.map, nameScratch.address, nameScratch.size);
  }

  /**
   * Like `remove`, with the bytes of the name.
   * @param name in lower case
   * @example
   * this.request.removeBytes(utf8('x-debug'));
   */
  removeBytes(name: ArrayBuffer): Status {
    return proxy_remove_header_map_value(this.map, changetype<usize>(name), name.byteLength);
  }

  /**
   * A copy of all fields, in order; empty when there is no such map now.
   * @example
   * const fields = this.request.entries();
   * for (let i = 0; i < fields.length; i++) log.debug(`${fields.nameAt(i)}: ${fields.valueAt(i)}`);
   */
  entries(): HeaderList {
    const status = proxy_get_header_map_pairs(this.map, OUT_ADDRESS, OUT_SIZE);
    return status == Status.Ok ? HeaderList.parse(takeBytes()) : new HeaderList();
  }

  /**
   * Replaces the whole map, pseudo headers included: begin with `entries()`, or with those that must stay.
   * @example
   * this.responseTrailers.replaceAll(new HeaderList().append('x-sum', '7'));
   */
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
