// What compilers link in: WASI preview 1, and their own functions.
import { MEMORY, NOWHERE, slot, text } from '../driver/program.ts';
import { type Case, EXCHANGE_PLACES, type Row, word } from './cell.ts';

const SUCCESS = 0;
const BADF = 8;
const FAULT = 21;
const INVAL = 28;
const NOENT = 44;
const NOSYS = 52;
const NOTSUP = 58;

/** One piece to write, at the slots 12 and 13. */
const PIECE = [slot(12), 1, slot(14)] as const;
const preparePiece = (address: number, length: number) =>
  [
    { op: 'store', address: slot(12), value: address },
    { op: 'store', address: slot(13), value: length },
  ] as const;

const wasi = (name: string, cases: readonly Case[]): Row => ({ call: name, always: true, cases });
const plain = (name: string, ...cases: readonly (readonly [string, Case['args'], number])[]): Row =>
  wasi(
    name,
    cases.map(([what, args, status]) => ({ name: what, args, status })),
  );

/** It ends the instance: the exchange follows the failure policy. */
const ends: Partial<Case> = {
  alone: true,
  only: EXCHANGE_PLACES.filter((place) => !['done', 'log', 'delete', 'effective'].includes(place)),
};

export const ENDS = -1;

export const wasiRows: readonly Row[] = [
  wasi('fd_write', [
    {
      name: 'standard output',
      before: preparePiece(MEMORY.slots, 0),
      args: [1, ...PIECE],
      status: SUCCESS,
      shows: [word(14, 'nothing written', (count) => count === 0)],
    },
    { name: 'standard error', before: preparePiece(MEMORY.slots, 0), args: [2, ...PIECE], status: SUCCESS },
    { name: 'another file', args: [3, ...PIECE], status: BADF },
    { name: 'pieces outside of memory', args: [1, NOWHERE, 600, slot(14)], status: FAULT },
    { name: 'a piece outside of memory', before: preparePiece(NOWHERE, 8192), args: [1, ...PIECE], status: FAULT },
    { name: 'slot outside of memory', args: [1, slot(12), 0, NOWHERE], status: FAULT },
  ]),
  plain('fd_read', ['any file', [0, slot(12), 0, slot(14)], NOSYS]),
  plain('fd_seek', ['any file', [1, 0, 0, slot(14)], SUCCESS]),
  plain('fd_close', ['any file', [1], SUCCESS]),
  plain(
    'fd_fdstat_get',
    ['standard output', [1, slot(20)], SUCCESS],
    ['another file', [3, slot(20)], BADF],
    ['slot outside of memory', [1, NOWHERE], FAULT],
  ),
  plain('fd_fdstat_set_flags', ['any file', [1, 0], NOSYS]),
  plain('fd_prestat_get', ['the first directory', [3, slot(20)], BADF]),
  plain('fd_prestat_dir_name', ['any directory', [3, slot(20), 0], NOSYS]),
  plain('path_open', ['any path', [3, 0, text('/etc/passwd'), 0, 0, 0, 0, slot(14)], NOENT]),
  plain('path_filestat_get', ['any path', [3, 0, slot(20), 0, slot(24)], NOTSUP]),
  ...['environ_sizes_get', 'args_sizes_get'].map((name) =>
    wasi(name, [
      {
        name: 'none',
        args: [slot(0), slot(1)],
        status: SUCCESS,
        shows: [word(0, '0', (count) => count === 0), word(1, '0', (bytes) => bytes === 0)],
      },
      { name: 'slot outside of memory', args: [NOWHERE, slot(1)], status: FAULT },
    ]),
  ),
  plain('environ_get', ['none', [slot(20), slot(24)], SUCCESS]),
  plain('args_get', ['none', [slot(20), slot(24)], SUCCESS]),
  plain(
    'clock_time_get',
    ['time of day', [0, 0, slot(6)], SUCCESS],
    ['time that never goes back', [1, 0, slot(6)], SUCCESS],
    ['another clock', [2, 0, slot(6)], NOTSUP],
    ['slot outside of memory', [0, 0, NOWHERE], FAULT],
  ),
  plain('clock_res_get', ['a clock', [0, slot(6)], SUCCESS], ['slot outside of memory', [0, NOWHERE], FAULT]),
  plain(
    'random_get',
    ['some bytes', [slot(30), 16], SUCCESS],
    ['more than 64 KiB', [MEMORY.trace, 65_537], INVAL],
    ['outside of memory', [NOWHERE, 8192], FAULT],
  ),
  plain(
    'poll_oneoff',
    ['nothing to wait for', [slot(20), slot(30), 1, slot(14)], SUCCESS],
    ['slot outside of memory', [slot(20), slot(30), 1, NOWHERE], FAULT],
  ),
  plain('sched_yield', ['any', [], SUCCESS]),
  {
    call: 'proc_exit',
    always: true,
    gaps: 'it ends the instance',
    cases: [{ name: 'any code', args: [1], status: ENDS, ...ends }],
  },
  plain('no_such_call', ['any', [0, 0], NOSYS]),
];

export const toolchain: readonly Row[] = [
  {
    call: 'abort',
    always: true,
    gaps: 'it ends the instance',
    cases: [{ name: 'any message', args: [0, 0, 1, 1], status: ENDS, ...ends }],
  },
  plain('seed', ['any', [], 0]),
  plain('pthread_equal', ['the same', [7, 7], 1], ['others', [7, 8], 0]),
  plain('emscripten_notify_memory_growth', ['any', [0], 0]),
];
