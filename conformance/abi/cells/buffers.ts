// Bodies, configurations, messages.
import { NOWHERE, slot, text } from '../driver/program.ts';
import type { Exchange } from '../client.ts';
import { type Case, OUT, PLACES, type Place, returned, returnedText, type Row, word } from './cell.ts';

type Answers = Readonly<Partial<Record<Place | 'root' | 'otherwise', number>>>;

interface Buffer_ {
  readonly name: string;
  readonly number: number;
  readonly holds: string;
  /** Where it is there. */
  readonly at: readonly Place[];
}

const ROOT: readonly Place[] = [
  'vmStart',
  'configure',
  'tick',
  'queueReady',
  'callResponse',
  'grpcInitial',
  'grpcMessage',
  'grpcTrailing',
  'grpcClose',
  'redisResponse',
  'rootDone',
  'rootDelete',
];

const BUFFERS: readonly Buffer_[] = [
  { name: 'request body', number: 0, holds: 'request body', at: ['requestBody'] },
  { name: 'response body', number: 1, holds: 'response body', at: ['responseBody'] },
  { name: 'TCP data', number: 2, holds: '', at: [] },
  { name: 'callout body', number: 4, holds: 'callout body', at: ['callResponse', 'effective'] },
  { name: 'gRPC message', number: 5, holds: 'grpc message', at: ['grpcMessage'] },
  { name: 'plugin configuration', number: 7, holds: '{"', at: ROOT },
  { name: 'arguments of a foreign function', number: 8, holds: '', at: [] },
  { name: 'Redis reply', number: 9, holds: '+PONG', at: ['redisResponse'] },
];

/** The exchange that a callback of the plugin has made its own cannot see the configuration. */
function answers({ at }: Buffer_): Answers {
  return { ...Object.fromEntries(at.map((place) => [place, 0])), otherwise: 1 };
}

const isThere = (buffer: Buffer_, place: Place): boolean => buffer.at.includes(place);

const BODIES: readonly Place[] = ['requestBody', 'responseBody'];
const bodyOf = (place: Place): number => (place === 'requestBody' ? 0 : 1);

interface Edit {
  readonly name: string;
  readonly start: number;
  readonly length: number;
  readonly data: string;
  readonly request: string;
  readonly response: string;
}

/** Of `request body` and of `response body`. */
const EDITS: readonly Edit[] = [
  { name: 'prepend', start: 0, length: 0, data: '<', request: '<request body', response: '<response body' },
  { name: 'replace all', start: 0, length: 0xffff_ffff, data: 'new', request: 'new', response: 'new' },
  { name: 'append', start: 0x7fff_ffff, length: 0, data: '>', request: 'request body>', response: 'response body>' },
  { name: 'drain', start: 0, length: 3, data: '', request: 'uest body', response: 'ponse body' },
  { name: 'splice', start: 1, length: 2, data: 'XYZ', request: 'rXYZuest body', response: 'rXYZponse body' },
];

function arrived({ request, response }: Edit, { reply, seen }: Exchange, place: Place): string | null {
  const [want, got] = place === 'requestBody' ? [request, seen?.body] : [response, reply?.body];
  return got === want ? null : `${place} arrived as "${got}", not "${want}"`;
}

const FLAGS = slot(3);

export const buffers: readonly Row[] = [
  {
    call: 'proxy_get_buffer_bytes',
    cases: [
      ...BUFFERS.map(
        (buffer): Case => ({
          name: buffer.name,
          args: [buffer.number, 0, 0xffff_ffff, ...OUT],
          status: answers(buffer),
          shows: [
            returned(`"${buffer.holds}"`, (bytes, { place }) =>
              isThere(buffer, place) ? bytes.toString().startsWith(buffer.holds) : bytes.length === 0,
            ),
          ],
        }),
      ),
      { name: 'VM configuration', args: [6, 0, 100, ...OUT], status: 0, only: ['vmStart'], shows: [returnedText('')] },
      {
        name: 'a part',
        args: ({ place }) => [bodyOf(place), 2, 3, ...OUT],
        status: 0,
        only: BODIES,
        shows: [
          returned('three bytes', (bytes, { place }) => bytes.toString() === (place === 'requestBody' ? 'que' : 'spo')),
        ],
      },
      {
        name: 'behind the end',
        args: ({ place }) => [bodyOf(place), 0xffff_fff0, 0xffff_ffff, ...OUT],
        status: 0,
        only: BODIES,
        shows: [returnedText('')],
      },
      { name: 'no such buffer', args: [10, 0, 1, ...OUT], status: 2 },
      {
        name: 'slots outside of memory',
        args: ({ place }) => [bodyOf(place), 0, 100, NOWHERE, NOWHERE],
        status: 6,
        only: BODIES,
      },
    ],
  },
  {
    call: 'proxy_get_buffer_status',
    cases: [
      ...BUFFERS.map(
        (buffer): Case => ({
          name: buffer.name,
          args: [buffer.number, slot(2), FLAGS],
          status: answers(buffer),
          shows: [
            word(2, 'its length', (length) => length >= buffer.holds.length),
            word(3, 'no flags', (flags) => flags === 0),
          ],
        }),
      ),
      { name: 'no such buffer', args: [10, slot(2), FLAGS], status: 2 },
      { name: 'slots outside of memory', args: [0, NOWHERE, NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_set_buffer_bytes',
    cases: [
      ...EDITS.map(
        (edit): Case => ({
          name: edit.name,
          args: ({ place }) => [bodyOf(place), edit.start, edit.length, text(edit.data)],
          status: 0,
          only: BODIES,
          alone: true,
          effect: (exchange, { place }) => arrived(edit, exchange, place),
        }),
      ),
      {
        name: 'no body now',
        args: [0, 0, 0, text('x')],
        status: 1,
        only: PLACES.filter((place) => place !== 'requestBody'),
      },
      { name: 'one that can only be read', args: [7, 0, 0, text('x')], status: 2, only: ROOT },
      { name: "a callout's", args: [4, 0, 0, text('x')], status: 2, only: ['callResponse', 'effective'] },
      { name: 'no such buffer', args: [10, 0, 0, text('x')], status: 2 },
      { name: 'data outside of memory', args: [0, 0, 0, NOWHERE, 8192], status: 6 },
    ],
  },
];
