/** One message of the Nacos gRPC API: a type name, request headers, and a JSON body. */
export interface Payload {
  /** Simple name of the message: `SubscribeServiceRequest`. */
  readonly type: string;
  readonly clientIp: string;
  readonly headers: Readonly<Record<string, string>>;
  /** UTF-8 JSON. */
  readonly body: Uint8Array;
}

// Payload { Metadata metadata = 2; Any body = 3 }, Metadata { string type = 3; map<string,string> headers = 7;
// string clientIp = 8 }, Any { string type_url = 1; bytes value = 2 }. Only varint and length-delimited fields are
// ever written; the others are known in order to be skipped.
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function field(number: number, value: Uint8Array): Buffer {
  return Buffer.concat([varint((number << 3) | BYTES), varint(value.length), value]);
}

function text(number: number, value: string): Buffer {
  return value === '' ? Buffer.alloc(0) : field(number, Buffer.from(value));
}

/** The bytes of a message; empty strings are left out, as proto3 does. */
export function encodePayload(payload: Payload): Buffer {
  const headers = Object.entries(payload.headers).map(([name, value]) =>
    field(7, Buffer.concat([text(1, name), text(2, value)])),
  );
  const metadata = Buffer.concat([text(3, payload.type), ...headers, text(8, payload.clientIp)]);
  return Buffer.concat([field(2, metadata), field(3, field(2, payload.body))]);
}

/** Walks the fields of one message; every read is checked against its end. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Calls `visit` for each length-delimited field, in order; skips the other kinds. */
  each(visit: (number: number, value: Uint8Array) => void): void {
    while (this.#at < this.#bytes.length) {
      const tag = this.#varint();
      switch (tag % 8) {
        case VARINT:
          this.#varint();
          break;
        case FIXED64:
          this.#take(8);
          break;
        case BYTES:
          visit(Math.floor(tag / 8), this.#take(this.#varint()));
          break;
        case FIXED32:
          this.#take(4);
          break;
        default:
          throw new RangeError(`wire type ${tag % 8} at byte ${this.#at}`);
      }
    }
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      // Past 2^53 the value is imprecise; it is then only skipped, or fails as a length.
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new RangeError(`broken varint before byte ${this.#at}`);
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError(`field of ${length} bytes exceeds the message`);
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}

const decoder = new TextDecoder();

/**
 * Reads a message. Fields may come in any order, unknown ones are skipped. `body` is a view into `bytes`.
 * @throws RangeError when the bytes are no protobuf message.
 */
export function decodePayload(bytes: Uint8Array): Payload {
  let type = '';
  let clientIp = '';
  let body: Uint8Array = new Uint8Array();
  const headers = new Map<string, string>();
  const readHeader = (entry: Uint8Array): void => {
    let name = '';
    let value = '';
    new Reader(entry).each((number, part) => {
      if (number === 1) name = decoder.decode(part);
      else if (number === 2) value = decoder.decode(part);
    });
    headers.set(name, value);
  };
  new Reader(bytes).each((number, part) => {
    if (number === 2) {
      new Reader(part).each((inner, value) => {
        if (inner === 3) type = decoder.decode(value);
        else if (inner === 7) readHeader(value);
        else if (inner === 8) clientIp = decoder.decode(value);
      });
    } else if (number === 3) {
      new Reader(part).each((inner, value) => {
        if (inner === 2) body = value;
      });
    }
  });
  return { type, clientIp, headers: Object.fromEntries(headers), body };
}
