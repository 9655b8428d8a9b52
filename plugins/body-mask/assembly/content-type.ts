/** A media type, and what it says of the characters; in lower case. */
@final
export class ContentType {
  /** `application/json`; `''` when there is none. */
  readonly type: string;
  /** `utf-8`; `''` when there is none. */
  readonly charset: string;

  /** @param value of the header */
  constructor(value: string) {
    const text = lower(value);
    const end = endOfType(text);
    this.type = text.substring(0, end).trim();
    this.charset = charsetOf(text.substring(end));
  }

  /** The bytes are those of UTF-8, which JSON is to be in. */
  get isUtf8(): bool {
    const charset = this.charset;
    return charset.length == 0 || charset == 'utf-8' || charset == 'utf8' || charset == 'us-ascii';
  }
}

/** The media types whose bodies are JSON: whole types, and suffixes such as `+json`. */
@final
export class ContentTypes {
  private entries: string[] = [];

  /** False: neither a media type nor a suffix. `''` stands for bodies without a type. */
  add(entry: string): bool {
    const text = lower(entry);
    if (text.length && text.indexOf('/') <= 0 && (text.length < 2 || text.charCodeAt(0) != 0x2b)) return false;
    if (endOfType(text) != text.length) return false;
    this.entries.push(text);
    return true;
  }

  has(type: string): bool {
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i];
      if (entry == type || (entry.startsWith('+') && type.endsWith(entry))) return true;
    }
    return false;
  }
}

/** ASCII only: the tables for all of Unicode are larger than this plugin. */
export function lower(text: string): string {
  let result = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x41 || code > 0x5a) continue;
    result += text.substring(result.length, i) + String.fromCharCode(code | 0x20);
  }
  return result.length ? result + text.substring(result.length) : text;
}

/** Where parameters begin, or another type follows that was not meant to. */
function endOfType(text: string): i32 {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code == 0x3b || code == 0x2c) return i;
  }
  return text.length;
}

function charsetOf(parameters: string): string {
  const at = parameters.indexOf('charset=');
  if (at < 0) return '';
  const value = parameters.substring(at + 8);
  const end = value.indexOf(';');
  return (end < 0 ? value : value.substring(0, end)).replaceAll('"', '').trim();
}
