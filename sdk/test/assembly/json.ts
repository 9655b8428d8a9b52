/** A guest for json.test.ts: text in, the document back in a form that keeps every bit of it. */
import { HttpFilter, JsonKind, JsonParser, JsonValue, Plugin, register } from '@sluice/plugin-sdk';
import { TextChannel } from './text-channel';

export { outputAt, reserve } from './text-channel';

/** Offset of the error, or -1 when the input is a document. */
export function parse(): i32 {
  const parser = new JsonParser(TextChannel.input);
  const value = parser.parse();
  TextChannel.output = value ? describe(value) : parser.error;
  return value ? -1 : parser.offset;
}

export function outputLength(): i32 {
  return TextChannel.output.length;
}

function describe(value: JsonValue): string {
  if (value.kind == JsonKind.Null) return 'n';
  if (value.kind == JsonKind.Bool) return value.isTrue ? 't' : 'f';
  if (value.kind == JsonKind.Number) {
    const integer = value.isInteger ? value.toInteger().toString() : '';
    return `d${reinterpret<i64>(value.toFloat())},${integer};`;
  }
  if (value.kind == JsonKind.String) return text(value.text);
  let all = (value.kind == JsonKind.Array ? 'a' : 'o') + value.length.toString() + ';';
  let item = value.first;
  while (item) {
    if (value.kind == JsonKind.Object) all += text(item.name);
    all += describe(item);
    item = item.next;
  }
  return all;
}

function text(value: string): string {
  return `s${value.length};${value}`;
}

class NoFilter extends HttpFilter {}

class JsonGuest extends Plugin {
  createFilter(): HttpFilter {
    return new NoFilter();
  }
}

register((): Plugin => new JsonGuest());
