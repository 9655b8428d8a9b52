// Heads and trailers: of the exchange, of callouts, of gRPC calls.
import { type Arg, NOWHERE, pairs, slot, text } from '../driver/program.ts';
import type { Exchange } from '../client.ts';
import {
  type At,
  call,
  type Case,
  EXCHANGE_PLACES,
  OUT,
  type Place,
  returned,
  returnedPair,
  returnedText,
  type Row,
  word,
} from './cell.ts';

const REQUEST = 0;
const REQUEST_TRAILERS = 1;
const RESPONSE = 2;
const RESPONSE_TRAILERS = 3;
const GRPC_INITIAL = 4;
const GRPC_TRAILING = 5;
const CALLOUT = 6;
const CALLOUT_TRAILERS = 7;

const BEFORE_RESPONSE: readonly Place[] = ['effective', 'requestHeaders', 'requestBody', 'requestTrailers'];
const SINCE_RESPONSE: readonly Place[] = EXCHANGE_PLACES.filter((place) => !BEFORE_RESPONSE.includes(place));

type Answers = Readonly<Partial<Record<Place | 'restricted' | 'root' | 'stream' | 'otherwise', number>>>;

function everywhere(places: readonly Place[], answer: number): Answers {
  return Object.fromEntries(places.map((place) => [place, answer]));
}

/** The head of the request can be read from its first callback to the end of the exchange, that of the response likewise. */
const READ_REQUEST: Answers = { stream: 0, root: 2 };
const READ_RESPONSE: Answers = { root: 2, ...everywhere(BEFORE_RESPONSE, 2), ...everywhere(SINCE_RESPONSE, 0) };
/** They can be changed until they have gone on. */
const WRITE_REQUEST: Answers = { requestHeaders: 0, effective: 0, otherwise: 2 };
const WRITE_RESPONSE: Answers = { responseHeaders: 0, otherwise: 2 };
const ONLY_IN = (...places: readonly Place[]): Answers => ({ ...everywhere(places, 0), otherwise: 2 });

/** What a look-up answers where there is no such map: an error, nothing in 0.1.0, and in the log that it was not found. */
function lookUp(answers: Answers): (at: At) => Answers {
  return ({ abi }) => {
    const absent = abi === '0.1.0' ? 0 : 2;
    const late = abi === '0.1.0' ? 0 : 1;
    const table = Object.entries(answers).map(([where, answer]) => [where, answer === 2 ? absent : answer]);
    return { ...Object.fromEntries(table), ...(answers.log === 0 || answers.stream === 0 ? {} : { log: late }) };
  };
}

/** Where trailers are there, and where they are not there yet. */
const REQUEST_TRAILERS_AT: readonly Place[] = ['vmStart', 'tick', 'requestHeaders', 'requestTrailers'];
const RESPONSE_TRAILERS_AT: readonly Place[] = [
  'vmStart',
  'tick',
  'requestHeaders',
  'responseHeaders',
  'responseTrailers',
];

interface Lookup {
  readonly name: string;
  readonly map: number;
  readonly key: string;
  readonly value: string;
  readonly answers: Answers;
  readonly only?: readonly Place[];
}

const LOOKUPS: readonly Lookup[] = [
  { name: 'request', map: REQUEST, key: 'x-one', value: '1', answers: READ_REQUEST },
  { name: 'response', map: RESPONSE, key: 'x-up', value: 'yes', answers: READ_RESPONSE },
  {
    name: 'request trailers',
    map: REQUEST_TRAILERS,
    key: 'x-trailer',
    value: 't',
    answers: ONLY_IN('requestTrailers'),
    only: REQUEST_TRAILERS_AT,
  },
  {
    name: 'response trailers',
    map: RESPONSE_TRAILERS,
    key: 'x-tail',
    value: 'z',
    answers: ONLY_IN('responseTrailers'),
    only: RESPONSE_TRAILERS_AT,
  },
  { name: 'callout', map: CALLOUT, key: 'x-callout', value: 'yes', answers: ONLY_IN('callResponse', 'effective') },
  {
    name: 'callout trailers',
    map: CALLOUT_TRAILERS,
    key: 'x-tail',
    value: 'callout',
    answers: ONLY_IN('callResponse', 'effective'),
  },
  { name: 'gRPC metadata', map: GRPC_INITIAL, key: 'x-initial', value: 'i', answers: ONLY_IN('grpcInitial') },
  { name: 'gRPC trailers', map: GRPC_TRAILING, key: 'x-trailing', value: 't', answers: ONLY_IN('grpcTrailing') },
];

const isThere = ({ answers, only }: Lookup, place: Place, group: string): boolean =>
  (only === undefined || only.includes(place)) &&
  ((answers as Record<string, number>)[place] ?? (answers as Record<string, number>)[group] ?? answers.otherwise) === 0;

