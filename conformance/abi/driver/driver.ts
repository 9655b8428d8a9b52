// The driver guest: runs programs (program.ts) in every callback of the ABI and leaves a trace of it all in the shared data.
import wabtInit from 'wabt';
import type { AbiVersion } from '../../../gateway/src/wasm/abi.ts';
import { ARGUMENTS, encodePrograms, MEMORY, NO_RESULT, OP, type Program, slot } from './program.ts';
import { PHASES, type Phase, phaseNumber } from './phases.ts';
import { CALL_NAMES, moduleOf, paramsOf } from './signatures.ts';

const PAGES = 64;
/** Results of the driver's own host calls. */
const ADDRESS = slot(120);
const LENGTH = slot(121);
const SCRATCH = 0x900;
/** Headers that tell it what to do. */
export const PROGRAM_HEADER = 'x-abi-program';
export const REPORT_HEADER = 'x-abi-report';

/** Host calls whose result is not an i32. */
const RESULTS: Readonly<Record<string, string>> = {
  abort: '',
  seed: 'f64',
  emscripten_notify_memory_growth: '',
  proc_exit: '',
};

function importText(call: string): string {
  const types = { i: 'i32', l: 'i64' } as const;
  const params = paramsOf(call)
    .map((type) => types[type as 'i' | 'l'])
    .join(' ');
  const result = RESULTS[call] ?? 'i32';
  return `(import "${moduleOf(call)}" "${call}" (func $${call} (param ${params}) ${result === '' ? '' : `(result ${result})`}))`;
}

/** A branch of `$call`: loads the arguments of one host call and makes it. */
function branchText(call: string, index: number): string {
  const args = paramsOf(call).map((type, at) => {
    const word = `(i32.load (i32.const ${MEMORY.args + at * 4}))`;
    return type === 'l' ? `(i64.extend_i32_s ${word})` : word;
  });
  const made = `(call $${call} ${args.join(' ')})`;
  const result = RESULTS[call] ?? 'i32';
  const value = result === 'i32' ? made : result === 'f64' ? `(drop ${made}) (i32.const 0)` : `${made} (i32.const 0)`;
  return `(if (i32.eq (local.get 0) (i32.const ${index})) (then ${value} return))`;
}

/** An export that records its call and runs what the program has for it. */
function callbackText(name: string, abi: AbiVersion): string {
  const phases = (Object.keys(PHASES) as Phase[]).filter((phase) => PHASES[phase].export === name);
  const { params: declared, result } = PHASES[phases[0]!];
  // In 0.1.0 the callbacks of heads do not say whether the message ends with them.
  const params = abi === '0.1.0' && name.endsWith('_headers') ? 2 : declared;
  const args = [0, 1, 2, 3, 4].map((at) => (at < params ? `(local.get ${at})` : '(i32.const -1)'));
  const [own, ofRoot] = [phases.at(-1)!, phases[0]!];
  const phase =
    own === ofRoot
      ? `(i32.const ${phaseNumber(own)})`
      : `(select (i32.const ${phaseNumber(ofRoot)}) (i32.const ${phaseNumber(own)})
          (i32.eq (local.get 0) (i32.load (i32.const ${MEMORY.root}))))`;
  const yes = /_(?:vm_start|configure|configuration|done)$/.test(name);
  return `(func (export "${name}") (param ${'i32 '.repeat(params)}) ${result ? '(result i32)' : ''}
    ${PREPARE[name] ?? ''}
    (call $record ${phase} ${args.join(' ')} (i32.const ${yes ? 1 : 0})) ${result ? '' : 'drop'})`;
}

