// Properties and foreign functions.
import { NOWHERE, slot, text } from '../driver/program.ts';
import { OUT, returned, returnedText, type Row } from './cell.ts';

export const properties: readonly Row[] = [
  {
    call: 'proxy_get_property',
    cases: [
      {
        name: 'of the exchange',
        args: [text('request\0method'), ...OUT],
        status: { stream: 0, root: 1 },
        shows: [returned('POST', (bytes, { group }) => bytes.toString() === (group === 'stream' ? 'POST' : ''))],
      },
      {
        name: 'with dots, and a NUL at its end',
        args: [text('request.headers.x-one\0'), ...OUT],
        status: { stream: 0, root: 1 },
      },
      {
        name: 'a number',
        args: [text('source\0port'), ...OUT],
        status: { stream: 0, root: 1 },
        shows: [returned('eight bytes', (bytes, { group }) => bytes.length === (group === 'stream' ? 8 : 0))],
      },
      { name: 'of the plugin', args: [text('plugin_root_id'), ...OUT], status: 0 },
      { name: 'unknown', args: [text('no\0such\0thing'), ...OUT], status: 1, shows: [returnedText('')] },
      { name: 'path outside of memory', args: [NOWHERE, 8192, ...OUT], status: 6 },
      { name: 'slots outside of memory', args: [text('plugin_name'), NOWHERE, NOWHERE], status: 6 },
    ],
  },
  {
    call: 'proxy_set_property',
    cases: [
      {
        name: 'a name of its own',
        args: [text('abi.note'), text('kept')],
        status: 0,
        after: [
          { call: 'proxy_get_property', args: [text('abi.note'), ...OUT], status: 0, shows: [returnedText('kept')] },
        ],
      },
      { name: 'an empty value', args: [text('abi.empty'), text('')], status: 0 },
      { name: 'path outside of memory', args: [NOWHERE, 8192, text('')], status: 6 },
      { name: 'value outside of memory', args: [text('abi.note'), NOWHERE, 8192], status: 6 },
    ],
  },
  {
    call: 'proxy_call_foreign_function',
    cases: [
      {
        name: 'get_log_level',
        args: [text('get_log_level'), text(''), ...OUT],
        status: 0,
        shows: [returned('four bytes', (bytes) => bytes.length === 4)],
      },
      {
        name: 'compress, and uncompress',
        args: [text('compress'), text('abi abi abi'), ...OUT],
        status: 0,
        after: [
          {
            call: 'proxy_call_foreign_function',
            args: [text('uncompress'), { load: OUT[0] }, { load: OUT[1] }, slot(10), slot(11)],
            status: 0,
            shows: [
              {
                address: { load: slot(10) },
                length: { load: slot(11) },
                what: 'what was compressed',
                holds: (bytes) => bytes.toString() === 'abi abi abi',
              },
            ],
          },
        ],
      },
      { name: 'without slots for a result', args: [text('get_log_level'), text(''), 0, 0], status: 0 },
      { name: 'unknown', args: [text('no_such_function'), text(''), ...OUT], status: 1, shows: [returnedText('')] },
      { name: 'name outside of memory', args: [NOWHERE, 8192, text(''), ...OUT], status: 6 },
      { name: 'arguments outside of memory', args: [text('compress'), NOWHERE, 8192, ...OUT], status: 6 },
    ],
  },
];
