// What goes through both gateways, and what is looked at. Texts stand for bytes, one character each.

/** A message's body as it is sent. */
export interface Body {
  /** Sent one by one, so that they arrive apart; each is a chunk where the framing is `chunked`. */
  readonly pieces: readonly string[];
  readonly framing: 'length' | 'chunked' | 'close';
  /** Lines behind a chunked body. */
  readonly trailers?: readonly string[];
}

/** What the service answers. */
export interface Answer {
  /** Code and reason. */
  readonly status: string;
  /** Lines, besides those of the framing. */
  readonly headers: readonly string[];
  readonly body: Body | null;
}

/** What must hold on both sides, so that both cannot be wrong in the same way. */
export interface Expected {
  readonly status: number;
  /** The body that the client gets. */
  readonly body?: string;
  /** Values that the client gets; []: the header must not be there. */
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  /** null: the service must not be asked. */
  readonly service?: ExpectedRequest | null;
  /** The response breaks off. */
  readonly cut?: boolean;
}

export interface ExpectedRequest {
  readonly target?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly body?: string;
}

export interface Case {
  readonly name: string;
  /** Of `configurations.ts`. */
  readonly configuration: string;
  readonly method: string;
  readonly target: string;
  /** Lines, besides `Host` and those of the framing. */
  readonly headers: readonly string[];
  readonly body: Body | null;
  readonly answer: Answer;
  readonly expected: Expected;
  /** The gateways do not do the same, and why. */
  readonly differs?: { readonly reason: string; readonly envoy: Expected };
}

const ANSWER: Answer = {
  status: '200 OK',
  headers: ['content-type: text/plain'],
  body: { pieces: ['from the service'], framing: 'length' },
};

type Parts = Partial<Omit<Case, 'name' | 'configuration' | 'expected'>>;

/** A case; unless said otherwise a GET without a body, which the service answers with a short text. */
export function caseOf(name: string, configuration: string, parts: Parts, expected: Expected): Case {
  const usual = { method: 'GET', target: '/things?q=1', headers: [], body: null, answer: ANSWER };
  return { name, configuration, ...usual, ...parts, expected };
}

/** A case in which Envoy does something else. */
export function differing(one: Case, reason: string, envoy: Expected): Case {
  return { ...one, differs: { reason, envoy } };
}

/** A body of known length. */
export function whole(...pieces: string[]): Body {
  return { pieces, framing: 'length' };
}

export function chunked(...pieces: string[]): Body {
  return { pieces, framing: 'chunked' };
}

/** The bytes of a text in UTF-8. */
export function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** A text in pieces of so many bytes. */
export function sliced(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size));
}
