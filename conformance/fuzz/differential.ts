// Whether the gateway's parser accepts only what Node's accepts, and means the same by it.
import type { NodeReader, Reading, Understood } from './peers.ts';
import { readOurs } from './peers.ts';

/** Methods outside Node's fixed list are refused by Node alone; any token is a method (RFC 9110 §9.1). */
const METHOD_REFUSED = 'HPE_INVALID_METHOD';

/** What is wrong, or '' when both agree or ours is the stricter one. */
export async function disagreement(bytes: Buffer, node: NodeReader): Promise<string> {
  const ours = readOurs(bytes);
  const split = readOurs(
    bytes,
    [...bytes].map((byte) => Buffer.of(byte)),
  );
  if (JSON.stringify(ours) !== JSON.stringify(split)) return `byte by byte it reads ${JSON.stringify(split)}`;
  return compare(ours, await node.read(bytes));
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
  for (const part of ['method', 'target', 'body'] as const) {
    if (ours[part] !== theirs[part])
      return `${part} ${JSON.stringify(ours[part])}, Node's ${JSON.stringify(theirs[part])}`;
  }
  const [own, other] = [JSON.stringify(ours.headers), JSON.stringify(theirs.headers)];
  return own === other ? '' : `headers ${own}, Node's ${other}`;
}
