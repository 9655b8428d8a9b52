// How expectations of the matrix are written: for each host call its cases, for each case the answer in every phase.
import type { AbiVersion } from '../../../gateway/src/wasm/abi.ts';
import { type Arg, type Block, type Bytes, type Load, load, type Op, pairs, slot, text } from '../driver/program.ts';
import { type Group, groupOf, type Phase } from '../driver/phases.ts';
import type { Exchange } from '../client.ts';

/** `effective`: in a callback of the plugin that has made the exchange its effective context. */
export type Place = Phase | 'effective';

/** Where host calls are made; the columns of the matrix. */
export const PLACES: readonly Place[] = [
  'start',
  'allocate',
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
  'effective',
  'requestHeaders',
  'requestBody',
  'requestTrailers',
  'responseHeaders',
  'responseBody',
  'responseTrailers',
  'done',
  'log',
  'delete',
];

/** Those that one exchange brings. */
export const EXCHANGE_PLACES: readonly Place[] = PLACES.slice(PLACES.indexOf('effective'));

export interface At {
  readonly place: Place;
  readonly group: Group;
  readonly abi: AbiVersion;
  /** Where the service listens. */
  readonly address: string;
}

export function at(place: Place, abi: AbiVersion, address: string): At {
  return { place, group: place === 'effective' ? 'stream' : groupOf(place), abi, address };
}

/** Answers by place, else by group, else the other ones. A function where the version matters. */
export type Expected =
  | number
  | Readonly<Partial<Record<Place | Group | 'otherwise', number>>>
  | ((at: At) => number | Readonly<Partial<Record<Place | Group | 'otherwise', number>>>);

/** Memory of the guest after a call that answered 0. */
export interface Shown {
  readonly address: Arg;
  readonly length: Arg;
  /** In words, for failures. */
  readonly what: string;
  readonly holds: (bytes: Buffer, at: At) => boolean;
}

/** One way to make a host call. */
export interface Case {
  readonly name: string;
  readonly args: readonly Arg[] | ((at: At) => readonly Arg[]);
  readonly status: Expected;
  /** Host calls before it, all of which answer 0 wherever this one does. */
  readonly before?: readonly Op[] | ((at: At) => readonly Op[]);
  readonly shows?: readonly Shown[];
  /** Host calls after it whose results are looked at as well; only where it answers 0. */
  readonly after?: readonly After[] | ((at: At) => readonly After[]);
  /** Where it is made; default everywhere. */
  readonly only?: readonly Place[];
  /** It changes what happens to the exchange: it gets one of its own, with these blocks besides. */
  readonly alone?: true | ((at: At) => Partial<Record<Phase, Block>>);
  /** What the callback answers; only alone. */
  readonly result?: number;
  /** What is wrong with the exchange after it, null when nothing is. Only where it answers 0. */
  readonly effect?: (exchange: Exchange, at: At) => string | null;
}

export interface After {
  readonly call: string;
  readonly args: readonly Arg[];
  readonly status: number;
  readonly shows?: readonly Shown[];
}

/** A host call and what it promises. */
export interface Row {
  readonly call: string;
  /** Also during start-up and in the allocator; elsewhere 10 is the answer there. */
  readonly always?: true;
  readonly cases: readonly Case[];
  /** Why there are places without a case. */
  readonly gaps?: string;
}

/** The answer that a case expects. @throws Error when nobody has said what is right there. */
export function expected(row: Row, { name, status }: Case, where: At): number {
  if (row.always !== true && where.group === 'restricted') return 10;
  const table = typeof status === 'function' ? status(where) : status;
  const answer = typeof table === 'number' ? table : (table[where.place] ?? table[where.group] ?? table.otherwise);
  if (answer === undefined) throw new Error(`${row.call}, ${name}: nothing is expected in ${where.place}`);
  return answer;
}

export function isMade({ only }: Case, place: Place): boolean {
  return only === undefined || only.includes(place);
}

export const call = (name: string, ...args: readonly Arg[]): Op => ({ op: 'call', call: name, args });

/** The service that answers callouts, as the tenant's file names it. */
export const SERVICE = 'echo';
/** The one that answers gRPC calls, and the one that is a Redis. */
export const GRPC_UPSTREAM = 'grpc-echo';
export const REDIS_UPSTREAM = 'redis';

/** The head of a request to it. */
export function calloutHead(path = '/callout'): Bytes {
  return pairs([':method', 'GET'], [':path', path], [':authority', SERVICE]);
}

/** A callout that the service answers; its number goes to `number`. */
export function callout(number: number): Op {
  return call('proxy_http_call', text(SERVICE), calloutHead(), text(''), text(''), 5000, number);
}

/** Two words for an address and a length that the host fills in, and what should stand there. */
export const OUT = [slot(0), slot(1)] as const;
const AT_OUT: readonly [Load, Load] = [load(OUT[0]), load(OUT[1])];

/** What the host returned through `OUT`. */
export function returned(what: string, holds: (bytes: Buffer, at: At) => boolean): Shown {
  return { address: AT_OUT[0], length: AT_OUT[1], what, holds };
}

export function returnedText(value: string): Shown {
  return returned(`"${value}"`, (bytes) => bytes.toString('latin1') === value);
}

/** A word that the host wrote. */
export function word(index: number, what: string, holds: (value: number, at: At) => boolean): Shown {
  return { address: slot(index), length: 4, what, holds: (bytes, where) => holds(bytes.readUInt32LE(), where) };
}

/** A part of the serialised map that the host returned. */
export function returnedPair(name: string, value: string): Shown {
  return returned(`${name}: ${value}`, (bytes) => bytes.includes(`${name}\0${value}\0`));
}
