// Bodies in which values are masked, and those that are left alone or refused.
import { gzipSync } from 'node:zlib';
import {
  type Answer,
  type Body,
  bytesOf,
  type Case,
  caseOf,
  chunked,
  differing,
  type Expected,
  sliced,
  whole,
} from './case.ts';

const JSON_TYPE = 'content-type: application/json';
const PLAIN = '{"name":"cam","wifiPassword":"correct horse","owner":{"name":"Zo","phone":"+49"},"phone":"110"}';
const MASKED = '{"name":"cam","wifiPassword":"***","owner":{"name":"Zo","phone":"***"},"phone":"110"}';

function json(body: Body, headers: readonly string[] = [], status = '200 OK'): { readonly answer: Answer } {
  return { answer: { status, headers: [JSON_TYPE, ...headers], body } };
}

function answering(headers: readonly string[], body: Body | null, status = '200 OK'): { readonly answer: Answer } {
  return { answer: { status, headers, body } };
}

const gives = (body: string, more: Partial<Expected> = {}): Expected => ({ status: 200, body, ...more });

function refused(code: string): Expected {
  const message = 'The response of the service cannot be passed on.';
  const body = JSON.stringify({ error: { code: `SLUICE_BODY_MASK_${code}`, message } });
  return { status: 502, body, headers: { 'content-type': ['application/json'] } };
}

/** What a plugin finds wrong with a body whose head has left already in Envoy, which does not hold it back. */
function late(one: Case): Case {
  const reason = 'Sluice has not sent the head before the plugin has let the first of the body go, Envoy has';
  return differing(one, reason, { status: 200, cut: true });
}

const GZIP = gzipSync(PLAIN, { level: 1 }).toString('latin1');

/** A document of so many entries; with secrets or with the mask. */
function large(entries: number, secret: string): string {
  const entry = (id: number) => `{"id":${id},"name":"device ${id}","token":${secret},"text":"${'x'.repeat(60)}"}`;
  return `{"list":[${Array.from({ length: entries }, (_, id) => entry(id)).join(',\n ')}]}`;
}
const LARGE = large(3000, '"abcdef-0123456789"');
const LARGE_MASKED = large(3000, '"***"');

/** Deeper than the plugin reads. */
const DEEP = `${'['.repeat(1100)}${']'.repeat(1100)}`;

const SHAPES: readonly (readonly [string, string, string])[] = [
  ['a text', '{"token":"a"}', '{"token":"***"}'],
  ['a number', '{"token":-12.5e3}', '{"token":"***"}'],
  ['a word', '{"token":null,"a":true}', '{"token":"***","a":true}'],
  ['an object', '{"token":{"a":[1,{"b":"}"}]},"c":1}', '{"token":"***","c":1}'],
  ['a list', ' [ {"token" : [1, "]", {}] } , 2 ] ', ' [ {"token" : "***" } , 2 ] '],
  ['escaped names', '{"wifi\\u0050assword":"a","tok\\u0065n":1}', '{"wifi\\u0050assword":"***","tok\\u0065n":"***"}'],
  ['escaped values', '{"token":"a\\"b\\\\","x":"\\u00e9\\n"}', '{"token":"***","x":"\\u00e9\\n"}'],
  ['names that are almost the same', '{"Token":1,"tokens":2,"toke":3}', '{"Token":1,"tokens":2,"toke":3}'],
  [
    'paths',
    '{"items":[{"a":{"id":1}},{"b":{"id":2},"id":3}],"id":4}',
    '{"items":[{"a":{"id":"***"}},{"b":{"id":"***"},"id":3}],"id":4}',
  ],
  [
    'text that is not ASCII',
    bytesOf('{"ü":"Zürich 🏠","token":"geheim 🔑"}'),
    bytesOf('{"ü":"Zürich 🏠","token":"***"}'),
  ],
  ['a mark at the beginning', bytesOf('\ufeff{"token":1}'), bytesOf('\ufeff{"token":"***"}')],
  ['a bare value', '"token"', '"token"'],
];

