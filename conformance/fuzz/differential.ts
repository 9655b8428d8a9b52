// Whether the gateway's parsers accept only what Node's accept, and mean the same by it.
import type { NodeReader, Reading, Understood } from './request-readers.ts';
import { readOurs } from './request-readers.ts';
import { readResponse, readResponseAsNode, type ResponseReading } from './response-readers.ts';
import type { ResponseInput } from './responses.ts';

/** Methods outside Node's fixed list are refused by Node alone; any token is a method (RFC 9110 §9.1). */
const METHOD_REFUSED = 'HPE_INVALID_METHOD';

/** What is wrong with how requests are read, or '' when both agree or ours is the stricter one. */
export async function disagreement(bytes: Buffer, node: NodeReader): Promise<string> {
  const ours = readOurs(bytes);
  const split = readOurs(bytes, singly(bytes));
  if (JSON.stringify(ours) !== JSON.stringify(split)) return `byte by byte it reads ${JSON.stringify(split)}`;
  return compare(ours, await node.read(bytes));
}

/** The same of a response. */
export async function responseDisagreement(input: ResponseInput): Promise<string> {
  const ours = readResponse(input);
  const split = readResponse(input, singly(Buffer.from(input.bytes, 'latin1')));
  if (JSON.stringify(ours) !== JSON.stringify(split)) return `byte by byte it reads ${JSON.stringify(split)}`;
  return ours.whole ? compareResponses(ours, await readResponseAsNode(input)) : '';
}

function singly(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte) => Buffer.of(byte));
}

function compare(ours: Reading, theirs: Reading): string {
  for (const [index, request] of ours.requests.entries()) {
    const other = theirs.requests[index];
    if (other === undefined) {
      return theirs.fault === METHOD_REFUSED ? '' : `Node refuses request ${index + 1}: ${theirs.fault || 'no end'}`;
    }
    const difference = differenceOf(request, other);
    if (difference !== '') return `request ${index + 1}: ${difference}`;
  }
  return '';
}

function differenceOf(ours: Understood, theirs: Understood): string {
  return (
    unequal('method', ours.method, theirs.method) ||
    unequal('target', ours.target, theirs.target) ||
    unequal('body', ours.body, theirs.body) ||
    unequal('headers', ours.headers, theirs.headers)
  );
}

function compareResponses(ours: ResponseReading, theirs: ResponseReading): string {
  // Node takes nothing behind an informational response that ends its connection; ours reads on, and closes then.
  if (theirs.fault === CLOSED && ours.closesEarly) return '';
  const difference = unequal('heads', ours.heads, theirs.heads.slice(0, ours.heads.length));
  if (difference !== '') return `${difference} ${theirs.fault}`;
  const { status, headers } = ours.heads.at(-1)!;
  // Node reads the body that such a response must not have (RFC 9112 §6.3); ours closes the connection behind it.
  if (status === 204 && headers.some((name, index) => index % 2 === 0 && FRAMING.test(name))) return '';
  if (status === 101) return '';
  if (!theirs.whole) return `Node refuses the response: ${theirs.fault || 'no end'}`;
  return unequal('body', ours.body, theirs.body);
}

const CLOSED = 'HPE_CLOSED_CONNECTION';

const FRAMING = /^(?:content-length|transfer-encoding)$/i;

function unequal(part: string, ours: unknown, theirs: unknown): string {
  const [own, other] = [JSON.stringify(ours), JSON.stringify(theirs)];
  return own === other ? '' : `${part} ${own}, Node's ${other}`;
}
