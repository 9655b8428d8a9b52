/** Finds the ends of responses with Content-Length on one connection; no other framing is understood. */
export class ResponseReader {
  #head = '';
  /** Bytes of the body that are still to come; -1 = in the head. */
  #left = -1;
  #ok = false;

  /** @returns whether a response ended with this chunk: its status was 200 or not; null when none did */
  read(chunk: Buffer): boolean | null {
    let { length } = chunk;
    if (this.#left === -1) {
      this.#head += chunk.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return null;
      const declared = /\r\ncontent-length: *(\d+)\r\n/i.exec(this.#head.slice(0, end + 2))?.[1];
      length = this.#head.length - end - 4;
      this.#ok = this.#head.startsWith('HTTP/1.1 200 ') && declared !== undefined;
      this.#left = Number(declared ?? 0);
      this.#head = '';
    }
    this.#left -= length;
    if (this.#left > 0) return null;
    this.#left = -1;
    return this.#ok;
  }
}

/** A GET on the wire. */
export function requestText(headers: Readonly<Record<string, string>>): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET /data HTTP/1.1\r\n${fields.join('')}\r\n`;
}
