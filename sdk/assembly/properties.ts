import { HeaderList } from './header-list';
import { OUT_ADDRESS, OUT_SIZE, takeBytes, takeUtf8, utf8 } from './memory';
import { Status } from './types';

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

/**
 * Facts about the exchange, its connection and the gateway, by dotted path: `request.path`, `source.address`,
 * `response.code`, `route_name`. A segment with a dot in it is reached by separating all segments with `\0`.
 */
export namespace properties {
  /** Text, or null when the property is absent. */
  export function text(path: string): string | null {
    return read(path) ? takeUtf8() : null;
  }

  /** Raw value, or null when the property is absent. */
  export function bytes(path: string): ArrayBuffer | null {
    return read(path) ? takeBytes() : null;
  }

  /** Integer, timestamp or duration (both in nanoseconds). */
  export function integer(path: string, fallback: i64 = 0): i64 {
    const value = takeExact(path, 8);
    return value ? load<i64>(changetype<usize>(value)) : fallback;
  }

  export function float(path: string, fallback: f64 = 0): f64 {
    const value = takeExact(path, 8);
    return value ? load<f64>(changetype<usize>(value)) : fallback;
  }

  export function flag(path: string, fallback: bool = false): bool {
    const value = takeExact(path, 1);
    return value ? load<u8>(changetype<usize>(value)) != 0 : fallback;
  }

  /** A map such as `request.headers`, in order; empty when absent. */
  export function map(path: string): HeaderList {
    return read(path) ? HeaderList.parse(takeBytes()) : new HeaderList();
  }

  /** Keeps a text under a path for the rest of the exchange, where every later plugin sees it. */
  export function set(path: string, value: string): Status {
    return setBytes(path, utf8(value));
  }

  export function setBytes(path: string, value: ArrayBuffer): Status {
    const bytes = encodePath(path);
    return proxy_set_property(changetype<usize>(bytes), bytes.byteLength, changetype<usize>(value), value.byteLength);
  }
}
