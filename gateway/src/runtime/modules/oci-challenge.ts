/** What a server wants to see, of the answer to a request without it (RFC 9110 §11.6.1). */
export interface Challenge {
  /** In lower case, such as `bearer`. */
  readonly scheme: string;
  /** By name in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const SCHEME = new RegExp(`[\\s,]*(${TOKEN})(?=\\s|,|$)(?!\\s*=)`, 'y');
const PARAMETER = new RegExp(`[\\s,]*(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`, 'y');

/** Longer values are of no server that means well. */
const MOST = 8192;

/** The challenges of a WWW-Authenticate header, up to the first thing that is none. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const text = (typeof header === 'object' ? header.join(', ') : (header ?? '')).slice(0, MOST);
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (let at = 0; at < text.length; ) {
    const parameter = matchAt(PARAMETER, text, at);
    const [whole, name, quoted, token] = parameter ?? matchAt(SCHEME, text, at) ?? [''];
    if (name === undefined) break;
    at += whole.length;
    if (parameter === null) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? '');
  }
  return challenges;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
