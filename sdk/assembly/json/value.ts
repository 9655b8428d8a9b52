/**
 * What a value of JSON is.
 * @example in a plugin
 * const value = new JsonParser(configuration).parse();
 * if (!value || value.kind != JsonKind.Array) return this.refuse('the configuration must be a list');
 */
export enum JsonKind {
  /** `null`. */
  Null,
  /** `true` or `false`. */
  Bool,
  /** A number, with a fraction or without. */
  Number,
  /** A text. */
  String,
  /** A list. */
  Array,
  /** Values by name. */
  Object,
}

/**
 * One value of a JSON document, with everything inside it. Elements and members are linked, which takes a fraction of the
 * memory of arrays.
 * @example in a plugin
 * const list = new JsonParser(configuration).parse();
 * if (!list) return this.refuse('the configuration must be JSON');
 * let item = list.first;
 * while (item) {
 *   log.info(item.text);
 *   item = item.next;
 * }
 */
@final
export class JsonValue {
  /** The text of a string, without escapes; the digits of a number as they were written; `true` or `false`. */
  text: string = '';
  /** The name of a member of an object. */
  name: string = '';
  /** First element of an array or member of an object. */
  first: JsonValue | null = null;
  /** The element or member after this one. */
  next: JsonValue | null = null;
  /** Number of elements or members; 0 for everything else. */
  length: i32 = 0;

  /** @internal */
  constructor(
    /** What it is. */
    readonly kind: JsonKind,
  ) {}

  /**
   * Member by name, or null when there is none, or this is no object. Of repeated names the last one counts, as in JavaScript.
   * @example in a plugin
   * const value = new JsonParser(configuration).parse();
   * const name = value ? value.get('name') : null;
   * if (!name || name.kind != JsonKind.String) return this.refuse('name must be a string');
   */
  get(name: string): JsonValue | null {
    if (this.kind != JsonKind.Object) return null;
    let found: JsonValue | null = null;
    let member = this.first;
    while (member) {
      if (member.name == name) found = member;
      member = member.next;
    }
    return found;
  }

  /**
   * True for `true`.
   * @example in a plugin
   * const value = new JsonParser(configuration).parse();
   * if (value && value.isTrue) log.info('switched on');
   */
  get isTrue(): bool {
    return this.kind == JsonKind.Bool && this.text == 'true';
  }

  /**
   * True for a number without a fraction, however it is written, that fits into 18 digits.
   * @example in a plugin
   * const value = new JsonParser(configuration).parse();
   * if (!value || !value.isInteger) return this.refuse('the configuration must be an integer');
   */
  get isInteger(): bool {
    return this.kind == JsonKind.Number && integerOf(this.text) != NO_INTEGER;
  }

  /**
   * The number, when `isInteger`; of no use otherwise.
   * @example in a plugin
   * const value = new JsonParser(configuration).parse();
   * if (value && value.isInteger) this.setTickPeriod(<u32>value.toInteger());
   */
  toInteger(): i64 {
    return integerOf(this.text);
  }

  /**
   * The number nearest to what was written; NaN for other kinds.
   * @example in a plugin
   * const value = new JsonParser(configuration).parse();
   * if (!value || !(value.toFloat() <= 1)) return this.refuse('the configuration must be a number up to 1');
   */
  toFloat(): f64 {
    return this.kind == JsonKind.Number ? parseFloat(this.text) : NaN;
  }

  /** @internal `text` as a value. */
  static text(text: string): JsonValue {
    const value = new JsonValue(JsonKind.String);
    value.text = text;
    return value;
  }

  /** @internal `a string`, `a number`: as `describe`, and nothing of the value itself. */
  describeKind(): string {
    if (this.kind == JsonKind.Bool) return 'true or false';
    return this.kind == JsonKind.Number ? 'a number' : this.describe();
  }

  /**
   * `a string`, `an object`, `the number 7`: what it is in the words of an error message.
   * @example in a plugin
   * const value = new JsonParser(configuration).parse();
   * if (value && value.kind != JsonKind.Object) return this.refuse(`must be an object, found ${value.describe()}`);
   */
  describe(): string {
    switch (this.kind) {
      case JsonKind.Null:
        return 'null';
      case JsonKind.Bool:
        return this.text;
      case JsonKind.Number:
        return 'the number ' + this.text;
      case JsonKind.String:
        return 'a string';
      case JsonKind.Array:
        return 'a list';
      default:
        return 'an object';
    }
  }
}

const MOST: i64 = 999_999_999_999_999_999;
const NO_INTEGER = i64.MIN_VALUE;

/** The integer that a number of JSON is, as `12`, `1.20e1` and `1200e-2` are 12; NO_INTEGER when it is none or too large. */
function integerOf(text: string): i64 {
  let value: i64 = 0;
  let places = 0;
  let isFraction = false;
  let i = 0;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code == 0x2d) continue;
    if (code == 0x2e) isFraction = true;
    else if (code > 0x39) break;
    else {
      if (value > MOST / 10) return NO_INTEGER;
      value = value * 10 + (code - 0x30);
      if (isFraction) places--;
    }
  }
  if (i < text.length) places += exponentOf(text, i + 1);
  for (; places < 0 && value != 0; places++, value /= 10) if (value % 10 != 0) return NO_INTEGER;
  for (; places > 0 && value != 0; places--, value *= 10) if (value > MOST / 10) return NO_INTEGER;
  return text.charCodeAt(0) == 0x2d ? -value : value;
}

/** Beyond 1000 it no longer matters how much. */
function exponentOf(text: string, from: i32): i32 {
  let value = 0;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x30 && value < 1000) value = value * 10 + (code - 0x30);
  }
  return text.charCodeAt(from) == 0x2d ? -value : value;
}
