// What a guest may ask of the exchange: to go on, to end, an answer of its own.
import { NOWHERE, pairs, text } from '../driver/program.ts';
import type { Exchange } from '../client.ts';
import { type At, type Case, EXCHANGE_PLACES, type Place, type Row } from './cell.ts';

/** Nothing has left for the client yet. */
const REPLACEABLE: readonly Place[] = [
  'requestHeaders',
  'requestBody',
  'requestTrailers',
  'effective',
  'responseHeaders',
  'responseBody',
];
const REPLY = [text('abi details'), text('own answer'), pairs(['x-own', 'yes'], ['content-length', '999'])] as const;

function gotOwnAnswer({ reply, seen }: Exchange, { place }: At): string | null {
  if (!REPLACEABLE.includes(place)) return null;
  if (reply?.status !== 418 || reply.body !== 'own answer') return `${place}: the client got ${JSON.stringify(reply)}`;
  if (reply.headers['x-own'] !== 'yes') return `${place}: the header of the answer is missing`;
  if (reply.headers['content-type'] !== 'text/plain') return `${place}: the answer has no content-type`;
  const early = place === 'requestHeaders' || place === 'requestBody' || place === 'effective';
  return early && seen !== null ? `${place}: the service got the request all the same` : null;
}

function endedEarly({ reply }: Exchange, { place }: At): string | null {
  const late = place === 'done' || place === 'log' || place === 'delete';
  return !late && reply?.body === 'response body' ? `${place}: the exchange went on` : null;
}

/** The exchange is over: whatever is asked of it is ignored. */
const OVER: readonly Place[] = ['done', 'log', 'delete'];
const NOT_OVER = EXCHANGE_PLACES.filter((place) => !OVER.includes(place));

/** There are no TCP streams. */
const TCP = 12;

const reply = (name: string, status: number, rest: Partial<Case>): Case => ({
  name,
  args: [status, ...REPLY, 0xffff_ffff],
  status: 0,
  alone: true,
  ...rest,
});

export const streams: readonly Row[] = [
  {
    call: 'proxy_continue_stream',
    cases: [
      { name: 'request', args: [0], status: 0 },
      { name: 'response', args: [1], status: 0 },
      { name: 'downstream of a TCP connection', args: [2], status: TCP },
      { name: 'upstream of a TCP connection', args: [3], status: TCP },
      { name: 'no such stream', args: [4], status: 2 },
    ],
  },
  {
    call: 'proxy_close_stream',
    cases: [
      { name: 'request', args: [0], status: 0, alone: true, effect: endedEarly },
      { name: 'response', args: [1], status: 0, alone: true, effect: endedEarly },
      { name: 'of a TCP connection', args: [2], status: TCP },
      { name: 'no such stream', args: [4], status: 2 },
    ],
  },
  { call: 'proxy_continue_request', cases: [{ name: 'request', args: [], status: 0 }] },
  { call: 'proxy_continue_response', cases: [{ name: 'response', args: [], status: 0 }] },
  { call: 'proxy_clear_route_cache', cases: [{ name: 'any', args: [], status: 0 }] },
  {
    call: 'proxy_send_local_response',
    cases: [
      reply('an answer', 418, { effect: gotOwnAnswer }),
      reply('a second answer', 200, {
        status: ({ place, abi }) => (abi === '0.2.100' && !OVER.includes(place) ? 2 : 0),
        before: [{ op: 'call', call: 'proxy_send_local_response', args: [418, ...REPLY, 0xffff_ffff] }],
        only: EXCHANGE_PLACES,
        effect: gotOwnAnswer,
      }),
      reply('204, without its body', 204, {
        only: ['requestHeaders'],
        effect: (exchange) =>
          exchange.reply?.status === 204 && exchange.reply.body === '' ? null : 'the answer is not an empty 204',
      }),
      reply('no such status', 99, { status: 2, only: NOT_OVER }),
      {
        name: 'a map that is cut off',
        args: [418, text(''), text(''), text(new Uint8Array([1, 0, 0, 0])), 0],
        status: 2,
        only: NOT_OVER,
      },
      {
        name: 'a line break in a header',
        args: [418, text(''), text(''), pairs(['x-a', 'b\r\nc: d']), 0],
        status: 2,
        only: NOT_OVER,
      },
      { name: 'details outside of memory', args: [418, NOWHERE, 8192, text(''), text(''), 0], status: 6 },
      { name: 'body outside of memory', args: [418, text(''), NOWHERE, 8192, text(''), 0], status: 6 },
      { name: 'headers outside of memory', args: [418, text(''), text(''), NOWHERE, 8192, 0], status: 6 },
    ],
  },
];
