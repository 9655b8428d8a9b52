// What Higress adds: Redis, bytes put into a response, endpoints.
import { NOWHERE, slot, text } from '../driver/program.ts';
import { call, EXCHANGE_PLACES, OUT, type Place, PLACES, REDIS_UPSTREAM, returned, type Row, word } from './cell.ts';

const ID = slot(3);
const NONE = text('');
const PING = text('*1\r\n$4\r\nPING\r\n');
export const initRedis = call('proxy_redis_init', text(REDIS_UPSTREAM), NONE, NONE, 5000);
export const callRedis = call('proxy_redis_call', text(REDIS_UPSTREAM), PING, ID);

const BEFORE_RESPONSE: readonly Place[] = ['requestHeaders', 'requestBody', 'requestTrailers', 'effective'];
const UNROUTED: readonly Place[] = ['requestHeaders', 'requestBody', 'effective'];

export const higress: readonly Row[] = [
  {
    call: 'proxy_redis_init',
    cases: [
      { name: 'a service', args: [text(REDIS_UPSTREAM), NONE, NONE, 5000], status: 0 },
      { name: 'no such service', args: [text('nowhere'), NONE, NONE, 5000], status: 2 },
      { name: 'name outside of memory', args: [NOWHERE, 8192, NONE, NONE, 5000], status: 6 },
      { name: 'password outside of memory', args: [text(REDIS_UPSTREAM), NONE, NOWHERE, 8192, 5000], status: 6 },
    ],
  },
  {
    call: 'proxy_redis_call',
    cases: [
      {
        name: 'a command',
        before: [initRedis],
        args: [text(REDIS_UPSTREAM), PING, ID],
        status: 0,
        shows: [word(3, 'a number', (id) => id > 0)],
      },
      { name: 'a service that was not set up', args: [text('nowhere'), PING, ID], status: 2 },
      { name: 'no command', before: [initRedis], args: [text(REDIS_UPSTREAM), text('PING'), ID], status: 2 },
      { name: 'command outside of memory', args: [text(REDIS_UPSTREAM), NOWHERE, 8192, ID], status: 6 },
      { name: 'slot outside of memory', args: [text(REDIS_UPSTREAM), PING, NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_inject_encoded_data_to_filter_chain',
    cases: [
      {
        name: 'bytes in place of a body',
        args: [text('injected'), 1],
        status: 0,
        only: ['responseBody'],
        alone: true,
        result: 3,
        effect: ({ reply }) => (reply?.body === 'injected' ? null : `the client got ${reply?.body}`),
      },
      {
        name: 'without an exchange',
        args: [text('x'), 0],
        status: 2,
        only: PLACES.filter((place) => !EXCHANGE_PLACES.includes(place)),
      },
      { name: 'before there is a response', args: [text('x'), 0], status: 2, only: BEFORE_RESPONSE, alone: true },
      { name: 'bytes outside of memory', args: [NOWHERE, 8192, 0], status: 6 },
    ],
  },
  {
    call: 'proxy_get_upstream_hosts',
    cases: [
      {
        name: 'the endpoints',
        args: [...OUT],
        // Later the endpoint is chosen.
        status: { ...Object.fromEntries(UNROUTED.map((place) => [place, 0])), otherwise: 1 },
        shows: [
          returned('its address', (bytes, { place, address }) => !UNROUTED.includes(place) || bytes.includes(address)),
        ],
      },
      { name: 'slots outside of memory', args: [NOWHERE, NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_set_upstream_override_host',
    cases: [
      { name: 'an endpoint', args: ({ address }) => [text(address)], status: 0, only: UNROUTED },
      { name: 'another address', args: [text('192.0.2.1:80')], status: 2 },
      { name: 'address outside of memory', args: [NOWHERE, 8192], status: 6 },
    ],
  },
];
