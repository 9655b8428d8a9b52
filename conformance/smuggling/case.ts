/** What becomes of the bytes of a client. */
export interface RequestCase {
  readonly name: string;
  /** In latin1. */
  readonly bytes: string;
  /** Requests that the upstream gets, each as `method target framing body`, and no other. */
  readonly forwarded: readonly string[];
  /** Statuses that the client gets, and no other. */
  readonly answers: readonly number[];
  /** The connection stays; else the gateway closes it. */
  readonly open: boolean;
  /** Lines that the head of the last forwarded request has, or names that it has not where they begin with '!'. */
  readonly fields: readonly string[];
}

/** The domain of the tenant. */
export const HOST = 'a.example';
/** The line that every request needs. */
export const H = `Host: ${HOST}\r\n`;
/** A request that must not get out of the one that hides it. */
export const HIDDEN = `GET /hidden HTTP/1.1\r\n${H}X-Hidden: 1\r\n\r\n`;
/** As the upstream sees it. */
export const SEEN = 'GET /hidden none ';

/** It is refused as a whole: nothing of it is a request for the upstream, and nothing behind it is read. */
export function refused(name: string, bytes: string, status = 400): RequestCase {
  return { name, bytes, forwarded: [], answers: [status], open: false, fields: [] };
}

/** It is understood one way, and sent on so that it can be understood no other way. */
export function passed(
  name: string,
  bytes: string,
  forwarded: string | readonly string[],
  fields: readonly string[] = [],
): RequestCase {
  const list = typeof forwarded === 'string' ? [forwarded] : forwarded;
  return { name, bytes, forwarded: list, answers: list.map(() => 200), open: true, fields };
}

/** The first requests are served; what follows them is refused, or with status 200 not read at all. */
export function cut(name: string, bytes: string, forwarded: string, status = 400): RequestCase {
  const answers = status === 200 ? [200] : [200, status];
  return { ...passed(name, bytes, forwarded), answers, open: false };
}

/** The gateway understands it and does not want it; the request behind it is one of its own. */
export function declined(name: string, bytes: string, status: number): RequestCase {
  return { ...passed(name, bytes + HIDDEN, SEEN), answers: [status, 200] };
}

/** It waits for bytes that have not come, and is no request for anybody before. */
export function waiting(name: string, bytes: string): RequestCase {
  return { name, bytes, forwarded: [], answers: [], open: true, fields: [] };
}
