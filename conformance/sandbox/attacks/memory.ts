// Memory, tables and stacks that grow to their end, and instructions that work on all of them at once.
import { type Attack, contained, crash, invalid, REQUEST_HEADERS, unstartable } from '../attack.ts';
import { CONTINUE, COUNTER, data, endless, GET, guest, must, onRequest, times, TRAP } from '../guest.ts';

const MIB_64 = 64 * 1024 * 1024;

/** Fills, copies and the like over 64 MiB, one after the other. */
function bulk(name: string, instruction: string, fields = ''): Attack {
  return {
    name: `bulk-${name}`,
    module: onRequest(`${endless(instruction)} ${CONTINUE}`, fields, { memory: '1024' }),
    expect: crash('fuel', REQUEST_HEADERS),
    limits: { memoryMiB: 64 },
  };
}

/** Traps each time. */
function trapping(name: string, body: string, fields = ''): Attack {
  return { name: `trap-${name}`, module: onRequest(body, fields), expect: crash('trap', REQUEST_HEADERS) };
}

const DEEP =
  '(func $deep (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))';
const WIDE = `(func $wide (param i32) (result i32) (local ${'i64 '.repeat(2000)}) (i32.add (call $wide (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))`;

function recursion(name: string, body: string, fields: string): Attack {
  return {
    name: `recursion-${name}`,
    module: onRequest(body, fields, { allocator: '(i32.const 40000)' }),
    expect: crash('stack', REQUEST_HEADERS),
    limits: { fuel: 100_000_000 },
  };
}

