// HTTP and gRPC calls to services.
import { load, NOWHERE, pairs, slot, text } from '../driver/program.ts';
import { call, calloutHead, GRPC_UPSTREAM, type Row, SERVICE, word } from './cell.ts';

const ID = slot(3);
const isNew = (value: number): boolean => value > 0;
const NONE = text('');
const httpCall = (head = calloutHead(), service = SERVICE) => [text(service), head, NONE, NONE, 5000, ID] as const;

/** The host gives an exchange up before this one; what is asked for it then has no owner. */
const ALIVE = { delete: 0, otherwise: 0 } as const;

export const GRPC_SERVICE = 'abi.Echo';
export const GRPC_METHOD = 'Say';
const grpcCall = (service = GRPC_UPSTREAM) =>
  [text(service), text(GRPC_SERVICE), text(GRPC_METHOD), NONE, text('grpc message'), 5000, ID] as const;
const grpcStream = (service = GRPC_UPSTREAM) =>
  [text(service), text(GRPC_SERVICE), text(GRPC_METHOD), NONE, ID] as const;
const openStream = call('proxy_grpc_stream', ...grpcStream());

export const callouts: readonly Row[] = [
  {
    call: 'proxy_http_call',
    cases: [
      { name: 'a request', args: httpCall(), status: ALIVE, shows: [word(3, 'a number', isNew)] },
      { name: 'no such service', args: httpCall(calloutHead(), 'nowhere'), status: 2 },
      { name: 'no method', args: httpCall(pairs([':path', '/'], [':authority', 'a'])), status: 2 },
      { name: 'no path', args: httpCall(pairs([':method', 'GET'], [':authority', 'a'])), status: 2 },
      { name: 'no authority', args: httpCall(pairs([':method', 'GET'], [':path', '/'])), status: 2 },
      {
        name: 'a line break in a header',
        args: httpCall(pairs([':method', 'GET'], [':path', '/'], [':authority', 'a'], ['x', 'a\r\nb: c'])),
        status: 2,
      },
      { name: 'a negative timeout', args: [text(SERVICE), calloutHead(), NONE, NONE, -1, ID], status: 2 },
      { name: 'service outside of memory', args: [NOWHERE, 8192, calloutHead(), NONE, NONE, 5000, ID], status: 6 },
      { name: 'head outside of memory', args: [text(SERVICE), NOWHERE, 8192, NONE, NONE, 5000, ID], status: 6 },
      {
        name: 'body outside of memory',
        args: [text(SERVICE), calloutHead(), NOWHERE, 8192, NONE, 5000, ID],
        status: 6,
      },
      { name: 'slot outside of memory', args: [text(SERVICE), calloutHead(), NONE, NONE, 5000, NOWHERE], status: 6 },
    ],
  },
];

export const grpc: readonly Row[] = [
  {
    call: 'proxy_grpc_call',
    cases: [
      { name: 'a request', args: grpcCall(), status: 0, shows: [word(3, 'a number', isNew)] },
      { name: 'no such service', args: grpcCall('nowhere'), status: 4 },
      {
        name: 'service outside of memory',
        args: [NOWHERE, 8192, text(GRPC_SERVICE), text(GRPC_METHOD), NONE, NONE, 5000, ID],
        status: 6,
      },
      {
        name: 'message outside of memory',
        args: [text(GRPC_UPSTREAM), text(GRPC_SERVICE), text(GRPC_METHOD), NONE, NOWHERE, 8192, 5000, ID],
        status: 6,
      },
      {
        name: 'slot outside of memory',
        args: [text(GRPC_UPSTREAM), text(GRPC_SERVICE), text(GRPC_METHOD), NONE, NONE, 5000, NOWHERE],
        status: 6,
      },
    ],
  },
  {
    call: 'proxy_grpc_stream',
    cases: [
      {
        name: 'a stream',
        args: grpcStream(),
        status: 0,
        shows: [word(3, 'a number', isNew)],
        after: [{ call: 'proxy_grpc_cancel', args: [load(ID)], status: 0 }],
      },
      { name: 'no such service', args: grpcStream('nowhere'), status: 4 },
      {
        name: 'service outside of memory',
        args: [NOWHERE, 8192, text(GRPC_SERVICE), text(GRPC_METHOD), NONE, ID],
        status: 6,
      },
      {
        name: 'slot outside of memory',
        args: [text(GRPC_UPSTREAM), text(GRPC_SERVICE), text(GRPC_METHOD), NONE, NOWHERE],
        status: 6,
      },
    ],
  },
  {
    call: 'proxy_grpc_send',
    cases: [
      {
        name: 'a message',
        before: [openStream],
        args: [load(ID), text('grpc message'), 0],
        status: 0,
        after: [{ call: 'proxy_grpc_cancel', args: [load(ID)], status: 0 }],
      },
      { name: 'no such stream', args: [0x7777_7777, text('m'), 0], status: 1 },
      {
        name: 'message outside of memory',
        before: [openStream],
        args: [load(ID), NOWHERE, 8192, 0],
        status: 6,
        after: [],
      },
    ],
  },
  {
    call: 'proxy_grpc_cancel',
    cases: [
      { name: 'a stream', before: [openStream], args: [load(ID)], status: 0 },
      { name: 'no such stream', args: [0x7777_7777], status: 1 },
    ],
  },
  {
    call: 'proxy_grpc_close',
    cases: [
      { name: 'a stream', before: [openStream], args: [load(ID)], status: 0 },
      { name: 'no such stream', args: [0x7777_7777], status: 1 },
    ],
  },
];
