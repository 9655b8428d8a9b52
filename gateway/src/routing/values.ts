import type { HeaderList } from '../exchange/headers.ts';

const BEYOND_ASCII = /[\x80-\uffff]/;

/** A field value as text: wire bytes above 0x7f are read as UTF-8. */
function asText(value: string): string {
  return BEYOND_ASCII.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
}

/** First value of a header (lower-case name) as text, or undefined. */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  const value = headers.get(name);
  return value === undefined ? undefined : asText(value);
}

function decodeComponent(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return asText(spaced);
  try {
    return decodeURIComponent(asText(spaced));
  } catch {
    return spaced;
  }
}

function parseQuery(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const name = decodeComponent(equals === -1 ? pair : pair.slice(0, equals));
    if (name !== '' && !values.has(name))
      values.set(name, equals === -1 ? '' : decodeComponent(pair.slice(equals + 1)));
  }
  return values;
}

function parseCookies(header: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    const name = pair.slice(0, equals).trim();
    if (!values.has(name)) values.set(name, asText(pair.slice(equals + 1).trim()));
  }
  return values;
}

/** Keeps what the last text parsed to: the rules of one request ask for the same text again and again. */
class LastParsed {
  readonly #parse: (text: string) => ReadonlyMap<string, string>;
  #text = '';
  #values: ReadonlyMap<string, string> = new Map();

  constructor(parse: (text: string) => ReadonlyMap<string, string>) {
    this.#parse = parse;
  }

  of(text: string): ReadonlyMap<string, string> {
    if (text !== this.#text) {
      this.#values = this.#parse(text);
      this.#text = text;
    }
    return this.#values;
  }
}

const queries = new LastParsed(parseQuery);
const cookies = new LastParsed(parseCookies);

/**
 * First value of a query parameter of `target`, or undefined. Percent-decoded as UTF-8, '+' is a space; what cannot be
 * decoded stays as it was sent. Names are case-sensitive. `name` without '=' has the value ''.
 */
export function queryValue(target: string, name: string): string | undefined {
  const at = target.indexOf('?');
  return at === -1 ? undefined : queries.of(target.slice(at + 1)).get(name);
}

/** First value of a cookie, as it was sent, or undefined. Names are case-sensitive. */
export function cookieValue(headers: HeaderList, name: string): string | undefined {
  if (!headers.has('cookie')) return undefined;
  const fields = headers.getAll('cookie');
  return cookies.of(fields.length === 1 ? fields[0]! : fields.join(';')).get(name);
}
