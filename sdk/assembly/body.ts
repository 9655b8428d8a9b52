import { OUT_ADDRESS, OUT_NUMBER, OUT_SIZE, takeBytes, takeUtf8, utf8 } from './memory';
import { BufferType, Status } from './types';

// @ts-ignore: decorator
@external('env', 'proxy_get_buffer_bytes')
declare function proxy_get_buffer_bytes(type: BufferType, start: u32, size: u32, outAddress: usize, outSize: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_get_buffer_status')
declare function proxy_get_buffer_status(type: BufferType, outLength: usize, outFlags: usize): Status;
// @ts-ignore: decorator
@external('env', 'proxy_set_buffer_bytes')
declare function proxy_set_buffer_bytes(type: BufferType, start: u32, length: u32, data: usize, size: u32): Status;

/** Beyond the end of every body. */
const ALL: u32 = 0xffff_ffff;

/**
 * A live view of what the gateway holds of a body: the piece that has just come, and with it whatever was held before.
 * Nothing is copied into the plugin until it is read.
 *
 * Reads answer nothing for what is not there. Writes answer a status, `BadArgument` when the body cannot be written or
 * would outgrow what the plugin may hold of it; nothing aborts. The gateway keeps `content-length` right.
 */
@final
export class Body {
  constructor(private type: BufferType) {}

  /** Bytes that can be read now; 0 when there is no body, or none of it is held. */
  get length(): i32 {
    return proxy_get_buffer_status(this.type, OUT_NUMBER, OUT_NUMBER + 4) == Status.Ok ? load<i32>(OUT_NUMBER) : 0;
  }

  /** A copy of up to `length` bytes from `start` on. */
  bytes(start: u32 = 0, length: u32 = ALL): ArrayBuffer {
    return this.read(start, length) ? takeBytes() : new ArrayBuffer(0);
  }

  /** All of it as UTF-8. A piece of a body may begin or end inside of a character: pause until the end first. */
  text(): string {
    return this.read(0, ALL) ? takeUtf8() : '';
  }

  /** Puts these bytes in place of all that is held. */
  replace(bytes: ArrayBuffer): Status {
    return this.splice(0, ALL, bytes);
  }

  /** Puts this text, as UTF-8, in place of all that is held. */
  replaceText(text: string): Status {
    return this.replace(utf8(text));
  }

  append(bytes: ArrayBuffer): Status {
    return this.splice(ALL, 0, bytes);
  }

  prepend(bytes: ArrayBuffer): Status {
    return this.splice(0, 0, bytes);
  }

  /** Takes out all that is held. */
  clear(): Status {
    return proxy_set_buffer_bytes(this.type, 0, ALL, 0, 0);
  }

  /**
   * Puts bytes in place of `length` bytes at `start`; what lies beyond the end counts as the end.
   * @param size how many of `bytes`, from their beginning; for a buffer that is larger than what is in it
   */
  splice(start: u32, length: u32, bytes: ArrayBuffer, size: u32 = bytes.byteLength): Status {
    return proxy_set_buffer_bytes(this.type, start, length, changetype<usize>(bytes), size);
  }

  private read(start: u32, length: u32): bool {
    return proxy_get_buffer_bytes(this.type, start, length, OUT_ADDRESS, OUT_SIZE) == Status.Ok;
  }
}