function lookups(make: (lookup: Lookup) => Omit<Case, 'name' | 'only'>): Case[] {
  return LOOKUPS.map((lookup) => ({
    name: lookup.name,
    ...make(lookup),
    ...(lookup.only === undefined ? {} : { only: lookup.only }),
  }));
}

const has = (exchange: Exchange, name: string, value: string): boolean =>
  exchange.seen?.headers.some(([key, text_]) => key === name && text_ === value) === true;

/** A header of the case's own, so that several can be looked for behind one exchange. */
const own = (at: At, what: string): string => `x-${what}-${at.place.toLowerCase()}`;

/** Whether the service, or the client, got a header. */
function arrived(at: At, exchange: Exchange, map: number, name: string, value: string): string | null {
  if (map === REQUEST) return has(exchange, name, value) ? null : `${name} did not reach the service`;
  if (map === REQUEST_TRAILERS) {
    return exchange.seen?.trailers[name] === value ? null : `${name} did not reach the service as a trailer`;
  }
  const found = map === RESPONSE ? exchange.reply?.headers[name] : exchange.reply?.trailers[name];
  return found === value ? null : `${name} did not reach the client in ${at.place}`;
}

interface Target {
  readonly name: string;
  readonly map: number;
  readonly answers: Answers;
  readonly only?: readonly Place[];
}

const TARGETS: readonly Target[] = [
  { name: 'request', map: REQUEST, answers: WRITE_REQUEST },
  { name: 'response', map: RESPONSE, answers: WRITE_RESPONSE },
  {
    name: 'request trailers',
    map: REQUEST_TRAILERS,
    answers: ONLY_IN('requestTrailers'),
    only: REQUEST_TRAILERS_AT,
  },
  {
    name: 'response trailers',
    map: RESPONSE_TRAILERS,
    answers: ONLY_IN('responseTrailers'),
    only: RESPONSE_TRAILERS_AT,
  },
  { name: 'callout', map: CALLOUT, answers: { otherwise: 2 } },
  { name: 'gRPC metadata', map: GRPC_INITIAL, answers: { otherwise: 2 } },
  { name: 'no such map', map: 8, answers: { otherwise: 2 } },
];

function writes(what: string): Case[] {
  return TARGETS.map(({ name, map, answers, only }) => ({
    name,
    args: (at) => [map, text(own(at, what)), text('v')],
    status: answers,
    ...(only === undefined ? {} : { only }),
    effect: (exchange, at) => arrived(at, exchange, map, own(at, what), 'v'),
  }));
}

const WRITABLE: readonly Place[] = ['requestHeaders', 'effective'];

const REFUSED: readonly (readonly [string, Arg, Arg])[] = [
  ['a line break in the value', text('x-broken'), text('a\r\nb: c')],
  ['a name that is no token', text('x broken'), text('v')],
  ['no name', text(''), text('v')],
  ['a pseudo header that does not exist', text(':nonsense'), text('v')],
];

function refusals(): Case[] {
  const refused = REFUSED.map(([name, key, value]) => ({
    name,
    args: [REQUEST, key, value],
    status: 2,
    only: WRITABLE,
    effect: (exchange: Exchange) => (has(exchange, 'b', 'c') ? 'a header was smuggled in' : null),
  }));
  return [
    ...refused,
    { name: 'a name outside of memory', args: [REQUEST, NOWHERE, 8192, text('v')], status: 6, only: WRITABLE },
    { name: 'a value outside of memory', args: [REQUEST, text('x-n'), NOWHERE, 8192], status: 6, only: WRITABLE },
  ];
}

const SIZE_SLOT = slot(2);

