import { expect, it } from 'vitest';
import { BodyBudgets } from './body-budget.ts';

it('bounds what a tenant holds, and sums it over all', () => {
  const budgets = new BodyBudgets((tenant) => (tenant === 'a' ? 10 : 100));
  const a = budgets.of('a');
  const b = budgets.of('b');
  expect([a.take(8), a.take(3), b.take(50)]).toEqual([true, false, true]);
  expect([budgets.heldBy('a'), budgets.heldBy('b'), budgets.held]).toEqual([8, 50, 58]);
  a.give(8);
  b.give(50);
  expect([budgets.heldBy('a'), budgets.held]).toEqual([0, 0]);
});

it('is one for all exchanges of a tenant, whenever they came', () => {
  const budgets = new BodyBudgets(() => 10);
  const early = budgets.of('a');
  const other = budgets.of('a');
  other.take(5);
  other.give(5);
  expect(early.take(6)).toBe(true);
  expect(budgets.of('a').take(5)).toBe(false);
});
