// Guests that call whatever they like with whatever comes to mind.
import type { Random } from '../../fuzz/random.ts';
import { guest } from '../guest.ts';
import { HOST_CALLS, WASI_CALLS, words } from '../host-calls.ts';

const NUMBERS = [
  0,
  1,
  2,
  3,
  4,
  5,
  7,
  8,
  9,
  10,
  16,
  64,
  100,
  255,
  256,
  418,
  503,
  1000,
  4096,
  32_768,
  65_535,
  65_536,
  65_537,
  1_000_000,
  2 ** 31 - 1,
  -(2 ** 31),
  -1,
  -2,
  -4,
  -8,
  -65_536,
];

const CALLBACKS = [
  '_initialize',
  'proxy_on_context_create',
  'proxy_on_vm_start',
  'proxy_on_configure',
  'proxy_on_tick',
  'proxy_on_request_headers',
  'proxy_on_request_body',
  'proxy_on_request_trailers',
  'proxy_on_response_headers',
  'proxy_on_response_body',
  'proxy_on_response_trailers',
  'proxy_on_http_call_response',
  'proxy_on_queue_ready',
  'proxy_on_done',
  'proxy_on_log',
  'proxy_on_delete',
];
const STARTING = ['proxy_on_vm_start', 'proxy_on_configure'];
const WITH_RESULT = /vm_start|configure|headers|body|trailers|done$/;

const CALLS: readonly (readonly [string, string])[] = [
  ...Object.entries(HOST_CALLS).map(([name, parameters]) => [name.replace('proxy_', ''), parameters] as const),
  ...Object.entries(WASI_CALLS).map(([name, parameters]) => [`wasi_${name}`, parameters] as const),
];

/** Text of instructions, numbers on the stack typed. */
class Writer {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  statement(depth: number): string {
    const kind = depth <= 0 ? this.#random.below(6) : this.#random.below(10);
    if (kind < 4) return `(global.set $r ${this.call()})`;
    if (kind === 4) return `(i32.store ${this.number(1)} ${this.number(1)})`;
    if (kind === 5) return `(drop ${this.number(2)})`;
    if (kind === 6) return `(if ${this.number(1)} (then ${this.block(depth - 1)}) (else ${this.block(depth - 1)}))`;
    if (kind === 7) return `(block ${this.block(depth - 1)} (br_if 0 ${this.number(1)}) ${this.block(depth - 1)})`;
    if (kind === 8) return this.#loop(depth);
    return this.#random.pick([
      `(memory.fill ${this.number(0)} ${this.number(0)} ${this.number(0)})`,
      `(memory.copy ${this.number(0)} ${this.number(0)} ${this.number(0)})`,
      '(drop (memory.grow (i32.const 1)))',
      '(call $recurse)',
      this.#random.chance(20) ? '(unreachable)' : '(nop)',
    ]);
  }

  block(depth: number): string {
    return Array.from({ length: 1 + this.#random.below(4) }, () => this.statement(depth)).join(' ');
  }

  /** Mostly one that ends. */
  #loop(depth: number): string {
    const again = this.#random.chance(10) ? '(br 0)' : '(br_if 0 (i32.lt_u (global.get $n) (i32.const 20)))';
    return `(loop ${this.block(depth - 1)} (global.set $n (i32.add (global.get $n) (i32.const 1))) ${again})`;
  }

  call(): string {
    const [name, parameters] = this.#random.pick(CALLS);
    return `(call $${name} ${words(parameters)
      .map((word) => this.#argument(word))
      .join(' ')})`;
  }

  /** What the call expects, more often than not. */
  #argument(word: string): string {
    const sensible = this.#random.chance(75);
    if (word.startsWith('j')) return `(i64.const ${this.#random.pick(NUMBERS)})`;
    if (word.startsWith('i')) return sensible ? `(i32.const ${this.#random.below(10)})` : this.number(1);
    if (/^[oO]$/.test(word)) return sensible ? `(i32.const ${1024 + this.#random.below(8) * 8})` : this.number(0);
    if (!sensible) return `${this.number(0)} ${this.number(0)}`;
    if (word === 'p') return '(i32.const 64) (i32.const 57)';
    if (word === 'n') return '(i32.const 16) (i32.const 4)';
    return this.#random.chance(60)
      ? '(i32.const 0) (i32.const 5)'
      : `(i32.const 4096) (i32.const ${this.#random.below(4096)})`;
  }

  number(depth: number): string {
    const kind = depth <= 0 ? this.#random.below(3) : this.#random.below(7);
    if (kind === 0) return '(global.get $r)';
    if (kind === 1) return `(i32.const ${this.#random.below(65_536)})`;
    if (kind === 2) return `(i32.const ${this.#random.pick(NUMBERS)})`;
    if (kind === 3) return `(i32.load (i32.const ${this.#random.below(65_532)}))`;
    if (kind === 4) return this.call();
    const operator = this.#random.pick(['add', 'sub', 'mul', 'xor', 'and', 'shl', 'lt_s', 'div_u', 'rotl']);
    return `(i32.${operator} ${this.number(depth - 1)} ${this.number(depth - 1)})`;
  }
}

/** A valid module; most start. */
export function randomGuest(random: Random): Uint8Array {
  const writer = new Writer(random);
  const callbacks: Record<string, string> = {};
  for (let left = 1 + random.below(6); left > 0; left--) {
    const name = random.pick(CALLBACKS);
    const starting = STARTING.includes(name) && random.chance(90);
    const result = starting ? '(i32.const 1)' : `(i32.const ${random.chance(60) ? 0 : random.below(6)})`;
    callbacks[name] = `${writer.block(3)} ${WITH_RESULT.test(name) ? result : ''}`;
  }
  const allocator = random.chance(80) ? {} : { allocator: `${writer.block(1)} ${writer.number(1)}` };
  const marker = random.pick(['0_1_0', '0_2_0', '0_2_1', '0_2_1', '0_2_100']);
  return guest({
    callbacks,
    ...allocator,
    marker: `proxy_abi_version_${marker}`,
    fields: `(global $r (mut i32) (i32.const 0)) (global $n (mut i32) (i32.const 0)) (func $recurse ${writer.block(1)})`,
  });
}
