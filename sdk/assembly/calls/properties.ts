import { HeaderList } from '../types/header-list';
import { OUT_ADDRESS, OUT_SIZE, takeBytes, takeUtf8 } from '../dispatch/memory';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

// @ts-ignore: decorator
@external('env', 'proxy_get_property')
declare function proxy_get_property(path: usize, pathSize: i32, outAddress: usize, outSize: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_set_property')
declare function proxy_set_property(path: usize, pathSize: i32, value: usize, size: i32): Status;

/** UTF-8 of a path with its dots turned into separators; a path that holds U+0000 separates with that and stays as it is. */
function encodePath(path: string): ArrayBuffer {
  const bytes = utf8(path);
  if (path.includes('\0')) return bytes;
  const start = changetype<usize>(bytes);
  for (let i: usize = 0; i < <usize>bytes.byteLength; i++) if (load<u8>(start + i) == 0x2e) store<u8>(start + i, 0);
  return bytes;
}

function read(path: string): bool {
  const bytes = encodePath(path);
  return proxy_get_property(changetype<usize>(bytes), bytes.byteLength, OUT_ADDRESS, OUT_SIZE) == Status.Ok;
}

/** The block the host has filled when it is `size` bytes long, else null. */
function takeExact(path: string, size: i32): ArrayBuffer | null {
  if (!read(path)) return null;
  const bytes = takeBytes();
  return bytes.byteLength == size ? bytes : null;
}

/** Numbers travel as 8 bytes, the least significant first. */
function number(bits: i64): ArrayBuffer {
  const value = new ArrayBuffer(8);
  store<i64>(changetype<usize>(value), bits);
  return value;
}

/**
 * Facts about the exchange, its connection and the gateway, by dotted path: `request.path`, `source.address`,
 * `response.code`, `route_name`; docs/plugins/properties.md lists them. A segment with a dot in it is reached by separating
 * all segments with `\0`. They are about the exchange whose callback is running, or the one named by `activate`.
 *
 * A property that is absent, or of another type than was asked for, is null or the fallback.
 * @example
 * const address = properties.text('source.address');
 * if (address === null) log.info('the caller has no address');
 */
export namespace properties {
  /**
   * Text, or null when the property is absent.
   * @example
   * const route = properties.text('route_name') || 'no route';
   */
  export function text(path: string): string | null {
    return read(path) ? takeUtf8() : null;
  }

  /**
   * Raw value, or null when the property is absent.
   * @example
   * const certificate = properties.bytes('connection.sha256_peer_certificate_digest');
   */
  export function bytes(path: string): ArrayBuffer | null {
    return read(path) ? takeBytes() : null;
  }

  /**
   * Integer, timestamp (nanoseconds since 1970) or duration (nanoseconds).
   * @example
   * if (properties.integer('response.code') >= 500) log.warn('the service fails');
   */
  export function integer(path: string, fallback: i64 = 0): i64 {
    const value = takeExact(path, 8);
    return value ? load<i64>(changetype<usize>(value)) : fallback;
  }

  /**
   * Number with a fraction.
   * @example
   * const share = properties.float('my.share', 0.5);
   */
  export function float(path: string, fallback: f64 = 0): f64 {
    const value = takeExact(path, 8);
    return value ? load<f64>(changetype<usize>(value)) : fallback;
  }

  /**
   * True or false.
   * @example
   * if (!properties.flag('connection.mtls')) return this.respond(403);
   */
  export function flag(path: string, fallback: bool = false): bool {
    const value = takeExact(path, 1);
    return value ? load<u8>(changetype<usize>(value)) != 0 : fallback;
  }

  /**
   * A map such as `request.headers`, in order; empty when absent.
   * @example
   * const headers = properties.map('request.headers');
   * for (let i = 0; i < headers.length; i++) log.debug(headers.nameAt(i));
   */
  export function map(path: string): HeaderList {
    return read(path) ? HeaderList.parse(takeBytes()) : new HeaderList();
  }

  /**
   * Keeps a text under a path for the rest of the exchange, where every later plugin sees it.
   * @example
   * properties.set('auth.user', 'zoe');
   */
  export function set(path: string, value: string): Status {
    return setBytes(path, utf8(value));
  }

  /**
   * Keeps an integer, to be read with `integer`.
   * @example
   * properties.setInteger('auth.level', 3);
   */
  export function setInteger(path: string, value: i64): Status {
    return setBytes(path, number(value));
  }

  /**
   * Keeps a number with a fraction, to be read with `float`.
   * @example
   * properties.setFloat('my.share', 0.25);
   */
  export function setFloat(path: string, value: f64): Status {
    return setBytes(path, number(reinterpret<i64>(value)));
  }

  /**
   * Keeps true or false, to be read with `flag`.
   * @example
   * properties.setFlag('auth.guest', true);
   */
  export function setFlag(path: string, value: bool): Status {
    const bytes = new ArrayBuffer(1);
    store<u8>(changetype<usize>(bytes), value);
    return setBytes(path, bytes);
  }

  /**
   * Keeps bytes as they are.
   * @example
   * properties.setBytes('my.key', new ArrayBuffer(16));
   */
  export function setBytes(path: string, value: ArrayBuffer): Status {
    const bytes = encodePath(path);
    return proxy_set_property(changetype<usize>(bytes), bytes.byteLength, changetype<usize>(value), value.byteLength);
  }
}
