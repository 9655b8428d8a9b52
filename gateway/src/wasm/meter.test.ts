import { describe, expect, it } from 'vitest';
import { prepareModule } from './module.ts';
import { assemble } from './wat.suite.ts';

interface Run {
  readonly result: unknown;
  readonly used: number;
}

async function metered(bytes: Uint8Array): Promise<(name: string, fuel: number, ...args: number[]) => Run> {
  const { module, added } = await prepareModule(bytes, { name: 't', memory: 64 * 1024 * 1024, startFuel: 1000 });
  const { exports } = new WebAssembly.Instance(module, {});
  const fuel = exports[added.fuel] as WebAssembly.Global;
  return (name, budget, ...args) => {
    fuel.value = budget;
    let result: unknown;
    try {
      result = (exports[name] as (...values: number[]) => unknown)(...args);
    } catch (error) {
      result = (error as Error).message;
    }
    return { result, used: budget - fuel.value };
  };
}

function moduleOf(fields: string): Uint8Array {
  return assemble(`(module (memory (export "memory") 1) (table 8 100 funcref)
    (func (export "proxy_abi_version_0_2_1")) ${fields})`);
}

/** Random programs: loops that count down, branches, tables of branches, calls, memory. Always ending, never trapping. */
class Generator {
  #state: number;
  #labels = 0;

  constructor(seed: number) {
    this.#state = seed;
  }

  #random(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }

