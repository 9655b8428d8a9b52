// Host calls of the SDK one by one, by a plugin that says what came of them.
import { type Case, caseOf, chunked, differing, type Expected, whole } from './case.ts';

function tried(what: string, expected: Expected, parts: Parameters<typeof caseOf>[2] = {}): Case {
  const headers = [`x-try: ${what}`, ...(parts.headers ?? [])];
  return caseOf(what, 'probe', { ...parts, headers }, expected);
}

const says = (body: string): Expected => ({ status: 200, body, service: null });

const PROPERTIES = `request.method=GET
request.path=/things?q=1
request.url_path=/things
request.query=q=1
request.host=probe.example.com
request.scheme=http
request.protocol=HTTP/1.1
request.headers.x-one=1
request.headers.absent=absent
plugin_name=probe
no.such.thing=absent
source true true
mtls false
headers 1
set 0 kept
`;

const edited = (how: string, body: string): Case =>
  tried(
    `body ${how}`,
    { status: 200, body },
    { answer: { status: '200 OK', headers: [], body: chunked('abc', 'defgh') } },
  );

export const PROBE: readonly Case[] = [
  tried('properties', says(PROPERTIES), { headers: ['x-one: 1'] }),
  tried('headers', says('true false true a|b GET /things?q=1 probe.example.com 0 0 a|b 0 0 false a true'), {
    headers: ['X-One: 1', 'x-two: a', 'X-Two: b'],
  }),
  tried('shared', says('absent 0 one 0 mismatch 0 two! 0 3')),
  tried('metrics', says('5 5')),
  tried('log', says('false true')),
  tried('timer', { status: 200, service: { headers: { 'x-resumed': ['by timer'] } } }),
  tried('reset', { status: 0, cut: true, service: null }),
  tried('call service', says('200 yes called')),
  tried('call unknown', says('status 2')),
  differing(
    tried('call dead', says('503 absent no connection to the service could be opened')),
    'each says in its own words why a service could not be reached',
    says(
      '503 absent upstream connect error or disconnect/reset before headers. reset reason: remote connection failure',
    ),
  ),
  tried('request body', { status: 200, service: { body: '[abc]' } }, { method: 'POST', body: whole('a', 'bc') }),
  tried(
    'trailers',
    { status: 200, service: { body: 'abc' } },
    {
      method: 'POST',
      body: { ...chunked('abc'), trailers: ['x-sum: 7'] },
      answer: { status: '200 OK', headers: [], body: { ...chunked('d'), trailers: ['x-sum: 8', 'x-more: 9'] } },
    },
  ),
  differing(
    tried('late', { status: 200, headers: { 'x-late': ['1'] } }, { headers: ['x-one: 1'] }),
    'Envoy has let go of the head of the request by then, but for the property request.headers',
    { status: 200, headers: { 'x-late': ['gone'] } },
  ),
  edited('replace', 'new'),
  edited('append', 'abcdefgh<'),
  edited('prepend', '>abcdefgh'),
  edited('clear', ''),
  edited('drain', 'fgh'),
  edited('splice', 'abfourfgh'),
  edited('splice at the start', 'fourdefgh'),
  edited('splice to the end', 'abcdend'),
  edited('part', 'cde8'),
];
