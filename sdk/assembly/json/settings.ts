import { decimal } from '../types/integer';
import { JsonParser } from './parser';
import { JsonKind, JsonValue } from './value';

/** More would bury the first ones. */
const MOST_PROBLEMS = 5;

/**
 * A name and a text, from an object whose values are all strings.
 * @example in a plugin
 * const labels = Settings.parse(configuration).pairs('labels');
 * for (let i = 0; i < labels.length; i++) log.info(`${labels[i].name} is ${labels[i].value}`);
 */
@final
export class TextPair {
  /** @internal */
  constructor(
    /** Its key. */
    readonly name: string,
    /** The text. */
    readonly value: string,
  ) {}
}

/**
 * A plugin's configuration, read key by key. Every read names the default; whatever is wrong (a missing key, another type,
 * a key nobody asked for) becomes a problem with its place, and reading goes on, so that one attempt reports them all.
 * @example in a plugin
 * const settings = Settings.parse(configuration);
 * const header = settings.text('header', 'x-api-key');
 * const most = settings.integer('most', 10, 1, 1000);
 * log.info(`${header}, ${most}`);
 * return this.acceptUnless(settings.problems());
 */
// @ts-ignore: decorator
@final
export class Settings {
  private outer: Settings | null = null;
  /** Where this section stands in `outer`: its key, and its index in a list or -1. */
  private key: string = '';
  private index: i32 = -1;
  /** The sections opened within this one, and the next of those opened within `outer`. */
  private inner: Settings | null = null;
  private sibling: Settings | null = null;
  /** What was asked for last, and what it is. */
  private lastName: string | null = null;
  private last: JsonValue | null = null;
  /** What this key holds is not shown; `''`: no key. */
  private hidden: string = '';

  /** @param asked shared by the objects of one list, which one piece of code reads. */
  private constructor(private value: JsonValue, private found: string[], private asked: string[]) {}

  /**
   * The configuration in `json`; an empty text is an empty configuration. What is no JSON, or no object, is a problem.
   * @example in a plugin
   * return this.acceptUnless(Settings.parse(configuration).problems());
   */
  static parse(json: string): Settings {
    const found: string[] = [];
    const none = new JsonValue(JsonKind.Object);
    if (json.length == 0) return new Settings(none, found, []);
    const parser = new JsonParser(json);
    const value = parser.parse();
    if (value && value.kind == JsonKind.Object) return new Settings(value, found, []);
    if (value) found.push('the configuration must be an object, found ' + value.describe());
    else found.push(`the configuration is no JSON: ${parser.error}, at offset ${decimal(parser.offset)}`);
    return new Settings(none, found, []);
  }

  /**
   * True when the key is there, whatever its value.
   * @example in a plugin
   * const settings = Settings.parse(configuration);
   * if (settings.has('a') && settings.has('b')) settings.reject('b', 'cannot stand beside a');
   */
  has(name: string): bool {
    return this.member(name) != null;
  }

  /**
   * The value as it is, for what the methods below do not cover; null when absent.
   * @example in a plugin
   * const when = Settings.parse(configuration).get('when');
   * if (when && when.kind == JsonKind.Array) log.info(`${when.length} times`);
   */
  get(name: string): JsonValue | null {
    return this.member(name);
  }

  /**
   * A text; `fallback` when absent.
   * @example in a plugin
   * const header = Settings.parse(configuration).text('header', 'x-api-key');
   */
  text(name: string, fallback: string): string {
    const value = this.member(name);
    return value ? this.textOf(value, name) : fallback;
  }

  /**
   * A text that has to be there; `''`, and a problem, when it is absent.
   * @example in a plugin
   * const service = Settings.parse(configuration).requiredText('service');
   */
  requiredText(name: string): string {
    this.require(name, 'a string');
    return this.text(name, '');
  }

  /**
   * True or false; `fallback` when absent.
   * @example in a plugin
   * const strict = Settings.parse(configuration).flag('strict', true);
   */
  flag(name: string, fallback: bool): bool {
    const value = this.member(name);
    if (!value) return fallback;
    if (value.kind != JsonKind.Bool) this.mismatch(name, 'true or false', value);
    return value.isTrue;
  }

  /**
   * A number without a fraction; `fallback` when absent, or out of range, which is a problem.
   * @example in a plugin
   * const rate = Settings.parse(configuration).integer('rate', 10, 1, 1000);
   */
  integer(name: string, fallback: i64, least: i64 = i64.MIN_VALUE, most: i64 = i64.MAX_VALUE): i64 {
    const value = this.member(name);
    if (!value) return fallback;
    if (value.isInteger && value.toInteger() >= least && value.toInteger() <= most) return value.toInteger();
    const range = least == i64.MIN_VALUE ? '' : ` from ${decimal(least)} to ${decimal(most)}`;
    this.mismatch(name, 'an integer' + range, value);
    return fallback;
  }

  /**
   * A number with or without a fraction; `fallback` when absent, or out of range, which is a problem.
   * @example in a plugin
   * const share = Settings.parse(configuration).number('share', 0.5, 0, 1);
   */
  number(name: string, fallback: f64, least: f64 = -Infinity, most: f64 = Infinity): f64 {
    const value = this.member(name);
    if (!value) return fallback;
    const number = value.toFloat();
    if (isFinite(number) && number >= least && number <= most) return number;
    this.mismatch(name, 'a number' + rangeOf(least, most), value);
    return fallback;
  }

