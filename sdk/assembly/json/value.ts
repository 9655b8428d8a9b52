export enum JsonKind {
  Null,
  Bool,
  Number,
  String,
  Array,
  Object,
}

/**
 * One value of a JSON document, with everything inside it. Elements and members are linked, which takes a fraction of the
 * memory of arrays. Walk them with `let item = list.first; while (item) { …; item = item.next; }`.
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

  constructor(readonly kind: JsonKind) {}

  /** Member by name, or null. Of repeated names the last one counts, as in JavaScript. */
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

  get isTrue(): bool {
    return this.kind == JsonKind.Bool && this.text == 'true';
  }

  /** True for a number without fraction and exponent that fits into 18 digits. */
  get isInteger(): bool {
    if (this.kind != JsonKind.Number || this.text.length > 18) return false;
    for (let i = 0; i < this.text.length; i++) {
      const code = this.text.charCodeAt(i);
      if (code != 0x2d && (code < 0x30 || code > 0x39)) return false;
    }
    return true;
  }

  /** The number, when `isInteger`. */
  toInteger(): i64 {
    let value: i64 = 0;
    const negative = this.text.charCodeAt(0) == 0x2d;
    for (let i = <i32>negative; i < this.text.length; i++) value = value * 10 + this.text.charCodeAt(i) - 0x30;
    return negative ? -value : value;
  }

  /** The number nearest to what was written; NaN for other kinds. */
  toFloat(): f64 {
    return this.kind == JsonKind.Number ? parseFloat(this.text) : NaN;
  }

  /** `a string`, `an object`: the kind in the words of an error message. */
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
