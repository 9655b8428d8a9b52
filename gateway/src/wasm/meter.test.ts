import { describe, expect, it } from 'vitest';
import { prepareModule } from './module.ts';
import { RandomProgram } from './program.suite.ts';
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

describe('metering', () => {
  it('stops at the same point every time', async () => {
    const first = await metered(assemble(new RandomProgram(5).text(false)));
    const second = await metered(assemble(new RandomProgram(5).text(false)));
    expect(first('run', 50, 1, 2)).toMatchObject({ result: 'unreachable' });
    expect(second('run', 60, 1, 2)).toEqual(first('run', 60, 1, 2));
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
    expect(run('run', 5_000_000).used).toBeGreaterThan(900 * 1024 + 59_000_000 / 16);
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
