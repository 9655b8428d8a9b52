/** Settings of every kind, for settings.test.ts. */
import { ConfiguredPlugin, HttpFilter, JsonValue, Plugin, Settings, TextPair, register, utf8 } from '@sluice/plugin-sdk';
import { TextChannel } from './text-channel';

export { outputAt, reserve } from './text-channel';

/** What a limit is. */
@config
class Limit {
  /**
   * How many.
   * In a second.
   *
   * And no more.
   * @example 5
   */
  @required @minimum(1) @maximum(1000) rate: i32 = 0;
  @minLength(2) @maxLength(3) label: string = 'abc';

  check(settings: Settings): void {
    if (this.rate == 13) settings.reject('rate', 'brings bad luck');
  }
}

@config
class All {
  /** A text. */ text: string = 'none';
  @required name: string;
  bytes: ArrayBuffer = utf8('é');
  noText: string | null = null;
  @headerName header: ArrayBuffer | null = utf8('x-key');
  @headerName plainHeader: string = 'x-Plain';
  @headerValue value: string = 'a b';
  flag: bool = true;
  i: i32 = -7;
  u: u32 = 0xff;
  @minimum(-5) l: i64 = 1_000;
  ul: u64 = 9_007_199_254_740_991;
  f: f64 = 0.5;
  @minimum(0.5) @maximum(1.5) ff: f64 = 1;
  @minItems(1) @maxItems(2) @minLength(1) texts: string[] = ['a'];
  @headerName names: string[] = [];
  @oneOf('red', 'green', '') color: string = 'red';
  @oneOf('on') switches: TextPair[] = [];
  pairs: TextPair[] = [];
  /** Another description. */
  limit: Limit = new Limit();
  maybe: Limit | null = null;
  @minItems(1) @maxItems(2) @required limits: Limit[];
  any: JsonValue = JsonValue.text('x');
  maybeAny: JsonValue | null = null;
  @secret @minLength(4) password: string = 'none';
  @secret keys: string[] = [];
  private derived: string = '';
  static shared: string = '';
}

class NoFilter extends HttpFilter {}

class Guest extends ConfiguredPlugin<All> {
  createFilter(): HttpFilter {
    return new NoFilter();
  }
}

register((): Plugin => new Guest());

/** Reads the configuration; what is wrong with it is the output then. */
export function read(): i32 {
  const settings = Settings.parse(TextChannel.input);
  const all = new All();
  // @ts-ignore: the transform adds it
  all.readSettings(settings);
  TextChannel.output = settings.problems();
  if (TextChannel.output.length == 0) TextChannel.output = show(all);
  return TextChannel.output.length;
}

/** What was read, in one line. */
function show(all: All): string {
  const header = all.header;
  const noText = all.noText;
  const maybe = all.maybe;
  const parts: string[] = [
    all.text, all.name, String.UTF8.decode(all.bytes), noText === null ? '-' : noText,
    header ? String.UTF8.decode(header) : '-', all.plainHeader, all.value, all.flag.toString(), all.i.toString(),
    all.u.toString(), all.l.toString(), all.ul.toString(), all.f.toString(), all.ff.toString(), all.texts.join('+'),
    all.names.join('+'), all.color, all.switches.length.toString(), all.pairs.length ? all.pairs[0].name + '=' + all.pairs[0].value : '',
    all.limit.rate.toString(), maybe ? maybe.label : '-', all.limits.length.toString(), all.any.text,
    all.password, all.keys.join('+'),
  ];
  return parts.join('|');
}