/** What a callback does before it records. */
const PREPARE: Readonly<Record<string, string>> = {
  proxy_on_context_create: `
    (if (i32.eqz (local.get 1))
      (then (i32.store (i32.const ${MEMORY.root}) (local.get 0)))
      (else
        (i32.store (i32.const ${MEMORY.stream}) (local.get 0))
        (if (i32.eqz (global.get $own)) (then (call $forget)))))`,
  proxy_on_vm_start: '(call $configure)',
  proxy_on_configure: '(call $configure)',
  // Ticks go on while the instance lives; the first one tells enough.
  proxy_on_tick: `
    (if (i64.ne (i64.const 0) (i64.and (global.get $seen) (i64.const ${1n << BigInt(phaseNumber('tick'))}))) (then (return)))`,
  proxy_on_request_headers: `
    (if (i32.eqz (global.get $own)) (then
      (if (call $report) (then (return (i32.const 4))))
      (call $choose)))`,
};

const FUNCTIONS = `
  (func $forget
    (global.set $program (i32.const 0)) (global.set $seen (i64.const 0))
    (global.set $out (i32.const ${MEMORY.trace})) (global.set $nested (i32.const ${MEMORY.nested})))

  ;; The first number in some text.
  (func $digits (param $at i32) (param $length i32) (result i32) (local $value i32) (local $digit i32)
    (block $end (loop $next
      (br_if $end (i32.eqz (local.get $length)))
      (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
      (if (i32.lt_u (local.get $digit) (i32.const 10))
        (then (local.set $value (i32.add (i32.mul (local.get $value) (i32.const 10)) (local.get $digit))))
        (else (br_if $end (i32.gt_u (local.get $value) (i32.const 0)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br $next)))
    (local.get $value))

  (func $programAt (param $number i32) (result i32)
    (if (i32.or (i32.eqz (local.get $number))
                (i32.gt_u (local.get $number) (i32.load (i32.const ${MEMORY.programs}))))
      (then (return (i32.const 0))))
    (i32.load (i32.add (i32.const ${MEMORY.programs}) (i32.mul (local.get $number) (i32.const 4)))))

  ;; A plugin whose configuration names a program runs that one, in the callbacks of the plugin.
  (func $configure
    (if (global.get $own) (then (return)))
    (if (call $proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const -1) (i32.const ${ADDRESS}) (i32.const ${LENGTH}))
      (then (return)))
    (global.set $own (call $programAt
      (call $digits (i32.load (i32.const ${ADDRESS})) (i32.load (i32.const ${LENGTH})))))
    (global.set $program (global.get $own)))

  ;; Otherwise the request names it.
  (func $choose
    (if (call $header (i32.const ${SCRATCH}) (i32.const ${PROGRAM_HEADER.length})) (then (return)))
    (global.set $program (call $programAt
      (call $digits (i32.load (i32.const ${ADDRESS})) (i32.load (i32.const ${LENGTH}))))))

  (func $header (param $name i32) (param $length i32) (result i32)
    (call $proxy_get_header_map_value (i32.const 0) (local.get $name) (local.get $length)
      (i32.const ${ADDRESS}) (i32.const ${LENGTH})))

  ;; Answers a request for a trace; 1 when it is one.
  (func $report (result i32)
    (if (call $header (i32.const ${SCRATCH + 32}) (i32.const ${REPORT_HEADER.length})) (then (return (i32.const 0))))
    (if (i32.eqz (i32.load (i32.const ${LENGTH}))) (then (return (i32.const 0))))
    (if (call $proxy_get_shared_data (i32.load (i32.const ${ADDRESS})) (i32.load (i32.const ${LENGTH}))
          (i32.const ${ADDRESS}) (i32.const ${LENGTH}) (i32.const ${slot(122)}))
      (then (drop (call $answer (i32.const 404) (i32.const 0) (i32.const 0))))
      (else (drop (call $answer (i32.const 200) (i32.load (i32.const ${ADDRESS})) (i32.load (i32.const ${LENGTH}))))))
    (i32.const 1))

  (func $answer (param $status i32) (param $at i32) (param $length i32) (result i32)
    (call $proxy_send_local_response (local.get $status) (i32.const 0) (i32.const 0)
      (local.get $at) (local.get $length) (i32.const 0) (i32.const 0) (i32.const -1)))

  (func $append (param $word i32)
    (i32.store (global.get $out) (local.get $word))
    (global.set $out (i32.add (global.get $out) (i32.const 4))))

  (func $show (param $at i32) (param $length i32)
    (call $append (local.get $length))
    (memory.copy (global.get $out) (local.get $at) (local.get $length))
    (global.set $out (i32.add (global.get $out) (i32.and (i32.add (local.get $length) (i32.const 3)) (i32.const -4)))))

  ;; The nth word behind a mask; those in the mask are addresses of the words that are meant.
  (func $argument (param $mask i32) (param $index i32) (result i32) (local $word i32)
    (local.set $word (i32.load (i32.add (i32.add (local.get $mask) (i32.const 4)) (i32.shl (local.get $index) (i32.const 2)))))
    (if (i32.and (i32.shr_u (i32.load (local.get $mask)) (local.get $index)) (i32.const 1))
      (then (return (i32.load (local.get $word)))))
    (local.get $word))

  (func $make (param $at i32) (local $index i32)
    (loop $next
      (i32.store (i32.add (i32.const ${MEMORY.args}) (i32.shl (local.get $index) (i32.const 2)))
        (call $argument (i32.add (local.get $at) (i32.const 8)) (local.get $index)))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $index) (i32.const ${ARGUMENTS}))))
    (call $append (call $call (i32.load offset=4 (local.get $at)))))

  (func $run (param $at i32)
    (block $end (loop $next
      (if (i32.eq (i32.load (local.get $at)) (i32.const ${OP.call})) (then
        (call $make (local.get $at))
        (local.set $at (i32.add (local.get $at) (i32.const ${12 + ARGUMENTS * 4})))
        (br $next)))
      (if (i32.eq (i32.load (local.get $at)) (i32.const ${OP.show})) (then
        (call $show (call $argument (i32.add (local.get $at) (i32.const 4)) (i32.const 0))
                    (call $argument (i32.add (local.get $at) (i32.const 4)) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
      (if (i32.eq (i32.load (local.get $at)) (i32.const ${OP.store})) (then
        (i32.store (i32.load offset=4 (local.get $at)) (i32.load offset=8 (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 12)))
        (br $next))))))

  ;; Runs the program's block for a phase, the first time; answers its result, or -1.
  (func $block (param $phase i32) (result i32) (local $at i32) (local $bit i64)
    (if (i32.eqz (global.get $program)) (then (return (i32.const ${NO_RESULT}))))
    (local.set $at (i32.add (global.get $program) (i32.const 8)))
    (local.set $bit (i64.shl (i64.const 1) (i64.extend_i32_u (local.get $phase))))
    (loop $next
      (if (i32.eq (i32.load (local.get $at)) (i32.const -1)) (then (return (i32.const ${NO_RESULT}))))
      (if (i32.ne (i32.load (local.get $at)) (local.get $phase)) (then
        (local.set $at (i32.add (local.get $at) (i32.load offset=4 (local.get $at))))
        (br $next))))
    (if (i64.eqz (i64.and (global.get $seen) (local.get $bit))) (then
      (global.set $seen (i64.or (global.get $seen) (local.get $bit)))
      (call $run (i32.add (local.get $at) (i32.const 12)))
      (return (i32.load offset=8 (local.get $at)))))
    (i32.const ${NO_RESULT}))

  (func $record (param $phase i32) (param $a i32) (param $b i32) (param $c i32) (param $d i32) (param $e i32)
    (param $default i32) (result i32) (local $at i32) (local $result i32)
    (global.set $heap (global.get $heapStart))
    (i32.store (i32.const ${MEMORY.argument}) (local.get $b))
    (local.set $at (global.get $out))
    (call $append (local.get $phase))
    (call $append (local.get $a)) (call $append (local.get $b)) (call $append (local.get $c))
    (call $append (local.get $d)) (call $append (local.get $e)) (call $append (i32.const 0))
    (local.set $result (call $block (local.get $phase)))
    (i32.store offset=24 (local.get $at) (i32.sub (i32.sub (global.get $out) (local.get $at)) (i32.const 28)))
    (if (i32.gt_u (global.get $nested) (i32.const ${MEMORY.nested})) (then
      (call $append (i32.const ${phaseNumber('allocate')}))
      (call $append (i32.const 0)) (call $append (i32.const 0)) (call $append (i32.const 0))
      (call $append (i32.const 0)) (call $append (i32.const 0))
      (call $show (i32.const ${MEMORY.nested}) (i32.sub (global.get $nested) (i32.const ${MEMORY.nested})))
      (global.set $nested (i32.const ${MEMORY.nested}))))
    (if (global.get $program) (then
      (drop (call $proxy_set_shared_data (i32.load (global.get $program)) (i32.load offset=4 (global.get $program))
        (i32.const ${MEMORY.trace}) (i32.sub (global.get $out) (i32.const ${MEMORY.trace})) (i32.const 0)))))
    (if (result i32) (i32.eq (local.get $result) (i32.const ${NO_RESULT}))
      (then (local.get $default)) (else (local.get $result))))

  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32) (local $at i32)
    (local.set $at (global.get $out))
    (global.set $out (global.get $nested))
    (drop (call $block (i32.const ${phaseNumber('allocate')})))
    (global.set $nested (global.get $out))
    (global.set $out (local.get $at))
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (local.get $at) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
    (local.get $at))`;