export const BODY_MASK: readonly Case[] = [
  caseOf('a body of known length', 'mask-usual', json(whole(PLAIN)), gives(MASKED)),
  caseOf('a body in one chunk', 'mask-usual', json(chunked(PLAIN)), gives(MASKED)),
  caseOf('a body in chunks of one byte', 'mask-usual', json(chunked(...sliced(PLAIN, 1))), gives(MASKED)),
  caseOf('a body in chunks of seven bytes', 'mask-usual', json(chunked(...sliced(PLAIN, 7))), gives(MASKED)),
  caseOf('a body of known length in pieces', 'mask-usual', json(whole(...sliced(PLAIN, 9))), gives(MASKED)),
  caseOf(
    'a body that lasts until the end',
    'mask-usual',
    json({ pieces: sliced(PLAIN, 20), framing: 'close' }),
    gives(MASKED),
  ),
  caseOf('a body with trailers', 'mask-usual', json({ ...chunked(PLAIN), trailers: ['x-sum: 1'] }), gives(MASKED)),
  ...SHAPES.map(([name, plain, masked]) =>
    caseOf(`a document: ${name}`, 'mask-usual', json(whole(plain)), gives(masked)),
  ),
  ...SHAPES.map(([name, plain, masked]) =>
    caseOf(
      `a document in pieces of three bytes: ${name}`,
      'mask-usual',
      json(chunked(...sliced(plain, 3))),
      gives(masked),
    ),
  ),
  caseOf('an empty list', 'mask-usual', json(whole('[]')), gives('[]')),
  caseOf('a large document of known length', 'mask-usual', json(whole(LARGE)), gives(LARGE_MASKED)),
  caseOf('a large document in pieces', 'mask-usual', json(chunked(...sliced(LARGE, 30_011))), gives(LARGE_MASKED)),
  caseOf('a mask that is a number', 'mask-number', json(whole('{"secret":"a","b":1}')), gives('{"secret":0,"b":1}')),
  caseOf(
    'a mask that is longer',
    'mask-long',
    json(whole('[{"s":1},{"s":2}]')),
    gives(JSON.stringify([{ s: 'x'.repeat(200) }, { s: 'x'.repeat(200) }])),
  ),
  caseOf(
    'checksums of a body that is masked',
    'mask-usual',
    json(whole(PLAIN), ['digest: sha-256=x', 'content-md5: x', 'etag: "1"']),
    gives(MASKED, { headers: { digest: [], 'content-md5': [], etag: ['"1"'] } }),
  ),
  caseOf(
    'what is asked of the service',
    'mask-usual',
    { headers: ['Accept-Encoding: gzip, br', 'range: bytes=0-9'], ...json(whole(PLAIN)) },
    gives(MASKED, { service: { headers: { 'accept-encoding': ['identity'], range: [] } } }),
  ),
  caseOf('another type of content', 'mask-usual', answering(['content-type: text/plain'], whole(PLAIN)), gives(PLAIN)),
  caseOf('no type of content', 'mask-usual', answering([], whole(PLAIN)), gives(PLAIN)),
  caseOf(
    'a type with a suffix',
    'mask-usual',
    answering(['content-type: application/problem+JSON; a=b'], whole(PLAIN)),
    gives(MASKED),
  ),
  caseOf('no type where that counts', 'mask-types', answering([], whole(PLAIN)), gives(MASKED)),
  caseOf('JSON where that does not count', 'mask-types', json(whole(PLAIN)), gives(PLAIN)),
  caseOf(
    'several documents',
    'mask-types',
    answering(['content-type: application/x-ndjson'], chunked('{"token":1}\n{"to', 'ken":2}\n')),
    gives('{"token":"***"}\n{"token":"***"}\n'),
  ),
  caseOf(
    'another type of content in gzip',
    'mask-usual',
    answering(['content-type: image/png', 'content-encoding: gzip'], whole(GZIP)),
    gives(GZIP),
  ),
  caseOf('JSON in gzip', 'mask-usual', json(whole(GZIP), ['content-encoding: gzip']), refused('ENCODED')),
  caseOf('JSON in gzip that may pass', 'mask-pass', json(whole(GZIP), ['content-encoding: gzip']), gives(GZIP)),
  caseOf(
    'JSON without an encoding, said so',
    'mask-usual',
    json(whole(PLAIN), ['content-encoding: identity']),
    gives(MASKED),
  ),
  caseOf(
    'another charset',
    'mask-usual',
    answering(['content-type: application/json; charset=utf-16'], whole(PLAIN)),
    refused('CHARSET'),
  ),
  caseOf(
    'a part of a document',
    'mask-usual',
    json(whole(PLAIN.slice(0, 20)), ['content-range: bytes 0-19/99'], '206 Partial Content'),
    refused('PARTIAL'),
  ),
  caseOf(
    'a part of a document that may pass',
    'mask-pass',
    json(whole(PLAIN.slice(0, 20)), ['content-range: bytes 0-19/99'], '206 Partial Content'),
    { status: 206, body: PLAIN.slice(0, 20) },
  ),
  late(caseOf('no JSON', 'mask-usual', json(whole('<html>token</html>')), refused('INVALID'))),
  late(caseOf('JSON that ends too early', 'mask-usual', json(whole('{"token":"a')), refused('INVALID'))),
  late(caseOf('JSON that nests too deep', 'mask-usual', json(whole(DEEP)), refused('INVALID'))),
  caseOf('JSON that turns out to be none', 'mask-usual', json(chunked('{"a":"first piece"', '} oops')), {
    status: 200,
    cut: true,
  }),
  caseOf('no body at all', 'mask-usual', answering([JSON_TYPE], null, '204 No Content'), { status: 204, body: '' }),
  caseOf('an empty body', 'mask-usual', json(whole()), gives('')),
  caseOf('the response to a HEAD', 'mask-usual', { method: 'HEAD', ...json(whole(PLAIN)) }, gives('')),
  caseOf('nothing new', 'mask-usual', answering([JSON_TYPE, 'etag: "1"'], null, '304 Not Modified'), {
    status: 304,
    body: '',
  }),
  caseOf('an error in JSON', 'mask-usual', json(whole('{"token":"a","error":1}'), [], '500 Oops'), {
    status: 500,
    body: '{"token":"***","error":1}',
  }),
  caseOf(
    'the body of a request',
    'mask-usual',
    { method: 'POST', headers: [JSON_TYPE], body: chunked(...sliced(PLAIN, 11)), ...json(whole(PLAIN)) },
    gives(MASKED, { service: { body: PLAIN } }),
  ),
];

export const CHAIN: readonly Case[] = [
  caseOf(
    'all three plugins',
    'all',
    { headers: ['x-api-key: app-key'], ...json(chunked(...sliced(PLAIN, 13))) },
    gives(MASKED, {
      headers: { 'x-chain': ['yes'] },
      service: { headers: { 'x-chain': ['yes'], 'x-consumer': ['app'], 'x-api-key': [] } },
    }),
  ),
  caseOf('an answer of the first of three plugins', 'all', {}, { status: 401, service: null }),
  late(
    caseOf(
      'an answer of the last of three plugins',
      'all',
      { headers: ['x-api-key: app-key'], ...json(whole('no')) },
      refused('INVALID'),
    ),
  ),
];
