/**
 * Random valid modules, in the manner of wasm-smith: straight code of all number types and vectors, blocks with one and
 * two results, bounded loops, branches and tables of them, direct and indirect calls, globals, memory, tables and bulk
 * instructions. Each ends by itself. Its text comes plain, or with a count of its own of what it executes.
 */

type Type = 'i32' | 'i64' | 'f64' | 'v128';

/** One instruction; `kind` where more than one is to be counted. */
interface Instruction {
  readonly text: string;
  readonly kind?: 'loop' | 'bytes' | 'elements' | 'pages';
}

const COUNT = '(global.set $count (i32.add (global.get $count) (i32.const 1)))';
const HEAD = '(global.set $heads (i32.add (global.get $heads) (i32.const 1)))';

/** Adds the price of a length, which is on the stack, to the count. */
function lengthCount(base: number, price: string): string {
  return `(global.set $n) (global.set $count (i32.add (global.get $count)
    (i32.add (i32.const ${base}) ${price}))) (global.get $n)`;
}

const LENGTHS = {
  bytes: lengthCount(16, '(i32.shr_u (global.get $n) (i32.const 4))'),
  elements: lengthCount(
    64,
    '(select (i32.shl (global.get $n) (i32.const 2)) (i32.const 0) (i32.le_u (global.get $n) (i32.const 100000)))',
  ),
  pages: lengthCount(
    1000,
    '(select (i32.shl (global.get $n) (i32.const 10)) (i32.const 0) (i32.le_u (global.get $n) (i32.const 16)))',
  ),
} as const;

const OPERATORS: Readonly<Record<Type, readonly string[]>> = {
  i32: ['i32.add', 'i32.sub', 'i32.mul', 'i32.xor', 'i32.and', 'i32.shl', 'i32.rotr', 'i32.lt_s', 'i32.ge_u'],
  i64: ['i64.add', 'i64.sub', 'i64.mul', 'i64.or', 'i64.shr_s', 'i64.rotl'],
  f64: ['f64.add', 'f64.mul', 'f64.sub', 'f64.min', 'f64.copysign'],
  v128: ['i32x4.add', 'i16x8.mul', 'v128.xor', 'i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31'],
};

const TO_I32: Readonly<Record<Type, string>> = {
  i32: 'i32.eqz',
  i64: 'i32.wrap_i64',
  f64: 'i32.trunc_sat_f64_s',
  v128: 'i32x4.extract_lane 2',
};

const FROM_I32: Readonly<Record<Type, string>> = {
  i32: 'i32.clz',
  i64: 'i64.extend_i32_s',
  f64: 'f64.convert_i32_u',
  v128: 'i32x4.splat',
};

const TYPES = Object.keys(OPERATORS) as Type[];

/** Functions of a program; each calls those before it. */
const FUNCTIONS = 5;

export class RandomProgram {
  #state: number;
  #labels = 0;
  #code: Instruction[] = [];
  /** Function that is being written. */
  #index = 0;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** @param counted it counts what it executes, in the exported global `count`, and heads in `heads` */
  text(counted: boolean): string {
    const functions = Array.from({ length: FUNCTIONS }, (_, index) => this.#function(index, counted));
    return `(module (memory (export "memory") 1 16) (table $t 8 60 funcref) (table $u 8 60 funcref)
      (elem (table $t) (i32.const 0) func ${Array.from({ length: 8 }, (_, i) => `$f${i % FUNCTIONS}`).join(' ')})
      (elem $e func $f0 $f1 $f2) (data $d "0123456789abcdef")
      (type $two (func (param i32 i32) (result i32 i32))) (type $one (func (param i32 i32) (result i32)))
      (global $g0 (mut i32) (i32.const 7)) (global $g1 (mut i64) (i64.const 9))
      (global $count (export "count") (mut i32) (i32.const 0)) (global $heads (export "heads") (mut i32) (i32.const 0))
      (global $n (mut i32) (i32.const 0))
      (func (export "proxy_abi_version_0_2_1")) ${functions.join('\n')} (export "run" (func $f${FUNCTIONS - 1})))`;
  }

  #random(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }

  #of<T>(list: readonly T[]): T {
    return list[this.#random(list.length)]!;
  }

  #emit(text: string, kind?: Instruction['kind']): void {
    this.#code.push(kind === undefined ? { text } : { text, kind });
  }

