// Shared data, queues, metrics.
import { load, NOWHERE, slot, text } from '../driver/program.ts';
import { type At, call, OUT, returnedText, type Row, word } from './cell.ts';

const CAS = slot(2);
const ID = slot(3);
const AGAIN = slot(4);
const isNew = (value: number): boolean => value > 0;
/** A name of the place's own: the stores live longer than an exchange. */
const own = ({ place, abi }: At, what: string) => text(`${what}-${abi}-${place}`);

export const shared: readonly Row[] = [
  {
    call: 'proxy_get_shared_data',
    cases: [
      { name: 'nothing there', args: [text('abi-absent'), ...OUT, CAS], status: 1, shows: [] },
      {
        name: 'a value',
        before: (at) => [call('proxy_set_shared_data', own(at, 'get'), text('stored'), 0)],
        args: (at) => [own(at, 'get'), ...OUT, CAS],
        status: 0,
        shows: [returnedText('stored'), word(2, 'a number', isNew)],
      },
      {
        name: 'an empty value',
        before: (at) => [call('proxy_set_shared_data', own(at, 'empty'), text(''), 0)],
        args: (at) => [own(at, 'empty'), ...OUT, CAS],
        status: 0,
        shows: [returnedText('')],
      },
      { name: 'key outside of memory', args: [NOWHERE, 8192, ...OUT, CAS], status: 6 },
      { name: 'slot outside of memory', args: [text('abi-absent'), ...OUT, NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_set_shared_data',
    cases: [
      { name: 'whatever was there', args: (at) => [own(at, 'set'), text('1'), 0], status: 0 },
      { name: 'a new key, with a number', args: (at) => [own(at, 'new'), text('1'), 7], status: { otherwise: 0 } },
      {
        name: 'with the number it has',
        before: (at) => [
          call('proxy_set_shared_data', own(at, 'cas'), text('1'), 0),
          call('proxy_get_shared_data', own(at, 'cas'), ...OUT, CAS),
        ],
        args: (at) => [own(at, 'cas'), text('2'), load(CAS)],
        status: 0,
        after: (at) => [
          {
            call: 'proxy_get_shared_data',
            args: [own(at, 'cas'), ...OUT, slot(5)],
            status: 0,
            shows: [returnedText('2')],
          },
        ],
      },
      {
        name: 'with another number',
        before: (at) => [call('proxy_set_shared_data', own(at, 'swap'), text('1'), 0)],
        args: (at) => [own(at, 'swap'), text('2'), 0xffff_ffff],
        status: 8,
      },
      { name: 'key outside of memory', args: [NOWHERE, 8192, text(''), 0], status: 6 },
      { name: 'value outside of memory', args: [text('k'), NOWHERE, 8192, 0], status: 6 },
    ],
  },
  {
    call: 'proxy_register_shared_queue',
    cases: [
      {
        name: 'a queue',
        args: [text('abi.queue'), ID],
        status: 0,
        shows: [word(3, 'an id', isNew)],
        after: [
          {
            call: 'proxy_register_shared_queue',
            args: [text('abi.queue'), AGAIN],
            status: 0,
            shows: [word(4, 'an id', isNew)],
          },
        ],
      },
      { name: 'name outside of memory', args: [NOWHERE, 8192, ID], status: 6 },
      { name: 'slot outside of memory', args: [text('q'), NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_resolve_shared_queue',
    cases: [
      {
        name: 'a queue',
        before: [call('proxy_register_shared_queue', text('abi.resolve'), ID)],
        args: [text(''), text('abi.resolve'), AGAIN],
        status: 0,
        shows: [word(4, 'an id', isNew)],
      },
      { name: 'no such queue', args: [text(''), text('abi-absent'), ID], status: 1 },
      { name: 'name outside of memory', args: [text(''), NOWHERE, 8192, ID], status: 6 },
      { name: 'VM outside of memory', args: [NOWHERE, 8192, text('q'), ID], status: 6 },
      { name: 'slot outside of memory', args: [text(''), text('q'), NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_enqueue_shared_queue',
    cases: [
      {
        name: 'an item',
        before: [call('proxy_register_shared_queue', text('abi.enqueue'), ID)],
        args: [load(ID), text('item')],
        status: 0,
      },
      { name: 'no such queue', args: [0x7777_7777, text('item')], status: 1 },
      {
        name: 'item outside of memory',
        before: [call('proxy_register_shared_queue', text('abi.enqueue'), ID)],
        args: [load(ID), NOWHERE, 8192],
        status: 6,
      },
    ],
  },
  {
    call: 'proxy_dequeue_shared_queue',
    cases: [
      {
        name: 'an item',
        before: [
          call('proxy_register_shared_queue', text('abi.dequeue'), ID),
          call('proxy_enqueue_shared_queue', load(ID), text('first')),
        ],
        args: [load(ID), ...OUT],
        status: 0,
        shows: [returnedText('first')],
      },
      {
        name: 'empty',
        before: [call('proxy_register_shared_queue', text('abi.hollow'), ID)],
        args: [load(ID), ...OUT],
        status: 7,
        shows: [returnedText('')],
      },
      { name: 'no such queue', args: [0x7777_7777, ...OUT], status: 1 },
    ],
  },
];

const COUNTER = 0;
const GAUGE = 1;
const HISTOGRAM = 2;
const define = (type: number, name: string) => call('proxy_define_metric', type, text(name), ID);
const VALUE = slot(6);
const value64 = (what: string, holds: (value: bigint) => boolean) => ({
  address: VALUE,
  length: 8,
  what,
  holds: (bytes: Buffer) => holds(bytes.readBigUInt64LE()),
});

export const metrics: readonly Row[] = [
  {
    call: 'proxy_define_metric',
    cases: [
      { name: 'a counter', args: [COUNTER, text('abi_counter'), ID], status: 0, shows: [word(3, 'an id', isNew)] },
      {
        name: 'the same once more',
        before: [define(GAUGE, 'abi_gauge')],
        args: [GAUGE, text('abi_gauge'), ID],
        status: 0,
        shows: [word(3, 'an id', isNew)],
      },
      { name: 'no such type', args: [3, text('abi_other'), ID], status: 2 },
      { name: 'name outside of memory', args: [COUNTER, NOWHERE, 8192, ID], status: 6 },
      { name: 'slot outside of memory', args: [COUNTER, text('abi_counter'), NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_increment_metric',
    cases: [
      { name: 'a counter', before: [define(COUNTER, 'abi_counter')], args: [load(ID), 2], status: 0 },
      { name: 'a counter, by nothing', before: [define(COUNTER, 'abi_counter')], args: [load(ID), 0], status: 0 },
      { name: 'a counter, downwards', before: [define(COUNTER, 'abi_counter')], args: [load(ID), -1], status: 2 },
      { name: 'a gauge, downwards', before: [define(GAUGE, 'abi_down')], args: [load(ID), -1], status: 0 },
      { name: 'a histogram', before: [define(HISTOGRAM, 'abi_histogram')], args: [load(ID), 1], status: 2 },
      { name: 'no such metric', args: [0x7777_7777, 1], status: 1 },
    ],
  },
  {
    call: 'proxy_record_metric',
    cases: [
      { name: 'a counter', before: [define(COUNTER, 'abi_counter')], args: [load(ID), 1], status: 0 },
      { name: 'a gauge', before: [define(GAUGE, 'abi_gauge')], args: [load(ID), 42], status: 0 },
      { name: 'a histogram', before: [define(HISTOGRAM, 'abi_histogram')], args: [load(ID), 5], status: 0 },
      { name: 'no such metric', args: [0x7777_7777, 1], status: 1 },
    ],
  },
  {
    call: 'proxy_get_metric',
    cases: [
      {
        name: 'a gauge',
        before: [define(GAUGE, 'abi_gauge'), call('proxy_record_metric', load(ID), 42)],
        args: [load(ID), VALUE],
        status: 0,
        shows: [value64('42', (value) => value === 42n)],
      },
      {
        name: 'a counter',
        before: [define(COUNTER, 'abi_counter'), call('proxy_increment_metric', load(ID), 1)],
        args: [load(ID), VALUE],
        status: 0,
        shows: [value64('at least 1', (value) => value >= 1n)],
      },
      { name: 'a histogram', before: [define(HISTOGRAM, 'abi_histogram')], args: [load(ID), VALUE], status: 2 },
      { name: 'no such metric', args: [0x7777_7777, VALUE], status: 1 },
      { name: 'slot outside of memory', args: [0x7777_7777, NOWHERE], status: 6 },
    ],
  },
];
