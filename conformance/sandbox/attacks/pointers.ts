// Every host call that takes addresses and lengths, with those that lie.
import { type Attack, contained } from '../attack.ts';
import { CONTINUE, guest, must, PAIRS_AT, PAIRS_LENGTH, SAME_PLACE, SERVICE, SERVICE_AT, SLOTS } from '../guest.ts';
import { HOST_CALLS, WASI_CALLS, words } from '../host-calls.ts';

const SIZE = 65_536;

/** Pairs of address and length that reach beyond the memory, some of which wrap round to its beginning. */
const OUTSIDE: readonly (readonly [number, number])[] = [
  [-1, 1],
  [-16, 32],
  [-(2 ** 31), -(2 ** 31)],
  [0, -1],
  [0, 2 ** 31 - 1],
  [SIZE, 1],
  [SIZE - 1, 2],
  [1, SIZE],
  [2 ** 31 - 1, -1],
];
/** Those that are just inside. */
const EDGES: readonly (readonly [number, number])[] = [
  [SIZE, 0],
  [0, 0],
  [SIZE - 1, 1],
  [0, SIZE],
];
const SLOTS_OUTSIDE: readonly number[] = [-1, -4, -(2 ** 31), SIZE, SIZE - 1, SIZE - 3];
const SLOTS_AT_EDGES: readonly number[] = [0, SIZE - 8];

/** Slots that may be anything where there is nothing to tell. */
const MAY_SUCCEED: readonly string[] = ['proxy_get_status', 'proxy_call_foreign_function', 'environ_get'];

/** Bytes that a call is given when they are not under attack. */
const BENIGN: Readonly<Record<string, readonly number[]>> = {
  t: [0, 5],
  v: [0, 5],
  p: [PAIRS_AT, PAIRS_LENGTH],
  n: [SERVICE_AT, SERVICE.length],
  o: [SLOTS],
  O: [SLOTS],
};

function benign(word: string): string {
  if (word.startsWith('i')) return `(i32.const ${word.slice(1)})`;
  if (word.startsWith('j')) return `(i64.const ${word.slice(1)})`;
  return constants(BENIGN[word]!);
}

function constants(values: readonly number[]): string {
  return values.map((value) => `(i32.const ${value})`).join(' ');
}

/** The call with one of its parameters replaced. */
function callWith(callee: string, parameters: readonly string[], position: number, values: readonly number[]): string {
  const all = parameters.map((word, index) => (index === position ? constants(values) : benign(word)));
  return `(call $${callee} ${all.join(' ')})`;
}

function hostile(callee: string, parameters: readonly string[], strict: boolean): string {
  const lines: string[] = [];
  for (const [position, word] of parameters.entries()) {
    const isSlot = /^[oO]/.test(word);
    if (/^[ij]/.test(word)) continue;
    const outside = isSlot ? SLOTS_OUTSIDE.map((at) => [at]) : OUTSIDE;
    const edges = isSlot ? SLOTS_AT_EDGES.map((at) => [at]) : EDGES;
    for (const values of outside) {
      const call = callWith(callee, parameters, position, values);
      lines.push(strict || !isSlot ? must(call) : `(drop ${call})`);
    }
    for (const values of edges) lines.push(`(drop ${callWith(callee, parameters, position, values)})`);
  }
  return lines.join('\n');
}

function attackOn(name: string, callee: string, parameters: readonly string[]): Attack {
  const strict = !MAY_SUCCEED.includes(name);
  return {
    name: `pointers-of-${name.replace('proxy_', '').replaceAll('_', '-')}`,
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `(call $attack) ${CONTINUE}`,
          proxy_on_request_body: `(call $attack) ${CONTINUE}`,
          proxy_on_response_headers: `(call $attack) ${CONTINUE}`,
          proxy_on_response_body: `(call $attack) ${CONTINUE}`,
          proxy_on_log: '(call $attack)',
        },
        fields: `(func $attack ${hostile(callee, parameters, strict)})`,
        allocator: SAME_PLACE,
        memory: '1 1',
      }),
    expect: contained(),
    limits: { fuel: 5_000_000 },
  };
}

/** Takes addresses, and does nothing to the exchange when one of its arguments is benign. */
function isTarget(name: string, parameters: readonly string[]): boolean {
  return name !== 'proxy_send_local_response' && parameters.some((word) => !/^[ij]/.test(word));
}

export const pointers: readonly Attack[] = [
  ...Object.entries(HOST_CALLS)
    .map(([name, text]) => [name, words(text)] as const)
    .filter(([name, parameters]) => isTarget(name, parameters))
    .map(([name, parameters]) => attackOn(name, name.replace('proxy_', ''), parameters)),
  ...Object.entries(WASI_CALLS).map(([name, text]) => attackOn(name, `wasi_${name}`, words(text))),
];