  /**
   * A list of strings; empty when absent.
   * @example in a plugin
   * const paths = Settings.parse(configuration).texts('paths');
   */
  texts(name: string): string[] {
    const texts: string[] = [];
    const list = this.typed(name, JsonKind.Array, 'a list of strings');
    if (!list) return texts;
    let item = list.first;
    while (item) {
      if (item.kind != JsonKind.String) this.mismatch(`${name}[${decimal(texts.length)}]`, 'a string', item);
      texts.push(item.text);
      item = item.next;
    }
    return texts;
  }

  /**
   * An object whose values are strings, in order; empty when absent.
   * @example in a plugin
   * const labels = Settings.parse(configuration).pairs('labels');
   */
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

  /**
   * An object with settings of its own; empty when absent.
   * @example in a plugin
   * const period = Settings.parse(configuration).section('refresh').integer('seconds', 60, 1, 3600);
   */
  section(name: string): Settings {
    const section = this.open(name);
    return section ? section : this.enter(new JsonValue(JsonKind.Object), name, -1, []);
  }

  /** @internal The same; null when absent or no object. */
  open(name: string): Settings | null {
    const object = this.typed(name, JsonKind.Object, 'an object');
    return object ? this.enter(object, name, -1, []) : null;
  }

  /**
   * A list of objects with settings of their own; empty when absent.
   * @example in a plugin
   * const limits = Settings.parse(configuration).sections('limits');
   * for (let i = 0; i < limits.length; i++) log.info(limits[i].requiredText('name'));
   */
  sections(name: string): Settings[] {
    const sections: Settings[] = [];
    const list = this.typed(name, JsonKind.Array, 'a list of objects');
    if (!list) return sections;
    const asked: string[] = [];
    let item = list.first;
    for (let index = 0; item; index++) {
      if (item.kind == JsonKind.Object) sections.push(this.enter(item, name, index, asked));
      else this.mismatch(`${name}[${decimal(index)}]`, 'an object', item);
      item = item.next;
    }
    return sections;
  }

  /** @internal Notes a problem when there is no such key. @param expected `a string` */
  require(name: string, expected: string): void {
    if (!this.member(name)) this.reject(name, 'is missing; must be ' + expected);
  }

  /** @internal Notes a problem when a list has fewer or more entries. */
  count(name: string, least: i32, most: i32): void {
    const value = this.member(name);
    if (!value || value.kind != JsonKind.Array || (value.length >= least && value.length <= most)) return;
    const bound = value.length < least ? `at least ${decimal(least)} are needed` : `at most ${decimal(most)} are possible`;
    this.reject(name, `has ${decimal(value.length)} entries; ${bound}`);
  }

  /**
   * @internal Notes what is wrong with a text, with each text of a list, or with each value of an object.
   * @param problemOf answers what is wrong with it, `''` for nothing
   */
  each(name: string, problemOf: (text: string) => string): void {
    const value = this.member(name);
    if (!value) return;
    if (value.kind == JsonKind.String) this.rejectWith(name, problemOf(value.text));
    let item = value.first;
    for (let i = 0; item; i++) {
      if (item.kind == JsonKind.String) {
        const problem = problemOf(item.text);
        if (problem.length) this.reject(name + (value.kind == JsonKind.Array ? `[${decimal(i)}]` : '.' + item.name), problem);
      }
      item = item.next;
    }
  }

  /** @internal What this key holds is a secret: messages do not show it. Until the next call. */
  hide(name: string): void {
    this.hidden = name;
  }

  /**
   * Adds a problem of your own.
   * @param name the key that it is about; the message begins with its place
   * @param problem what is wrong, and what would be right
   * @example in a plugin
   * const settings = Settings.parse(configuration);
   * if (settings.texts('paths').length == 0) settings.reject('paths', 'is empty; name at least one');
   * return this.acceptUnless(settings.problems());
   */
  reject(name: string, problem: string): void {
    this.found.push(`${this.path()}${name} ${problem}`);
  }

  /**
   * Everything that is wrong, in one line; `''` when nothing is. Call it last: keys not asked for by then are unknown.
   * @example in a plugin
   * return this.acceptUnless(Settings.parse(configuration).problems());
   */
  problems(): string {
    this.findUnknown();
    const found = this.found;
    if (found.length <= MOST_PROBLEMS) return found.join('; ');
    return `${found.slice(0, MOST_PROBLEMS).join('; ')}; and ${decimal(found.length - MOST_PROBLEMS)} more`;
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
    return outer.path() + this.key + (this.index < 0 ? '.' : `[${decimal(this.index)}].`);
  }

  /** One setting is asked for several times in a row, always by the same literal. */
  private member(name: string): JsonValue | null {
    if (changetype<usize>(name) == changetype<usize>(this.lastName)) return this.last;
    if (!this.asked.includes(name)) this.asked.push(name);
    this.lastName = name;
    this.last = this.value.get(name);
    return this.last;
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

  private enter(value: JsonValue, key: string, index: i32, asked: string[]): Settings {
    const section = new Settings(value, this.found, asked);
    section.outer = this;
    section.key = key;
    section.index = index;
    section.sibling = this.inner;
    this.inner = section;
    return section;
  }

  private rejectWith(name: string, problem: string): void {
    if (problem.length) this.reject(name, problem);
  }

  private mismatch(name: string, expected: string, value: JsonValue): void {
    const isHidden = this.hidden.length > 0 && name.startsWith(this.hidden);
    this.reject(name, `must be ${expected}, found ${isHidden ? value.describeKind() : value.describe()}`);
  }
}

/** ` from 0.5 to 2`, as far as there are bounds. */
function rangeOf(least: f64, most: f64): string {
  const from = isFinite(least) ? ` from ${least}` : '';
  return isFinite(most) ? `${from} to ${most}` : from;
}
