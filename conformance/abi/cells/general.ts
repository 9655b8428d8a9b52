// Logging, time, ticks, contexts, configuration.
import { load, MEMORY, NOWHERE, slot, text } from '../driver/program.ts';
import { callout, OUT, returned, type Row, returnedText, word } from './cell.ts';

const SIX = text('six lines of text'.repeat(2));

export const general: readonly Row[] = [
  {
    call: 'proxy_log',
    always: true,
    cases: [
      { name: 'a line', args: [2, text('abi: a line')], status: 0 },
      { name: 'below the level of the gateway', args: [0, text('abi: never shown')], status: 0 },
      { name: 'no such level', args: [6, SIX], status: 2 },
      { name: 'text outside of memory', args: [2, NOWHERE, 0x2000], status: 6 },
    ],
  },
  {
    call: 'proxy_get_log_level',
    always: true,
    cases: [
      { name: 'the level', args: [slot(0)], status: 0, shows: [word(0, 'a level', (level) => level <= 5)] },
      { name: 'slot outside of memory', args: [NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_get_current_time_nanoseconds',
    always: true,
    cases: [
      {
        name: 'the time',
        args: [slot(0)],
        status: 0,
        shows: [
          {
            address: slot(0),
            length: 8,
            what: 'the time of day',
            holds: (bytes) => Math.abs(Number(bytes.readBigUInt64LE() / 1_000_000n) - Date.now()) < 600_000,
          },
        ],
      },
      { name: 'slot outside of memory', args: [NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_set_tick_period_milliseconds',
    cases: [{ name: 'no ticks', args: [0], status: 0 }],
  },
  {
    call: 'proxy_set_effective_context',
    cases: [
      { name: 'the plugin', args: [load(MEMORY.root)], status: 0 },
      {
        name: 'the plugin, then a property of the exchange',
        args: [load(MEMORY.root)],
        status: 0,
        after: [{ call: 'proxy_get_property', args: [text('request.method'), ...OUT], status: 1 }],
      },
      { name: 'no such context', args: [0x7777_7777], status: 2 },
    ],
  },
  {
    call: 'proxy_done',
    cases: [
      { name: 'nothing waits for it', args: [], status: 1 },
      {
        name: 'the end of an exchange waits for it',
        args: [],
        status: 0,
        only: ['effective'],
        alone: () => ({
          done: {
            ops: [callout(slot(9))],
            result: 0,
          },
        }),
        effect: ({ trace }) => (trace.at(-1)?.phase === 'delete' ? null : 'the exchange never ended for the plugin'),
      },
    ],
  },
  {
    call: 'proxy_get_configuration',
    cases: [
      {
        name: 'the configuration',
        args: [...OUT],
        status: 0,
        shows: [
          returned('the configuration of the plugin in configure, none in vm_start', (bytes, { place }) =>
            place === 'vmStart' ? bytes.length === 0 : place !== 'configure' || bytes.includes('"program":'),
          ),
        ],
      },
      { name: 'slots outside of memory', args: [NOWHERE, NOWHERE], status: 6, only: ['configure'] },
    ],
  },
  {
    call: 'proxy_get_status',
    cases: [
      {
        name: 'of a call that went well, or of none',
        args: [slot(2), ...OUT],
        status: 0,
        shows: [word(2, '0', (code) => code === 0), returnedText('')],
      },
      { name: 'slot outside of memory', args: [NOWHERE, ...OUT], status: 6 },
    ],
  },
  {
    call: 'proxy_no_such_call',
    cases: [{ name: 'any', args: [0, 0], status: 12 }],
  },
];
