import { LIMITS } from '../core/limits.ts';

const CR = 13;
const LF = 10;
const STAR = 42;
const DOLLAR = 36;
/** Digits of a length; more would be beyond every limit. */
const DIGITS = 7;

/** Another user, database, protocol or client state. */
const OF_CONNECTIONS = ['AUTH', 'HELLO', 'SELECT', 'RESET', 'QUIT', 'CLIENT', 'ASKING', 'READONLY', 'READWRITE'];
/** Answers that come unasked, or in another number than one. */
const SUBSCRIPTIONS = [
  'SUBSCRIBE',
  'PSUBSCRIBE',
  'SSUBSCRIBE',
  'UNSUBSCRIBE',
  'PUNSUBSCRIBE',
  'SUNSUBSCRIBE',
  'MONITOR',
];
const REPLICATION = ['SYNC', 'PSYNC', 'REPLCONF'];
/** More than one command, and between them would come those of others. */
const TRANSACTIONS = ['MULTI', 'EXEC', 'DISCARD', 'WATCH', 'UNWATCH'];
/** Answers that are waited for. */
const BLOCKING = 'BLPOP BRPOP BRPOPLPUSH BLMOVE BLMOVEM BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF'.split(' ');

/** Connections are shared: what changes one, or makes others wait for their answers, is refused. */
const REFUSED: ReadonlySet<string> = new Set([
  ...OF_CONNECTIONS,
  ...SUBSCRIPTIONS,
  ...REPLICATION,
  ...TRANSACTIONS,
  ...BLOCKING,
]);

/** Wait for an answer when they are given this word. */
const BLOCK = 'BLOCK';
const MAY_BLOCK: ReadonlySet<string> = new Set(['XREAD', 'XREADGROUP']);

/** Reads one command in RESP, in the one form that servers understand in one way. */
class QueryReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The number of a line with this mark; -1: there is none. */
  count(mark: number): number {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== mark) return -1;
    const from = ++this.#at;
    let count = 0;
    while (this.#at - from < DIGITS && isDigit(bytes[this.#at])) count = count * 10 + bytes[this.#at++]! - 48;
    const digits = this.#at - from;
    if (digits === 0 || (digits > 1 && bytes[from] === 48) || !this.#lineEnd()) return -1;
    return count;
  }

  /** The bytes of an argument; null: they are not all there. */
  argument(length: number): Uint8Array | null {
    const argument = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return this.#lineEnd() ? argument : null;
  }

  #lineEnd(): boolean {
    const ends = this.#bytes[this.#at] === CR && this.#bytes[this.#at + 1] === LF;
    this.#at += 2;
    return ends;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}

function wordOf(argument: Uint8Array): string {
  return argument.length > 32 ? '' : Buffer.from(argument).toString('latin1').toUpperCase();
}

/**
 * Looks at a command of a guest, in RESP.
 * @returns '' when it may go out over a connection that others use too, else why not
 */
export function checkRedisQuery(query: Uint8Array): string {
  if (query.length > LIMITS.pluginCalloutBodyBytes) return 'is too large';
  const reader = new QueryReader(query);
  const count = reader.count(STAR);
  let name = '';
  for (let i = 0; i < count; i++) {
    const length = reader.count(DOLLAR);
    const argument = length < 0 ? null : reader.argument(length);
    if (argument === null) return 'is not one command in RESP';
    const word = wordOf(argument);
    if (i === 0) name = word;
    else if (word === BLOCK && MAY_BLOCK.has(name)) return `${name} with BLOCK would make others wait`;
  }
  if (count < 1 || !reader.atEnd) return 'is not one command in RESP';
  return REFUSED.has(name) ? `${name} may not be used, because others use the connection too` : '';
}
