// Keys in headers and queries.
import { bytesOf, type Case, caseOf, chunked, type Expected, whole } from './case.ts';

const KEY = 'x-api-key: app-key';

const passes = (service: NonNullable<Expected['service']>): Expected => ({
  status: 200,
  body: 'from the service',
  service,
});

function refused(code: string, message: string): Expected {
  const body = JSON.stringify({ error: { code: `SLUICE_KEY_AUTH_${code}`, message } });
  const headers = { 'content-type': ['application/json'], 'www-authenticate': ['Key realm="api"'] };
  return { status: 401, body, headers, service: null };
}

const MISSING = refused('MISSING', 'An API key is required.');
const UNKNOWN = refused('UNKNOWN', 'The API key is not valid.');
const app = (target: string): Expected => passes({ target, headers: { 'x-consumer': ['app'], 'x-api-key': [] } });

export const KEY_AUTH: readonly Case[] = [
  caseOf('a known key', 'key-header', { headers: [KEY] }, app('/things?q=1')),
  caseOf('no key', 'key-header', {}, MISSING),
  caseOf('an empty key', 'key-header', { headers: ['x-api-key:'] }, MISSING),
  caseOf('an unknown key', 'key-header', { headers: ['x-api-key: app-kez'] }, UNKNOWN),
  caseOf('the beginning of a key', 'key-header', { headers: ['x-api-key: app-ke'] }, UNKNOWN),
  caseOf('a key in upper case', 'key-header', { headers: ['X-API-Key: APP-KEY'] }, UNKNOWN),
  caseOf('a header in odd case', 'key-header', { headers: ['X-Api-KEY: app-key'] }, app('/things?q=1')),
  caseOf('blanks around a key', 'key-header', { headers: ['x-api-key: \t app-key \t'] }, app('/things?q=1')),
  caseOf('two keys, the first one known', 'key-header', { headers: [KEY, 'x-api-key: other'] }, app('/things?q=1')),
  caseOf('two keys, the second one known', 'key-header', { headers: ['x-api-key: other', KEY] }, UNKNOWN),
  caseOf(
    'a key that is not ASCII',
    'key-header',
    { headers: [`x-api-key: ${bytesOf('schlüssel')}`] },
    passes({ headers: { 'x-consumer': ['partner'] } }),
  ),
  caseOf('the same letters in Latin-1', 'key-header', { headers: ['x-api-key: schl\xfcssel'] }, UNKNOWN),
  caseOf(
    'a consumer that the caller claims to be',
    'key-header',
    { headers: ['x-consumer: admin', KEY, 'X-Consumer: root'] },
    app('/things?q=1'),
  ),
  caseOf('a claimed consumer without a key', 'key-header', { headers: ['x-consumer: admin'] }, MISSING),
  caseOf('a key in a query that is not looked at', 'key-header', { target: '/?api%20key=app-key' }, MISSING),
  caseOf(
    'a request with a body',
    'key-header',
    { method: 'POST', headers: [KEY], body: whole('{"a":', '1}') },
    passes({ headers: { 'x-consumer': ['app'] }, body: '{"a":1}' }),
  ),
  caseOf(
    'a request with a body in chunks',
    'key-header',
    { method: 'PUT', headers: [KEY], body: { ...chunked('one', 'two'), trailers: ['x-sum: 7'] } },
    passes({ headers: { 'x-consumer': ['app'] }, body: 'onetwo' }),
  ),
  caseOf('a refused request with a body', 'key-header', { method: 'POST', body: whole('{"a":1}') }, MISSING),
  caseOf('a refused HEAD', 'key-header', { method: 'HEAD' }, { ...MISSING, body: '' }),
  caseOf('a HEAD with a key', 'key-header', { method: 'HEAD', headers: [KEY] }, { ...app('/things?q=1'), body: '' }),
  caseOf('a key where nobody has one', 'key-nobody', { headers: [KEY] }, UNKNOWN),
  caseOf(
    'a key in the query',
    'key-query',
    { target: '/a?x=1&api%20key=app-key&y=2' },
    passes({ target: '/a?x=1&y=2', headers: { 'x-who': ['app'], 'x-key': [] } }),
  ),
  caseOf(
    'a key in the query, with a plus',
    'key-query',
    { target: '/a?api+key=app-key' },
    passes({ target: '/a', headers: { 'x-who': ['app'] } }),
  ),
  caseOf(
    'a key in the query that is not ASCII',
    'key-query',
    { target: '/a?api%20key=schl%C3%BCssel&z' },
    passes({ target: '/a?z', headers: { 'x-who': ['partner'] } }),
  ),
  caseOf(
    'keys in header and query',
    'key-query',
    { target: '/a?api%20key=wrong&api+key=app-key', headers: ['x-key: app-key'] },
    passes({ target: '/a', headers: { 'x-who': ['app'], 'x-key': [] } }),
  ),
  caseOf(
    'a wrong header before a right query',
    'key-query',
    { target: '/?api+key=app-key', headers: ['x-key: no'] },
    UNKNOWN,
  ),
  caseOf(
    'an empty header before a right query',
    'key-query',
    { target: '/?api+key=app-key', headers: ['x-key:'] },
    passes({ target: '/', headers: { 'x-who': ['app'], 'x-key': [] } }),
  ),
  caseOf('a broken escape', 'key-query', { target: '/?api+key=app%2key' }, UNKNOWN),
  caseOf('a query without a value', 'key-query', { target: '/?api+key' }, MISSING),
  caseOf(
    'a header where only the query counts',
    'key-only-query',
    { target: '/?key=app-key', headers: [KEY] },
    passes({ target: '/', headers: { 'x-consumer': ['app'], 'x-api-key': ['app-key'] } }),
  ),
  caseOf(
    'a key that is not hidden',
    'key-shown',
    { target: '/?key=app-key', headers: [KEY] },
    passes({ target: '/?key=app-key', headers: { 'x-consumer': ['app'], 'x-api-key': ['app-key'] } }),
  ),
];