  #function(index: number, counted: boolean): string {
    this.#code = [];
    this.#index = index;
    this.#statements(3);
    this.#value('i32', 2);
    const lines = this.#code.map(({ text, kind }) => {
      if (!counted) return text;
      const length = kind === undefined || kind === 'loop' ? '' : LENGTHS[kind];
      return `${COUNT} ${length} ${text} ${kind === 'loop' ? HEAD : ''}`;
    });
    const locals =
      '(local $i64 i64) (local $f64 f64) (local $v128 v128) (local $c1 i32) (local $c2 i32) (local $c3 i32)';
    return `(func $f${index} (type $one) (param $a i32) (param $b i32) (result i32) ${locals}
      ${counted ? HEAD : ''} ${lines.join('\n')} ${counted ? COUNT : ''})`;
  }

  #local(type: Type): string {
    return type === 'i32' ? this.#of(['$a', '$b']) : `$${type}`;
  }

  /** Leaves a value of a type on the stack. */
  #value(type: Type, depth: number): void {
    const kind = depth <= 0 ? this.#random(2) : this.#random(10);
    if (kind === 0) return this.#constant(type);
    if (kind === 1) return this.#emit(`local.get ${this.#local(type)}`);
    if (kind === 2 && type === 'i32') return this.#call(depth);
    if (kind === 3) return this.#choice(type, depth);
    if (kind === 4) return this.#load(type, depth);
    if (kind === 5) return this.#convert(type, depth);
    if (kind === 6) return this.#blockValue(type, depth);
    if (kind === 7 && type === 'i32') return this.#pair(depth);
    this.#value(type, depth - 1);
    this.#value(type, depth - 1);
    this.#emit(this.#of(OPERATORS[type]));
  }

  #constant(type: Type): void {
    if (type === 'v128') this.#emit(`v128.const i32x4 ${this.#random(9)} 2 ${this.#random(99)} 4`);
    else this.#emit(`${type}.const ${this.#random(1000) - 500}`);
  }

  #convert(type: Type, depth: number): void {
    const from = this.#of(TYPES);
    this.#value(from, depth - 1);
    this.#emit(TO_I32[from]);
    this.#emit(FROM_I32[type]);
  }

  #choice(type: Type, depth: number): void {
    this.#value('i32', depth - 1);
    this.#emit(`if (result ${type})`);
    this.#value(type, depth - 1);
    this.#emit('else');
    this.#value(type, depth - 1);
    this.#emit('end');
  }

  #blockValue(type: Type, depth: number): void {
    const label = `$l${this.#labels++}`;
    this.#emit(`block ${label} (result ${type})`);
    this.#value(type, depth - 1);
    this.#value('i32', depth - 1);
    this.#emit(`br_if ${label}`);
    this.#value(type, 0);
    this.#emit('drop');
    this.#emit('end');
  }

  /** A block with two results, which are added. */
  #pair(depth: number): void {
    this.#value('i32', 0);
    this.#value('i32', depth - 1);
    this.#emit('block (type $two)');
    this.#emit('local.set $a');
    this.#emit('local.get $b');
    this.#emit('end');
    this.#emit('i32.add');
  }

  #call(depth: number): void {
    this.#value('i32', depth - 1);
    this.#value('i32', 0);
    if (this.#index === 0) return this.#emit('i32.add');
    if (this.#random(2) === 0) return this.#emit(`call $f${this.#random(this.#index)}`);
    // One whose function is this one or a later one would recurse for ever.
    const callable = Array.from({ length: 8 }, (_, i) => i).filter((i) => i % FUNCTIONS < this.#index);
    this.#emit(`i32.const ${this.#of(callable)}`);
    this.#emit('call_indirect $t (type $one)');
  }

  #address(depth: number): void {
    this.#value('i32', depth);
    this.#emit('i32.const 0xfff0');
    this.#emit('i32.and');
  }

  #load(type: Type, depth: number): void {
    this.#address(depth - 1);
    if (type === 'f64') {
      // Bits of a number that is none may differ from one compiler to the next.
      this.#emit('i32.load16_u offset=2');
      this.#emit('f64.convert_i32_u');
    } else this.#emit(`${type}.load offset=${this.#random(16)}`);
  }

  #statements(depth: number): void {
    for (let rest = this.#random(3) + 1; rest > 0; rest--) this.#statement(depth);
  }

  #statement(depth: number): void {
    switch (depth <= 0 ? this.#random(5) : this.#random(12)) {
      case 0:
        return this.#store();
      case 1:
        this.#value('i32', 1);
        return this.#emit('global.set $g0');
      case 2:
        return this.#bulk();
      case 3:
      case 4:
        return this.#assign();
      case 5:
        return this.#branch(depth);
      case 6:
      case 7:
        return this.#loop(depth);
      case 8:
        return this.#table(depth);
      case 9:
        return this.#return();
      case 10:
        this.#value(this.#of(TYPES), 2);
        return this.#emit('drop');
      default:
        return this.#skip(depth);
    }
  }

  #assign(): void {
    const type = this.#of(TYPES);
    this.#value(type, 3);
    this.#emit(`local.set ${this.#local(type)}`);
  }

  #store(): void {
    const type = this.#of(['i32', 'i64', 'v128'] as const);
    this.#address(1);
    this.#value(type, 2);
    this.#emit(`${type}.store offset=${this.#random(8)}`);
  }

  #bulk(): void {
    const length = String(this.#random(600));
    const table = this.#of(['$t', '$u']);
    const [text, kind, operands]: readonly [string, Instruction['kind'], readonly string[]] = this.#of([
      ['memory.fill', 'bytes', [length, '7', length]],
      ['memory.copy', 'bytes', ['100', '900', length]],
      ['memory.init $d', 'bytes', [length, '3', '11']],
      ['memory.grow', 'pages', [String(this.#random(3))]],
      ['memory.grow', 'pages', ['-1']],
      ['table.copy $u $t', 'elements', ['2', '1', '5']],
      ['table.init $u $e', 'elements', ['3', '0', '3']],
      ['table.grow $u', 'elements', ['1']],
    ] as const);
    if (text.startsWith('table.grow')) this.#emit('ref.null func');
    for (const operand of operands) this.#emit(`i32.const ${operand}`);
    this.#emit(text, kind);
    if (text.includes('grow')) this.#emit('drop');
    if (this.#random(4) > 0) return;
    this.#emit('i32.const 1');
    this.#emit('ref.null func');
    this.#emit('i32.const 3');
    this.#emit(`table.fill ${table === '$t' ? '$u' : table}`, 'elements');
  }

  #branch(depth: number): void {
    this.#value('i32', 2);
    this.#emit('if');
    this.#statements(depth - 1);
    if (this.#random(2) === 0) {
      this.#emit('else');
      this.#statements(depth - 1);
    }
    this.#emit('end');
  }

  #loop(depth: number): void {
    const label = `$l${this.#labels++}`;
    this.#emit(`i32.const ${this.#random(3) + 1}`);
    this.#emit(`local.set $c${depth}`);
    this.#emit(`loop ${label}`, 'loop');
    this.#statements(depth - 1);
    this.#emit(`local.get $c${depth}`);
    this.#emit('i32.const 1');
    this.#emit('i32.sub');
    this.#emit(`local.tee $c${depth}`);
    this.#emit('i32.const 0');
    this.#emit('i32.gt_s');
    this.#emit(`br_if ${label}`);
    this.#emit('end');
  }

  #table(depth: number): void {
    const label = `$l${this.#labels++}`;
    this.#emit(`block ${label}`);
    this.#emit(`block ${label}a`);
    this.#value('i32', 2);
    this.#emit(`br_table ${label} ${label}a ${label}a ${label}`);
    this.#emit('end');
    this.#statements(depth - 1);
    this.#emit('end');
  }

  #skip(depth: number): void {
    const label = `$l${this.#labels++}`;
    this.#emit(`block ${label}`);
    this.#statements(depth - 1);
    this.#value('i32', 1);
    this.#emit(`br_if ${label}`);
    this.#statements(depth - 1);
    if (this.#random(3) === 0) this.#emit(`br ${label}`);
    this.#emit('end');
  }

  /** Seldom taken: leaves the function, or traps. */
  #return(): void {
    this.#value('i32', 1);
    this.#emit(`i32.const ${this.#random(64)}`);
    this.#emit('i32.eq');
    this.#emit('if');
    if (this.#random(8) === 0) this.#emit('unreachable');
    else {
      this.#value('i32', 1);
      this.#emit('return');
    }
    this.#emit('end');
  }
}