export const maps: readonly Row[] = [
  {
    call: 'proxy_get_header_map_size',
    cases: [
      ...lookups(({ map, answers }) => ({
        args: [map, SIZE_SLOT],
        status: answers,
        shows: [word(2, 'the bytes of names and values', (size) => size > 0)],
      })),
      { name: 'no such map', args: [8, SIZE_SLOT], status: 2 },
      { name: 'slot outside of memory', args: [REQUEST, NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_get_header_map_pairs',
    cases: [
      ...lookups((lookup) => ({
        args: [lookup.map, ...OUT],
        status: 0,
        shows: [
          returned(`${lookup.key}, or nothing where there is no such map`, (bytes, where) =>
            isThere(lookup, where.place, where.group)
              ? returnedPair(lookup.key, lookup.value).holds(bytes, where)
              : bytes.length === 0,
          ),
        ],
      })),
      { name: 'no such map', args: [8, ...OUT], status: 2 },
      { name: 'slots outside of memory', args: [REQUEST, NOWHERE, NOWHERE], status: 6, only: EXCHANGE_PLACES },
    ],
  },
  {
    call: 'proxy_get_header_map_value',
    cases: [
      ...lookups((lookup) => ({
        args: [lookup.map, text(lookup.key), ...OUT],
        status: lookUp(lookup.answers),
        shows: [
          returned(`"${lookup.value}", or nothing where there is no such map`, (bytes, { place, group }) =>
            isThere(lookup, place, group) ? bytes.toString() === lookup.value : bytes.length === 0,
          ),
        ],
      })),
      {
        name: 'first of several',
        args: [REQUEST, text('X-Two'), ...OUT],
        status: lookUp(READ_REQUEST),
        shows: [returned('"a"', (bytes, { group }) => bytes.toString() === (group === 'stream' ? 'a' : ''))],
      },
      {
        name: 'absent',
        args: [REQUEST, text('x-absent'), ...OUT],
        status: ({ abi }) => ({ stream: abi === '0.1.0' ? 0 : 1, root: abi === '0.1.0' ? 0 : 2 }),
        shows: [returnedText('')],
      },
      {
        name: 'a pseudo header',
        args: [REQUEST, text(':path'), ...OUT],
        status: 0,
        only: EXCHANGE_PLACES,
        shows: [returned('the path', (bytes) => bytes.toString().startsWith('/abi'))],
      },
      { name: 'no such map', args: [8, text('x-one'), ...OUT], status: 2 },
      { name: 'name outside of memory', args: [REQUEST, NOWHERE, 8192, ...OUT], status: 6 },
      {
        name: 'slots outside of memory',
        args: [REQUEST, text('x-one'), NOWHERE, NOWHERE],
        status: 6,
        only: EXCHANGE_PLACES,
      },
    ],
  },
  {
    call: 'proxy_add_header_map_value',
    cases: [
      ...writes('added'),
      {
        name: 'beside one that is there',
        args: [REQUEST, text('x-two'), text('c')],
        status: 0,
        only: ['requestHeaders'],
        effect: ({ seen }) => {
          const values = seen?.headers
            .filter(([name]) => name === 'x-two')
            .map(([, value]) => value)
            .join();
          return values === 'a,b,c' ? null : `x-two is ${values}`;
        },
      },
      ...refusals(),
    ],
  },
  {
    call: 'proxy_replace_header_map_value',
    cases: [
      ...writes('replaced'),
      {
        name: 'all of its values',
        args: [REQUEST, text('x-two'), text('only')],
        status: 0,
        only: ['requestHeaders'],
        effect: ({ seen }) => {
          const values = seen?.headers
            .filter(([name]) => name === 'x-two')
            .map(([, value]) => value)
            .join();
          return values === 'only' ? null : `x-two is ${values}`;
        },
      },
      {
        name: 'the path',
        args: [REQUEST, text(':path'), text('/abi/elsewhere')],
        status: 0,
        only: ['requestHeaders'],
        effect: ({ seen }) => (seen?.path === '/abi/elsewhere' ? null : `the service got ${seen?.path}`),
      },
      {
        name: 'the status',
        args: [RESPONSE, text(':status'), text('299')],
        status: 0,
        only: ['responseHeaders'],
        effect: ({ reply }) => (reply?.status === 299 ? null : `the client got ${reply?.status}`),
      },
      ...refusals(),
    ],
  },
  {
    call: 'proxy_remove_header_map_value',
    cases: [
      ...TARGETS.map(
        ({ name, map, answers, only }): Case => ({
          name,
          args: [map, text('x-absent')],
          status: answers,
          ...(only === undefined ? {} : { only }),
        }),
      ),
      {
        name: 'all of its values',
        args: [REQUEST, text('x-two')],
        status: 0,
        only: ['requestHeaders'],
        effect: (exchange) => (has(exchange, 'x-two', 'b') ? 'x-two reached the service' : null),
      },
      { name: 'name outside of memory', args: [REQUEST, NOWHERE, 8192], status: 6, only: WRITABLE },
    ],
  },
  {
    call: 'proxy_set_header_map_pairs',
    cases: [
      ...TARGETS.map(
        ({ name, map, answers, only }): Case => ({
          name,
          args: (at) => [map, pairs([own(at, 'set'), 'v'], ['x-abi-exchange', 'kept'])],
          status: answers,
          ...(only === undefined ? {} : { only }),
          alone: true,
          effect: (exchange, at) => (map === REQUEST ? null : arrived(at, exchange, map, own(at, 'set'), 'v')),
        }),
      ),
      {
        name: 'pseudo headers that are missing stay',
        args: [REQUEST, pairs(['x-all', 'new'])],
        before: [call('proxy_add_header_map_value', REQUEST, text('x-gone'), text('1'))],
        status: 0,
        only: ['requestHeaders'],
        alone: true,
        after: [
          {
            call: 'proxy_get_header_map_value',
            args: [REQUEST, text(':method'), ...OUT],
            status: 0,
            shows: [returnedText('POST')],
          },
        ],
      },
      {
        name: 'a map that is cut off',
        args: [REQUEST, text(new Uint8Array([2, 0, 0, 0, 9]))],
        status: 2,
        only: WRITABLE,
      },
      { name: 'bytes outside of memory', args: [REQUEST, NOWHERE, 8192], status: 6, only: WRITABLE },
    ],
  },
];