/** Start-up has no configuration yet: every instance runs the program of this number then. */
export const START_PROGRAM = 1;

const START = `
  (func (export "_initialize")
    (global.set $program (call $programAt (i32.const ${START_PROGRAM})))
    (drop (call $record (i32.const ${phaseNumber('start')}) (i32.const 0) (i32.const -1) (i32.const -1) (i32.const -1)
      (i32.const -1) (i32.const 0)))
    (global.set $program (i32.const 0)))`;

function driverText(abi: AbiVersion, programs: Buffer): string {
  const own = new Set(['_initialize', 'proxy_on_memory_allocate']);
  const exports = [...new Set(Object.values(PHASES).map((phase) => phase.export))].filter((name) => !own.has(name));
  const heap = (MEMORY.programs + programs.length + 15) & ~7;
  const escaped = programs.toString('hex').replaceAll(/../g, String.raw`\$&`);
  return `(module
    ${CALL_NAMES.map(importText).join('\n')}
    (memory (export "memory") ${PAGES})
    (data (i32.const ${SCRATCH}) "${PROGRAM_HEADER}") (data (i32.const ${SCRATCH + 32}) "${REPORT_HEADER}")
    (data (i32.const ${MEMORY.programs}) "${escaped}")
    (global $heapStart i32 (i32.const ${heap})) (global $heap (mut i32) (i32.const ${heap}))
    (global $own (mut i32) (i32.const 0)) (global $program (mut i32) (i32.const 0)) (global $seen (mut i64) (i64.const 0))
    (global $out (mut i32) (i32.const ${MEMORY.trace})) (global $nested (mut i32) (i32.const ${MEMORY.nested}))
    (func (export "proxy_abi_version_${abi.replaceAll('.', '_')}"))
    (func $call (param i32) (result i32) ${CALL_NAMES.map(branchText).join('\n')} unreachable)
    ${FUNCTIONS} ${START}
    ${exports.map((name) => callbackText(name, abi)).join('\n')})`;
}

/** The driver for one version of the ABI, with these programs in it. */
export async function driverModule(abi: AbiVersion, programs: readonly Program[]): Promise<Uint8Array> {
  const wabt = await wabtInit();
  const module = wabt.parseWat('driver.wat', driverText(abi, encodePrograms(programs)), {
    bulk_memory: true,
    mutable_globals: true,
  });
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}