export const memory: readonly Attack[] = [
  {
    name: 'memory-grows-page-by-page',
    module: onRequest(`${endless('(drop (memory.grow (i32.const 1)))')} ${CONTINUE}`),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'memory-grows-to-its-cap-and-no-further',
    module: onRequest(
      `(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      ${must('(i32.eq (memory.size) (i32.const 16))')} ${must('(i32.eq (memory.grow (i32.const 1)) (i32.const -1))')} ${CONTINUE}`,
    ),
    expect: contained(),
  },
  {
    name: 'memory-declares-more-than-it-may-have',
    module: onRequest(`${must('(i32.eq (memory.grow (i32.const 16)) (i32.const -1))')} ${CONTINUE}`, '', {
      memory: '1 65536',
    }),
    expect: contained(),
  },
  {
    name: 'memory-starts-above-its-cap',
    module: onRequest(CONTINUE, '', { memory: '17' }),
    expect: invalid(/starts with 1088 KiB of memory, more than limits\.memory/),
  },
  {
    name: 'memory-of-4-gib-at-once',
    module: onRequest(`${must('(i32.eq (memory.grow (i32.const 65535)) (i32.const -1))')} ${CONTINUE}`),
    expect: contained(),
  },
  {
    name: 'memory-grows-at-the-start',
    module: () =>
      guest({ fields: `(func $s (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))) (start $s)` }),
    expect: contained(),
  },
  {
    name: 'memory-is-touched-everywhere',
    module: onRequest(`(memory.fill (i32.const 0) (i32.const 1) (i32.const ${MIB_64})) ${CONTINUE}`, '', {
      memory: '1024',
    }),
    expect: contained(),
    limits: { memoryMiB: 64, fuel: 5_000_000 },
  },
  {
    name: 'memory-is-touched-by-the-start-section-for-long',
    module: () =>
      guest({
        fields: `(func $s ${endless(`(memory.fill (i32.const 0) (i32.const 1) (i32.const ${MIB_64}))`)}) (start $s)`,
        memory: '1024',
      }),
    expect: unstartable(/sluice_start failed: it used up/),
    limits: { memoryMiB: 64 },
  },
  {
    name: 'memory-is-wiped-on-every-exchange',
    module: onRequest(
      `(memory.fill (i32.const 0) (i32.const 0xff) (i32.mul (memory.size) (i32.const 65536))) ${CONTINUE}`,
    ),
    expect: contained(),
    exchanges: 10,
  },
  {
    name: 'memory-leaks-on-every-exchange',
    module: onRequest(`(drop (memory.grow (i32.const 1))) ${CONTINUE}`),
    expect: contained(),
    exchanges: 20,
  },
  bulk('fill', `(memory.fill (i32.const 0) (i32.const 7) (i32.const ${MIB_64}))`),
  bulk('copy', `(memory.copy (i32.const 1) (i32.const 0) (i32.const ${MIB_64 - 1}))`),
  bulk('init', `(memory.init $d (i32.const 0) (i32.const 0) (i32.const 60000))`, `(data $d "${'x'.repeat(60_000)}")`),
  bulk('grow-by-nothing', '(drop (memory.grow (i32.const 0)))'),
  bulk('grow-by-too-much', '(drop (memory.grow (i32.const -1)))'),
  bulk('table-grow', '(drop (table.grow $t (ref.null func) (i32.const 1)))', '(table $t 1 funcref)'),
  bulk('table-fill', '(table.fill $t (i32.const 0) (ref.null func) (i32.const 90000))', '(table $t 90000 funcref)'),
  bulk('table-copy', '(table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 80000))', '(table $t 90000 funcref)'),
  {
    name: 'table-grows-to-its-cap-and-no-further',
    module: onRequest(
      `(drop (table.grow $t (ref.null func) (i32.const 50000))) (drop (table.grow $t (ref.null func) (i32.const 49999)))
      ${must('(i32.eq (table.size $t) (i32.const 100000))')} ${must('(i32.eq (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))')} ${CONTINUE}`,
      '(table $t 1 funcref)',
    ),
    expect: contained(),
    limits: { fuel: 5_000_000 },
  },
  {
    name: 'table-starts-above-its-cap',
    module: onRequest(CONTINUE, '(table 100001 funcref)'),
    expect: invalid(/a table has 100001 elements/),
  },
  {
    name: 'tables-in-crowds',
    module: onRequest(CONTINUE, '(table 1 funcref)'.repeat(9)),
    expect: invalid(/has 9 tables, more than 8/),
  },
  {
    name: 'tables-that-share-the-cap',
    module: onRequest(
      `${[0, 1, 2, 3, 4, 5, 6, 7].map((table) => `(drop (table.grow ${table} (ref.null func) (i32.const 12499)))`).join('\n')}
      ${[0, 1, 2, 3, 4, 5, 6, 7]
        .map((table) => must(`(i32.eq (table.grow ${table} (ref.null func) (i32.const 1)) (i32.const -1))`))
        .join('\n')} ${CONTINUE}`,
      '(table 1 funcref)'.repeat(8),
    ),
    expect: contained(),
    limits: { fuel: 5_000_000 },
  },
  {
    name: 'tables-that-share-too-much',
    module: onRequest(CONTINUE, '(table 60000 funcref) (table 1 funcref)'),
    expect: invalid(/a table has 60000 elements, more than 50000/),
  },
  recursion('without-end', '(call $deep (i32.const 0))', DEEP),
  recursion('with-large-frames', '(call $wide (i32.const 0))', WIDE),
  recursion(
    'that-calls-the-host',
    '(call $f)',
    `(func $f (result i32) (drop ${GET}) (i32.add (call $f) (i32.const 1)))`,
  ),
  recursion(
    'through-a-table',
    '(call $r)',
    '(type $t (func (result i32))) (table funcref (elem $r)) (func $r (type $t) (i32.add (call_indirect (type $t) (i32.const 0)) (i32.const 1)))',
  ),
  {
    name: 'recursion-within-budget',
    module: onRequest(
      '(call $down (i32.const 1000))',
      '(func $down (param i32) (result i32) (if (result i32) (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))',
    ),
    expect: contained(),
  },
  trapping('at-once', TRAP),
  trapping('dividing-by-zero', '(i32.div_s (i32.const 1) (i32.const 0))'),
  trapping('dividing-out-of-range', '(i32.div_s (i32.const 0x80000000) (i32.const -1))'),
  trapping('truncating-nan', '(i32.trunc_f64_s (f64.const nan))'),
  trapping('reading-outside', '(i32.load (i32.const -1))'),
  trapping('reading-outside-by-offset', '(i32.load offset=0xffffffff (i32.const -1))'),
  trapping('writing-outside', '(i32.store (i32.const 65533) (i32.const 1)) (i32.const 0)'),
  trapping('filling-outside', '(memory.fill (i32.const 1) (i32.const 0) (i32.const 65536)) (i32.const 0)'),
  {
    name: 'trap-filling-far-outside',
    module: onRequest('(memory.fill (i32.const 1) (i32.const 0) (i32.const 0x7fffffff)) (i32.const 0)'),
    expect: crash(['trap', 'fuel'], REQUEST_HEADERS),
  },
  trapping('calling-nothing', '(call_indirect (result i32) (i32.const 0))', '(table 1 funcref)'),
  trapping('calling-beyond-the-table', '(call_indirect (result i32) (i32.const 77))', '(table 1 funcref)'),
  trapping(
    'calling-by-the-wrong-type',
    '(call_indirect (result i32) (i32.const 0))',
    '(table funcref (elem $v)) (func $v (param i64))',
  ),
  {
    name: 'data-outside-memory',
    module: onRequest(CONTINUE, data(70_000, 'x')),
    expect: unstartable(/data segment|out of bounds/),
  },
  {
    name: 'elements-outside-the-table',
    module: onRequest(CONTINUE, '(table 1 funcref) (elem (i32.const 5) $f) (func $f)'),
    expect: unstartable(/table|out of bounds/),
  },
  {
    name: 'many-small-host-calls',
    module: onRequest(`${times(1000, `(drop ${GET})`)} ${CONTINUE}`, COUNTER, { allocator: '(i32.const 40000)' }),
    expect: contained(),
    limits: { fuel: 5_000_000 },
  },
];
