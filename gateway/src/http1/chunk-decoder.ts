import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import { FAULT, type MessageFault } from './fault.ts';
import { fieldCount, scanFields } from './fields.ts';
import { HeadReader } from './head-reader.ts';
import { ReceivedHeaders } from './received-headers.ts';

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILERS = 6;
const DONE = 7;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
/** More would not be exact. */
const MAX_SIZE_DIGITS = 13;
/** Extensions of one chunk; nobody uses them, and each byte of them is a byte that no body limit counts. */
const MAX_EXTENSION_BYTES = 256;
/** RFC 9112 §7.1.1, without the blanks that it calls bad. */
const EXTENSIONS =
  /^(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t -~])*"))?)+$/;
/** Extensions of one body. */
const MAX_EXTENSIONS_TOTAL = 16 * 1024;
/** With the end of the last chunk's line before it, a section of trailers ends as a head does. */
const LINE_END = Buffer.from('\r\n');

/** Who gets the decoded bytes. */
export interface ChunkReader {
  /** False: stop after this piece; `decode` returns where it stood. */
  onChunkData(data: Buffer): boolean;
}

/** Decodes the chunked coding (RFC 9112 §7.1) in whatever pieces it comes. */
export class ChunkDecoder {
  fault: MessageFault | null = null;
  /** Fields after the last chunk; null = none. Set when done. */
  trailers: HeaderList | null = null;
  #state = SIZE;
  #digits = 0;
  /** Of the chunk's size while it is read; then bytes of data to come. */
  #left = 0;
  /** Extensions of the chunk so far. */
  #extension = '';
  #extensions = 0;
  /** Of trailers; null until the first of their bytes comes without the end of the body. */
  #reader: HeadReader | null = null;
  readonly #trailerBytes: number;
  readonly #trailerFields: number;

  constructor(trailerBytes: number, trailerFields: number) {
    this.#trailerBytes = trailerBytes;
    this.#trailerFields = trailerFields;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  /** Decodes from `start`; returns the first byte that it has not used. Stops when done, faulty, or asked to. */
  decode(chunk: Buffer, start: number, reader: ChunkReader): number {
    let at = start;
    while (at < chunk.length && this.#state !== DONE && this.fault === null) {
      if (this.#state === DATA) {
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#state = DATA_CR;
        const goOn = reader.onChunkData(chunk.subarray(at, end));
        at = end;
        if (!goOn) return at;
      } else if (this.#state === TRAILERS) {
        at = this.#takeTrailers(chunk, at);
      } else {
        this.#take(chunk[at++]!);
      }
    }
    return at;
  }

  #take(byte: number): void {
    switch (this.#state) {
      case SIZE:
        this.#takeSize(byte);
        break;
      case EXTENSION:
        this.#takeExtension(byte);
        break;
      case SIZE_LF:
        if (byte !== LF) this.fault = FAULT.chunkSize;
        else this.#state = this.#left === 0 ? TRAILERS : DATA;
        break;
      case DATA_CR:
        if (byte === CR) this.#state = DATA_LF;
        else this.fault = FAULT.chunkEnd;
        break;
      case DATA_LF:
        if (byte !== LF) this.fault = FAULT.chunkEnd;
        this.#state = SIZE;
        this.#digits = 0;
        this.#extension = '';
        break;
    }
  }

  #takeSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      this.#left = this.#left * 16 + digit;
      if (++this.#digits > MAX_SIZE_DIGITS) this.fault = FAULT.chunkSize;
    } else if (this.#digits === 0) {
      this.fault = FAULT.chunkSize;
    } else if (byte === CR) {
      this.#state = SIZE_LF;
    } else if (byte === SEMICOLON) {
      this.#state = EXTENSION;
      this.#takeExtension(byte);
    } else {
      this.fault = FAULT.chunkSize;
    }
  }

  #takeExtension(byte: number): void {
    if (byte === CR) {
      if (EXTENSIONS.test(this.#extension)) this.#state = SIZE_LF;
      else this.fault = FAULT.chunkExtension;
      return;
    }
    this.#extension += String.fromCharCode(byte);
    const many = this.#extension.length > MAX_EXTENSION_BYTES || ++this.#extensions > MAX_EXTENSIONS_TOTAL;
    if (many || byte === LF) this.fault = FAULT.chunkExtension;
  }

  /** Field lines up to the empty line. */
  #takeTrailers(chunk: Buffer, start: number): number {
    if (this.#reader === null) {
      if (chunk[start] === CR && chunk[start + 1] === LF) {
        this.#state = DONE;
        return start + 2;
      }
      this.#reader = new HeadReader(this.#trailerBytes + LINE_END.length, 0, () => true);
      this.#reader.read(LINE_END, 0);
    }
    const at = this.#reader.read(chunk, start);
    const { text, fault } = this.#reader;
    if (fault !== null) this.fault = fault === FAULT.headTooLarge ? FAULT.trailersTooLarge : FAULT.trailers;
    else if (text !== '') this.#finish(text);
    return at;
  }

  #finish(text: string): void {
    const offsets = scanFields(text, LINE_END.length, text.length - LINE_END.length);
    if (offsets === null) this.fault = FAULT.trailers;
    else if (fieldCount(offsets) > this.#trailerFields) this.fault = FAULT.trailersTooLarge;
    else if (offsets.length > 0) this.#keep(new ReceivedHeaders(text, offsets));
    if (this.fault === null) this.#state = DONE;
  }

  #keep(trailers: HeaderList): void {
    if (FRAMING.some((name) => trailers.has(name))) this.fault = FAULT.trailers;
    else this.trailers = allowed(trailers);
  }
}

/** Who says behind a body how long it is, or what becomes of the connection, wants to be read in two ways. */
const FRAMING = ['transfer-encoding', 'content-length', 'connection'] as const;

/**
 * Fields that must not come late: they say what a message is, where it goes, or who sends it (RFC 9110 §6.5.1), the last
 * also in the words of proxies and traces, whose fields a service may merge with these.
 */
const NO_TRAILERS = [
  'authorization',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'sw8',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'upgrade',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-real-ip',
] as const;

function allowed(trailers: HeaderList): HeaderList | null {
  for (const name of NO_TRAILERS) trailers.remove(name);
  return trailers.size === 0 ? null : new PairHeaders([...trailers.toPairs()]);
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
