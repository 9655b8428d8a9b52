import { LIMITS } from '../../gateway/src/core/limits.ts';
import { parseRequestHead, RequestHead } from '../../gateway/src/http1/request-head.ts';
import { HEADERS } from '../load/load.ts';
import { requestText } from '../load/response-reader.ts';

const { requestHeadBytes: headBytes, requestTargetBytes: targetBytes, requestHeaderCount: fields } = LIMITS;

/** Bounds as listeners have them by default. */
export const HEAD_LIMITS = { headBytes, targetBytes, fields };

/** The request of the benchmark, nine fields. */
export const REQUEST = requestText(HEADERS);

/** Its head, parsed anew. */
export function parsed(): RequestHead {
  const head = parseRequestHead(REQUEST, HEAD_LIMITS);
  if (head instanceof RequestHead) return head;
  throw new Error(`the request of this benchmark is faulty: ${JSON.stringify(head)}`);
}
