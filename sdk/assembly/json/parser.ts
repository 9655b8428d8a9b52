import { decimal } from '../types/integer';
import { JsonKind, JsonValue } from './value';

/** Deeper documents are refused: each level takes stack. */
const DEEPEST = 64;

/** Member names kept for reuse: a list of a thousand objects has their names once. */
const KNOWN_NAMES = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads one JSON document (RFC 8259) as strictly as JavaScript's `JSON.parse`, up to 64 levels deep.
 * @example in a plugin
 * const parser = new JsonParser(configuration);
 * const value = parser.parse();
 * if (!value) return this.refuse(`no JSON: ${parser.error}, at offset ${parser.offset}`);
 */
@final
export class JsonParser {
  /** What is wrong, or `''`. */
  error: string = '';
  /** Character at which it is wrong, from 0. */
  offset: i32 = 0;
  private at: i32 = 0;
  private depth: i32 = 0;
  private names: string[] = [];

  /** @param input the document */
  constructor(private input: string) {}

  /**
   * The document, or null with `error` and `offset` set. To be called once.
   * @example
   * const answer = new JsonParser(this.requestBody.text()).parse();
   * if (!answer) return this.respond(400, null, 'The body must be JSON.');
   */
  parse(): JsonValue | null {
    const value = this.value();
    if (!value) return null;
    this.skipBlanks();
    if (this.at < this.input.length) return this.fail('nothing more is expected after the document');
    return value;
  }

  private fail(error: string): JsonValue | null {
    if (this.error.length == 0) {
      this.error = error;
      this.offset = this.at;
    }
    return null;
  }

  /** The character at the cursor, -1 at the end. */
  private peek(): i32 {
    return this.at < this.input.length ? this.input.charCodeAt(this.at) : -1;
  }

  private skipBlanks(): void {
    const start = changetype<usize>(this.input);
    const end = start + (<usize>this.input.length << 1);
    let address = start + (<usize>this.at << 1);
    for (; address < end; address += 2) {
      const code = load<u16>(address);
      if (code > 0x20 || (code != 0x20 && code != 0x0a && code != 0x0d && code != 0x09)) break;
    }
    this.at = <i32>((address - start) >> 1);
  }

  /** Steps over the characters of a string that stand for themselves; answers the one behind them, -1 at the end. */
  private skipPlain(): i32 {
    const start = changetype<usize>(this.input);
    const end = start + (<usize>this.input.length << 1);
    let address = start + (<usize>this.at << 1);
    for (; address < end; address += 2) {
      const code = load<u16>(address);
      if (code == QUOTE || code == BACKSLASH || code < 0x20) break;
    }
    this.at = <i32>((address - start) >> 1);
    return this.peek();
  }

  /** Steps over a character after blanks, if it is the next one. */
  private take(code: i32): bool {
    this.skipBlanks();
    if (this.peek() != code) return false;
    this.at++;
    return true;
  }

  private value(): JsonValue | null {
    this.skipBlanks();
    const code = this.peek();
    if (code == QUOTE) return this.textValue();
    if (code == 0x7b || code == 0x5b) return this.container(code == 0x7b);
    if (code == 0x2d || isDigit(code)) return this.number();
    if (code == 0x74) return this.word('true', JsonKind.Bool);
    if (code == 0x66) return this.word('false', JsonKind.Bool);
    if (code == 0x6e) return this.word('null', JsonKind.Null);
    return this.fail('a value is expected');
  }

  private word(word: string, kind: JsonKind): JsonValue | null {
    for (let i = 0; i < word.length; i++, this.at++) {
      if (this.peek() != word.charCodeAt(i)) return this.fail(`"${word}" is expected`);
    }
    const value = new JsonValue(kind);
    value.text = word;
    return value;
  }

  private container(isObject: bool): JsonValue | null {
    if (this.depth == DEEPEST) return this.fail(`at most ${decimal(DEEPEST)} levels are allowed`);
    this.depth++;
    this.at++;
    const all = new JsonValue(isObject ? JsonKind.Object : JsonKind.Array);
    const close = isObject ? 0x7d : 0x5d;
    if (!this.take(close)) {
      let last: JsonValue | null = null;
      do {
        const item = isObject ? this.member() : this.value();
        if (!item) return null;
        if (last) last.next = item;
        else all.first = item;
        last = item;
        all.length++;
      } while (this.take(0x2c));
      if (!this.take(close)) return this.fail(isObject ? '"," or "}" is expected' : '"," or "]" is expected');
    }
    this.depth--;
    return all;
  }

