import { JsonParser } from './parser';
import { JsonKind, JsonValue } from './value';

/** More would bury the first ones. */
const MOST_PROBLEMS = 5;

/** A name and a text, from an object whose values are all strings. */
@final
export class TextPair {
  constructor(readonly name: string, readonly value: string) {}
}

/**
 * A plugin's configuration, read key by key. Every read names the default; whatever is wrong (a missing key, another type,
 * a key nobody asked for) becomes a problem with its place, and reading goes on, so that one attempt reports them all:
 *
 *     const settings = Settings.parse(configuration);
 *     this.header = settings.text('header', 'x-api-key');
 *     return this.acceptUnless(settings.problems());
 */
@final
export class Settings {
  private outer: Settings | null = null;
  /** Where this section stands in `outer`: its key, and its index in a list or -1. */
  private key: string = '';
  private index: i32 = -1;
  /** The sections opened within this one, and the next of those opened within `outer`. */
  private inner: Settings | null = null;
  private sibling: Settings | null = null;

  /** @param asked shared by the objects of one list, which one piece of code reads. */
  private constructor(private value: JsonValue, private found: string[], private asked: string[]) {}

  /** The configuration in `json`; an empty text is an empty configuration. */
  static parse(json: string): Settings {
    const found: string[] = [];
    const none = new JsonValue(JsonKind.Object);
    if (json.length == 0) return new Settings(none, found, []);
    const parser = new JsonParser(json);
    const value = parser.parse();
    if (value && value.kind == JsonKind.Object) return new Settings(value, found, []);
    if (value) found.push('the configuration must be an object, found ' + value.describe());
    else found.push(`the configuration is no JSON: ${parser.error}, at offset ${parser.offset}`);
    return new Settings(none, found, []);
  }

  has(name: string): bool {
    return this.member(name) != null;
  }

  /** The value as it is, for what the methods below do not cover; null when absent. */
  get(name: string): JsonValue | null {
    return this.member(name);
  }

  text(name: string, fallback: string): string {
    const value = this.member(name);
    return value ? this.textOf(value, name) : fallback;
  }

  requiredText(name: string): string {
    const value = this.member(name);
    if (value) return this.textOf(value, name);
    this.reject(name, 'is missing; must be a string');
    return '';
  }

  flag(name: string, fallback: bool): bool {
    const value = this.member(name);
    if (!value) return fallback;
    if (value.kind != JsonKind.Bool) this.mismatch(name, 'true or false', value);
    return value.isTrue;
  }

  integer(name: string, fallback: i64, least: i64 = i64.MIN_VALUE, most: i64 = i64.MAX_VALUE): i64 {
    const value = this.member(name);
    if (!value) return fallback;
    if (value.isInteger && value.toInteger() >= least && value.toInteger() <= most) return value.toInteger();
    const range = least == i64.MIN_VALUE ? '' : ` from ${least} to ${most}`;
    this.mismatch(name, 'an integer' + range, value);
    return fallback;
  }

  /** A list of strings; empty when absent. */
  texts(name: string): string[] {
    const texts: string[] = [];
    const list = this.typed(name, JsonKind.Array, 'a list of strings');
    if (!list) return texts;
    let item = list.first;
    while (item) {
      if (item.kind != JsonKind.String) this.mismatch(`${name}[${texts.length}]`, 'a string', item);
      texts.push(item.text);
      item = item.next;
    }
    return texts;
  }

  /** An object whose values are strings, in order; empty when absent. */
  pairs(name: string): TextPair[] {
    const pairs: TextPair[] = [];
    const object = this.typed(name, JsonKind.Object, 'an object');
    if (!object) return pairs;
    let member = object.first;
    while (member) {
      if (member.kind != JsonKind.String) this.mismatch(`${name}.${member.name}`, 'a string', member);
      pairs.push(new TextPair(member.name, member.text));
      member = member.next;
    }
    return pairs;
  }

  /** An object with settings of its own; empty when absent. */
  section(name: string): Settings {
    const object = this.typed(name, JsonKind.Object, 'an object');
    return this.open(object ? object : new JsonValue(JsonKind.Object), name, -1, []);
  }

  /** A list of objects with settings of their own; empty when absent. */
  sections(name: string): Settings[] {
    const sections: Settings[] = [];
    const list = this.typed(name, JsonKind.Array, 'a list of objects');
    if (!list) return sections;
    const asked: string[] = [];
    let item = list.first;
    for (let index = 0; item; index++) {
      if (item.kind == JsonKind.Object) sections.push(this.open(item, name, index, asked));
      else this.mismatch(`${name}[${index}]`, 'an object', item);
      item = item.next;
    }
    return sections;
  }

  /** Adds a problem of your own: `settings.reject('header', 'is no header name; …')`. */
  reject(name: string, problem: string): void {
    this.found.push(`${this.path()}${name} ${problem}`);
  }

  /** Everything that is wrong, in one line; `''` when nothing is. Call it last: keys not asked for by then are unknown. */
  problems(): string {
    this.findUnknown();
    const found = this.found;
    if (found.length <= MOST_PROBLEMS) return found.join('; ');
    return `${found.slice(0, MOST_PROBLEMS).join('; ')}; and ${found.length - MOST_PROBLEMS} more`;
  }

  private findUnknown(): void {
    let member = this.value.first;
    while (member) {
      if (!this.asked.includes(member.name)) this.reject(member.name, 'is unknown here; known: ' + this.asked.join(', '));
      member = member.next;
    }
    let section = this.inner;
    while (section) {
      section.findUnknown();
      section = section.sibling;
    }
  }

  /** `keys[2].`: what the names of this section follow in a message. */
  private path(): string {
    const outer = this.outer;
    if (!outer) return '';
    return outer.path() + this.key + (this.index < 0 ? '.' : `[${this.index}].`);
  }

  private member(name: string): JsonValue | null {
    if (!this.asked.includes(name)) this.asked.push(name);
    return this.value.get(name);
  }

  private typed(name: string, kind: JsonKind, expected: string): JsonValue | null {
    const value = this.member(name);
    if (!value || value.kind == kind) return value;
    this.mismatch(name, expected, value);
    return null;
  }

  private textOf(value: JsonValue, name: string): string {
    if (value.kind == JsonKind.String) return value.text;
    this.mismatch(name, 'a string', value);
    return '';
  }

  private open(value: JsonValue, key: string, index: i32, asked: string[]): Settings {
    const section = new Settings(value, this.found, asked);
    section.outer = this;
    section.key = key;
    section.index = index;
    section.sibling = this.inner;
    this.inner = section;
    return section;
  }

  private mismatch(name: string, expected: string, value: JsonValue): void {
    this.reject(name, `must be ${expected}, found ${value.describe()}`);
  }
}
