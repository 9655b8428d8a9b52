// Headers that are removed, renamed, set and appended, both ways.
import { type Answer, bytesOf, type Case, caseOf, chunked, whole } from './case.ts';

function answering(headers: readonly string[], parts: Partial<Answer> = {}): { readonly answer: Answer } {
  return { answer: { status: '200 OK', headers, body: whole('text'), ...parts } };
}

const CITY = [bytesOf('Zürich')];
const SET = { 'x-frame-options': ['DENY'], 'content-type': ['text/html'], 'x-city': CITY, vary: ['origin'] };

export const HEADER_REWRITE: readonly Case[] = [
  caseOf(
    'no rules',
    'rewrite-nothing',
    {
      headers: ['X-Odd-Case: Kept', 'x-two: a', 'X-Two: b', 'x-empty:'],
      ...answering(['X-Up: 1', 'x-up: 2', 'x-empty:']),
    },
    {
      status: 200,
      headers: { 'x-up': ['1', '2'], 'x-empty': [''] },
      service: { headers: { 'x-odd-case': ['Kept'], 'x-two': ['a', 'b'], 'x-empty': [''] } },
    },
  ),
  caseOf(
    'headers of a request that are removed',
    'rewrite-request',
    { headers: ['X-DEBUG: 1', 'x-debug: 2', 'Accept-Language: de', 'x-debugger: stays'] },
    { status: 200, service: { headers: { 'x-debug': [], 'accept-language': [], 'x-debugger': ['stays'] } } },
  ),
  caseOf(
    'a header of a request that is renamed',
    'rewrite-request',
    { headers: ['X-Client: one'] },
    { status: 200, service: { headers: { 'x-client': [], 'x-app': ['one'] } } },
  ),
  caseOf(
    'a repeated header of a request that is renamed',
    'rewrite-request',
    { headers: ['x-client: one', 'X-Client: two', 'x-client: three'] },
    { status: 200, service: { headers: { 'x-client': [], 'x-app': ['one', 'two', 'three'] } } },
  ),
  caseOf(
    'a renamed header that takes the place of another',
    'rewrite-request',
    { headers: ['x-new: own', 'x-old: moved', 'X-NEW: too'] },
    { status: 200, service: { headers: { 'x-old': [], 'x-new': ['moved'] } } },
  ),
  caseOf(
    'nothing to rename',
    'rewrite-request',
    { headers: ['x-new: own'] },
    { status: 200, service: { headers: { 'x-new': ['own'] } } },
  ),
  caseOf(
    'an empty header that is renamed',
    'rewrite-request',
    { headers: ['x-old:', 'x-new: own'] },
    { status: 200, service: { headers: { 'x-old': [], 'x-new': [''] } } },
  ),
  caseOf(
    'headers of a request that are set',
    'rewrite-request',
    { headers: ['User-Agent: client', 'x-gateway: a', 'x-gateway: b'] },
    { status: 200, service: { headers: { 'x-gateway': ['shared'], 'x-city': CITY, 'user-agent': ['plugin'] } } },
  ),
  caseOf(
    'a header of a request that is appended to',
    'rewrite-request',
    { headers: ['x-list: first', 'X-List: second'] },
    { status: 200, service: { headers: { 'x-list': ['first', 'second', 'last'], 'x-fresh': [''] } } },
  ),
  caseOf(
    'a request with a body whose headers change',
    'rewrite-request',
    { method: 'POST', headers: ['x-old: 1', 'content-type: text/plain'], body: chunked('a', 'bc', 'd') },
    { status: 200, service: { headers: { 'x-new': ['1'], 'content-type': ['text/plain'] }, body: 'abcd' } },
  ),
  caseOf(
    'a value that is renamed byte by byte',
    'rewrite-request',
    { headers: ['x-client: \xff\xfe\x80 caf\xe9'] },
    { status: 200, service: { headers: { 'x-app': ['\xff\xfe\x80 caf\xe9'] } } },
  ),
  caseOf(
    'headers of a response that are removed',
    'rewrite-response',
    answering(['X-Powered-By: x', 'etag: "1"', 'ETAG: "2"', 'x-powered: stays']),
    { status: 200, headers: { 'x-powered-by': [], etag: [], 'x-powered': ['stays'], ...SET }, body: 'text' },
  ),
  caseOf(
    'headers of a response that are renamed',
    'rewrite-response',
    answering(['X-From: a', 'x-to: own', 'x-from: b']),
    { status: 200, headers: { 'x-from': [], 'x-to': ['a', 'b'] } },
  ),
  caseOf(
    'headers of a response that are set and appended',
    'rewrite-response',
    answering(['content-type: text/plain', 'Vary: accept', 'x-city: Bern', 'x-city: Genf']),
    { status: 200, headers: { ...SET, vary: ['accept', 'origin'] }, body: 'text' },
  ),
  caseOf('cookies of a response', 'rewrite-response', answering(['Set-Cookie: a=1; Path=/', 'set-cookie: b=2']), {
    status: 200,
    headers: { 'set-cookie': ['a=1; Path=/', 'b=2', 'last=1'] },
  }),
  caseOf(
    'a response of bytes that are no UTF-8',
    'rewrite-response',
    answering(['x-from: \xe9\xff', 'x-other: \xe9']),
    { status: 200, headers: { 'x-to': ['\xe9\xff'], 'x-other': ['\xe9'] } },
  ),
  caseOf('a response without a body', 'rewrite-response', answering([], { status: '204 No Content', body: null }), {
    status: 204,
    headers: SET,
    body: '',
  }),
  caseOf('an error of the service', 'rewrite-response', answering(['etag: x'], { status: '503 Sorry' }), {
    status: 503,
    headers: { ...SET, etag: [] },
    body: 'text',
  }),
  caseOf(
    'the response to a HEAD',
    'rewrite-response',
    { method: 'HEAD', ...answering(['etag: x']) },
    {
      status: 200,
      headers: { ...SET, etag: [] },
      body: '',
    },
  ),
  caseOf(
    'a response in chunks with trailers',
    'rewrite-response',
    answering(['etag: x'], { body: { ...chunked('a', 'b'), trailers: ['X-Sum: 3', 'x-powered-by: trailer'] } }),
    { status: 200, headers: { ...SET, etag: [] }, body: 'ab' },
  ),
  caseOf(
    'a response that lasts until its connection ends',
    'rewrite-response',
    answering(['etag: x'], { body: { pieces: ['a', 'b'], framing: 'close' } }),
    { status: 200, headers: { ...SET, etag: [] }, body: 'ab' },
  ),
  caseOf(
    'rules for both ways',
    'rewrite-both',
    { headers: ['x-a: up', 'x-b: gone', 'x-c: 0'], ...answering(['x-b: down', 'x-c: 1']) },
    {
      status: 200,
      headers: { 'x-a': ['down'], 'x-b': [], 'x-c': ['1', '2'] },
      service: { headers: { 'x-a': [], 'x-b': ['up'], 'x-c': ['1'] } },
    },
  ),
];