  private member(): JsonValue | null {
    this.skipBlanks();
    if (this.peek() != QUOTE) return this.fail('a name in double quotes is expected');
    const name = this.string(true);
    if (this.error.length) return null;
    if (!this.take(0x3a)) return this.fail('":" is expected');
    const value = this.value();
    if (value) value.name = name;
    return value;
  }

  private textValue(): JsonValue | null {
    const text = this.string(false);
    if (this.error.length) return null;
    const value = new JsonValue(JsonKind.String);
    value.text = text;
    return value;
  }

  /** The string at the cursor; `''` with `error` set when it is broken. */
  private string(isName: bool): string {
    const from = ++this.at;
    if (this.skipPlain() == BACKSLASH) return this.escaped(from);
    const to = this.at;
    if (!this.closeString()) return '';
    return isName ? this.nameAt(from, to) : this.input.substring(from, to);
  }

  /** The same with the cursor on its first escape: decoded into one block, as escapes are longer than what they stand for. */
  private escaped(from: i32): string {
    const start = changetype<usize>(this.input);
    const text = __new(<usize>(this.endOfString() - from) << 1, idof<string>());
    let to = text;
    for (;;) {
      const size = <usize>(this.at - from) << 1;
      memory.copy(to, start + (<usize>from << 1), size);
      to += size;
      if (this.peek() != BACKSLASH) break;
      this.at++;
      const decoded = this.escape();
      if (decoded < 0) {
        this.fail('no such escape');
        return '';
      }
      store<u16>(to, decoded);
      to += 2;
      from = this.at;
      this.skipPlain();
    }
    return this.closeString() ? changetype<string>(__renew(text, to - text)) : '';
  }

  /** Where the string ends whose characters begin at or before the cursor; beyond the end of the input when it has none. */
  private endOfString(): i32 {
    let at = this.at;
    for (; at < this.input.length; at++) {
      const code = this.input.charCodeAt(at);
      if (code == QUOTE) return at;
      if (code == BACKSLASH) at++;
    }
    return at;
  }

  /** Steps over the quote that ends a string. */
  private closeString(): bool {
    const code = this.peek();
    if (code != QUOTE) this.fail(code < 0 ? 'the string has no end' : 'a control character must be escaped');
    this.at++;
    return code == QUOTE;
  }

  /** A name of the input: the same string as the last time it was seen. */
  private nameAt(from: i32, to: i32): string {
    const address = changetype<usize>(this.input) + (<usize>from << 1);
    for (let i = 0; i < this.names.length; i++) {
      const known = unchecked(this.names[i]);
      if (known.length != to - from) continue;
      if (memory.compare(changetype<usize>(known), address, <usize>known.length << 1) == 0) return known;
    }
    const name = this.input.substring(from, to);
    if (this.names.length < KNOWN_NAMES) this.names.push(name);
    return name;
  }

  /** The character of the escape behind a backslash, or -1 with the cursor on what is wrong. */
  private escape(): i32 {
    const code = this.peek();
    if (code == 0x75) return this.hex4();
    const decoded = unescape(code);
    if (decoded >= 0) this.at++;
    return decoded;
  }

  private hex4(): i32 {
    let value = 0;
    for (let i = 0; i < 4; i++) {
      this.at++;
      const digit = hexDigit(this.peek());
      if (digit < 0) return -1;
      value = (value << 4) | digit;
    }
    this.at++;
    return value;
  }

  private number(): JsonValue | null {
    const from = this.at;
    if (this.peek() == 0x2d) this.at++;
    if (this.peek() == 0x30) this.at++;
    else if (!this.digits()) return this.fail('a digit is expected');
    if (this.peek() == 0x2e) {
      this.at++;
      if (!this.digits()) return this.fail('a digit is expected');
    }
    if ((this.peek() | 0x20) == 0x65) {
      this.at++;
      if (this.peek() == 0x2b || this.peek() == 0x2d) this.at++;
      if (!this.digits()) return this.fail('a digit is expected');
    }
    const value = new JsonValue(JsonKind.Number);
    value.text = this.input.substring(from, this.at);
    return value;
  }

  /** Steps over digits; false when there is none. */
  private digits(): bool {
    const from = this.at;
    while (isDigit(this.peek())) this.at++;
    return this.at > from;
  }
}

function isDigit(code: i32): bool {
  return code >= 0x30 && code <= 0x39;
}

function hexDigit(code: i32): i32 {
  if (isDigit(code)) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** What `\` and this character stand for, or -1. */
function unescape(code: i32): i32 {
  switch (code) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
      return code;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return -1;
  }
}
