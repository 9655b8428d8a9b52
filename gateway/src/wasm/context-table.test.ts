import { describe, expect, it } from 'vitest';
import { Context } from './context.ts';
import { ContextTable } from './context-table.ts';
import type { ContextHost } from './host.ts';

const HOST = {} as ContextHost;

function added(table: ContextTable): Context {
  const context = new Context(table.nextId(), HOST, false);
  table.add(context);
  return context;
}

describe('the contexts of a VM', () => {
  it('get ids from 1 on, each once, whatever lives how long', () => {
    const table = new ContextTable();
    const root = added(table);
    const live: Context[] = [];
    const ids = new Set([root.id]);
    for (let i = 0; i < 10_000; i++) {
      const context = added(table);
      expect(ids.has(context.id)).toBe(false);
      ids.add(context.id);
      live.push(context);
      // Some stay for long, most go soon.
      if (i % 97 !== 0) table.delete(live.splice(live.length - 1 - (i % Math.min(live.length, 7)), 1)[0]!.id);
      else expect(live.every((each) => table.get(each.id) === each)).toBe(true);
    }
    expect(root.id).toBe(1);
    expect(table.get(1)).toBe(root);
    expect(new Set(table.values())).toEqual(new Set([root, ...live]));
  });

  it('are found by their id alone', () => {
    const table = new ContextTable();
    const first = added(table);
    for (const id of [0, 2, 17, 16 + first.id, 2 ** 31, 2 ** 32 - 1]) expect(table.get(id)).toBeUndefined();
    table.delete(16 + first.id);
    expect(table.get(first.id)).toBe(first);
    table.delete(first.id);
    table.delete(first.id);
    expect([table.get(first.id), table.values()]).toEqual([undefined, []]);
  });

  it('begin anew behind the last id of 32 bits, without the ids of those that live', () => {
    const table = new ContextTable(2 ** 32 - 3);
    const old = new Context(1, HOST, true);
    table.add(old);
    expect([added(table), added(table), added(table)].map(({ id }) => id)).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 2]);
    expect(table.get(1)).toBe(old);
    expect(table.get(2 ** 32 - 1)!.id).toBe(2 ** 32 - 1);
  });

  it('may take ids ahead', () => {
    const table = new ContextTable();
    const contexts = Array.from({ length: 100 }, () => new Context(table.nextId(), HOST, false));
    for (const context of contexts) table.add(context);
    expect(contexts.map(({ id }) => table.get(id))).toEqual(contexts);
    table.clear();
    expect(table.values()).toEqual([]);
    expect(added(table).id).toBe(101);
  });
});
