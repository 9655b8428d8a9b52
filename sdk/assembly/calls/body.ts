import { OUT_ADDRESS, OUT_NUMBER, OUT_SIZE, takeBytes, takeUtf8 } from '../dispatch/memory';
import { BufferType } from '../types/abi';
import { Status } from '../types/status';
import { utf8 } from '../types/text';

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
 * A live view of bytes that the gateway holds: what there is of a body (the piece that has just come, and with it whatever
 * was held before), the body of an answer, or a message. Nothing is copied into the plugin until it is read.
 *
 * Reads answer nothing for what is not there. Writes answer a status, `BadArgument` when it cannot be written (answers of
 * services and messages never can) or would outgrow what the plugin may hold; nothing aborts. The gateway keeps
 * `content-length` right.
 * @example at the top level
 * class Shout extends HttpFilter {
 *   onResponseBody(body: Body, endOfStream: bool): Action {
 *     if (!endOfStream) return this.pause(); // shown again, with the rest
 *     body.replaceText(body.text() + '!');
 *     return Action.Continue;
 *   }
 * }
 */
@final
export class Body {
  /** @internal */
  constructor(private type: BufferType) {}

  /**
   * Bytes that can be read now; 0 when there are none, or none of them is held.
   * @example
   * if (this.requestBody.length > 1000) return this.respond(413);
   */
  get length(): i32 {
    return proxy_get_buffer_status(this.type, OUT_NUMBER, OUT_NUMBER + 4) == Status.Ok ? load<i32>(OUT_NUMBER) : 0;
  }

  /**
   * A copy of up to `length` bytes from `start` on; empty when there are none.
   * @example
   * const magic = Uint8Array.wrap(this.requestBody.bytes(0, 4));
   * if (magic.length == 4 && magic[0] == 0x89) log.info('a picture');
   */
  bytes(start: u32 = 0, length: u32 = ALL): ArrayBuffer {
    return this.read(start, length) ? takeBytes() : new ArrayBuffer(0);
  }

  /**
   * All of it as UTF-8; `''` when there is nothing. A piece of a body may begin or end inside of a character: pause until
   * the end first.
   * @example
   * if (this.requestBody.text().includes('secret')) return this.respond(400);
   */
  text(): string {
    return this.read(0, ALL) ? takeUtf8() : '';
  }

  /**
   * Puts these bytes in place of all that is held.
   * @example
   * this.responseBody.replace(utf8('{}'));
   */
  replace(bytes: ArrayBuffer): Status {
    return this.splice(0, ALL, bytes);
  }

  /**
   * Puts this text, as UTF-8, in place of all that is held.
   * @example
   * if (this.responseBody.replaceText('gone') != Status.Ok) log.warn('the body stays as it is');
   */
  replaceText(text: string): Status {
    return this.replace(utf8(text));
  }

  /**
   * Adds bytes behind what is held.
   * @example
   * this.responseBody.append(utf8('\n'));
   */
  append(bytes: ArrayBuffer): Status {
    return this.splice(ALL, 0, bytes);
  }

  /**
   * Adds bytes before what is held.
   * @example
   * this.responseBody.prepend(utf8('\ufeff'));
   */
  prepend(bytes: ArrayBuffer): Status {
    return this.splice(0, 0, bytes);
  }

  /**
   * Takes the first `length` bytes out.
   * @example
   * this.requestBody.drain(3);
   */
  drain(length: u32): Status {
    return this.write(0, length, 0, 0);
  }

  /**
   * Takes out all that is held.
   * @example
   * this.responseBody.clear();
   */
  clear(): Status {
    return this.drain(ALL);
  }

  /**
   * Puts bytes in place of `length` bytes at `start`; what lies beyond the end counts as the end.
   * @param size how many of `bytes`, from their beginning; for a buffer that is larger than what is in it
   * @example
   * this.responseBody.splice(1, 4, utf8('four'));
   */
  splice(start: u32, length: u32, bytes: ArrayBuffer, size: u32 = bytes.byteLength): Status {
    return this.write(start, length, changetype<usize>(bytes), size);
  }

  private write(start: u32, length: u32, data: usize, size: u32): Status {
    const status = proxy_set_buffer_bytes(this.type, start, length, data, size);
    return status == Status.BadArgument ? this.rebuild(start, length, data, size) : status;
  }

  /** Envoy writes at both ends and all of a body only: whatever lies between is put together here. */
  private rebuild(start: u32, length: u32, data: usize, size: u32): Status {
    const held: u32 = this.length;
    if (start >= held || (start == 0 && (length == 0 || length >= held))) return Status.BadArgument;
    const old = changetype<usize>(this.bytes());
    const end = start + min(length, held - start);
    const whole = new ArrayBuffer(held - (end - start) + size);
    const target = changetype<usize>(whole);
    memory.copy(target, old, start);
    memory.copy(target + start, data, size);
    memory.copy(target + start + size, old + end, held - end);
    return proxy_set_buffer_bytes(this.type, 0, ALL, target, whole.byteLength);
  }

  /** Envoy says `Ok` and writes no address when there is nothing to read: what the last call left there must not be taken for it. */
  private read(start: u32, length: u32): bool {
    store<usize>(OUT_ADDRESS, 0);
    return proxy_get_buffer_bytes(this.type, start, length, OUT_ADDRESS, OUT_SIZE) == Status.Ok;
  }
}