  expression(depth: number): string {
    const kind = depth <= 0 ? this.#random(2) : this.#random(7);
    if (kind === 0) return `(i32.const ${this.#random(1000) - 500})`;
    if (kind === 1) return `(local.get $v${this.#random(3)})`;
    if (kind === 2) return `(i32.load (i32.and ${this.expression(depth - 1)} (i32.const 0xfff)))`;
    if (kind === 3) return `(select ${this.expression(depth - 1)} ${this.expression(depth - 1)} ${this.expression(0)})`;
    if (kind === 4)
      return `(if (result i32) ${this.expression(0)} (then ${this.expression(depth - 1)}) (else ${this.expression(depth - 1)}))`;
    const operator = ['add', 'sub', 'mul', 'xor', 'lt_s', 'shl'][this.#random(6)]!;
    return `(i32.${operator} ${this.expression(depth - 1)} ${this.expression(depth - 1)})`;
  }

  statement(depth: number): string {
    const kind = depth <= 0 ? 0 : this.#random(7);
    const label = `$l${this.#labels++}`;
    switch (kind) {
      case 1:
        return `(if ${this.expression(2)} (then ${this.block(depth - 1)}) (else ${this.block(depth - 1)}))`;
      case 2:
        return `(block ${label} ${this.block(depth - 1)} (br_if ${label} ${this.expression(1)}) ${this.block(depth - 1)})`;
      case 3: {
        const counter = `$c${depth}`;
        return `(local.set ${counter} (i32.const ${this.#random(6) + 1})) (loop ${label} ${this.block(depth - 1)}
          (local.set ${counter} (i32.sub (local.get ${counter}) (i32.const 1)))
          (br_if ${label} (i32.gt_s (local.get ${counter}) (i32.const 0))))`;
      }
      case 4:
        return `(block ${label} (block ${label}a (block ${label}b
          (br_table ${label} ${label}a ${label}b ${this.expression(1)})) ${this.block(depth - 1)}) ${this.block(depth - 1)})`;
      case 5:
        return `(memory.fill (i32.const ${this.#random(4096)}) ${this.expression(1)} (i32.const ${this.#random(512)}))`;
      case 6:
        return `(i32.store (i32.and ${this.expression(1)} (i32.const 0xfff)) (call $leaf ${this.expression(1)}))`;
      default:
        return `(local.set $v${this.#random(3)} ${this.expression(3)})`;
    }
  }

  block(depth: number): string {
    return Array.from({ length: this.#random(3) + 1 }, () => this.statement(depth)).join(' ');
  }

  module(): string {
    return `(func $leaf (param i32) (result i32) (if (result i32) (i32.and (local.get 0) (i32.const 1))
        (then (return (i32.mul (local.get 0) (i32.const 3)))) (else (i32.const 5))))
      (func (export "run") (param $v0 i32) (param $v1 i32) (result i32) (local $v2 i32)
        (local $c0 i32) (local $c1 i32) (local $c2 i32) (local $c3 i32) (local $c4 i32)
        ${this.block(4)} (i32.add (local.get $v0) (i32.add (local.get $v1) (local.get $v2))))`;
  }
}

describe('metering', () => {
  it('changes no result of 150 random programs, nor what they leave in memory', async () => {
    for (let seed = 1; seed <= 150; seed++) {
      const bytes = moduleOf(new Generator(seed).module());
      const plain = new WebAssembly.Instance(new WebAssembly.Module(bytes), {}).exports;
      const { module, added } = await prepareModule(bytes, { name: 't', memory: 1024 * 1024, startFuel: 1000 });
      const rewritten = new WebAssembly.Instance(module, {}).exports;
      const fuel = rewritten[added.fuel] as WebAssembly.Global;
      for (const [a, b] of [
        [0, 0],
        [1, -7],
        [123_456, 99],
      ] as const) {
        fuel.value = 2 ** 31 - 1;
        const expected = (plain['run'] as (a: number, b: number) => number)(a, b);
        expect((rewritten['run'] as (a: number, b: number) => number)(a, b), `seed ${seed}`).toBe(expected);
        expect(fuel.value).toBeLessThan(2 ** 31 - 1);
      }
      const left = (exports: typeof plain) => Buffer.from((exports['memory'] as WebAssembly.Memory).buffer);
      expect(left(rewritten).equals(left(plain)), `seed ${seed}`).toBe(true);
    }
  });

  it('stops at the same point every time', async () => {
    const run = await metered(moduleOf(new Generator(5).module()));
    expect(run('run', 50, 1, 2)).toEqual(run('run', 50, 1, 2));
  });

  it('charges a straight line by its instructions', async () => {
    const body = '(local.set 0 (i32.add (local.get 0) (i32.const 1)))'.repeat(250);
    const run = await metered(moduleOf(`(func (export "run") (param i32) (result i32) ${body} (local.get 0))`));
    expect(run('run', 100_000, 0)).toEqual({ result: 250, used: 250 * 4 + 2 });
  });

  it('charges only the branch that runs where branches are long', async () => {
    const long = '(local.set 0 (i32.add (local.get 0) (i32.const 1)))'.repeat(1000);
    const run = await metered(
      moduleOf(`(func (export "run") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then ${long})) (local.get 0))`),
    );
    expect(run('run', 100_000, 0).used).toBeGreaterThan(4000);
    expect(run('run', 100_000, 7).used).toBeLessThan(50);
  });

  it.each([
    ['a loop', '(loop (br 0))'],
    ['a loop in dead code of another', '(loop (block (br 1)) (unreachable))'],
    ['a loop through a table', '(loop (br_table 0 0 (i32.const 0)))'],
    ['recursion in a loop', '(loop (call $f) (br 0))'],
    ['filling memory', '(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0))'],
    ['copying memory', '(loop (memory.copy (i32.const 0) (i32.const 1) (i32.const 60000)) (br 0))'],
    ['growing memory', '(loop (drop (memory.grow (i32.const 1))) (br 0))'],
    ['growing memory by nothing', '(loop (drop (memory.grow (i32.const 0))) (br 0))'],
    ['growing memory by too much', '(loop (drop (memory.grow (i32.const -1))) (br 0))'],
    ['growing a table', '(loop (drop (table.grow 0 (ref.null func) (i32.const 0))) (br 0))'],
    ['filling a table', '(loop (table.fill 0 (i32.const 0) (ref.null func) (i32.const 8)) (br 0))'],
  ])('soon ends %s', async (_name, body) => {
    const run = await metered(moduleOf(`(func $f) (func (export "run") ${body})`));
    const started = performance.now();
    const { used } = run('run', 5_000_000);
    expect(used).toBeGreaterThan(5_000_000);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('charges one huge fill by its length, before it runs', async () => {
    const run = await metered(
      moduleOf(`(func (export "run") (drop (memory.grow (i32.const 900)))
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 59000000)))`),
    );
    expect(run('run', 5_000_000).used).toBeGreaterThan(900 * 1024 + 59_000_000 / 64);
    expect(run('run', 1_000_000).result).toBe('unreachable');
  });

  it('bounds start-up code before the host can set a budget', async () => {
    const bytes = assemble(`(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (func $s (loop (br 0))) (start $s))`);
    const { module, added } = await prepareModule(bytes, { name: 't', memory: 65_536, startFuel: 5000 });
    const { exports } = new WebAssembly.Instance(module, {});
    expect(exports[added.start!] as () => void).toThrow('unreachable');
    expect((exports[added.fuel] as WebAssembly.Global).value).toBeLessThan(0);
  });
});
