import { expect, it } from 'vitest';
import { Retirement } from './retirement.ts';
import { ManualWheel } from './runtime.suite.ts';

function rig() {
  const wheel = new ManualWheel();
  const closed: string[] = [];
  const retirement = new Retirement(wheel);
  const add = (name: string) => retirement.add({ close: () => void closed.push(name) });
  return { wheel, closed, retirement, add };
}

it('closes what retires once the longest exchange is over', () => {
  const { wheel, closed, add } = rig();
  add('first');
  wheel.pass(12_000);
  add('second');
  wheel.pass(12_000);
  expect(closed).toEqual(['first']);
  wheel.pass(12_000);
  expect(closed).toEqual(['first', 'second']);
});

it('closes everything at its end, and nothing twice', () => {
  const { wheel, closed, retirement, add } = rig();
  add('first');
  add('second');
  retirement.close();
  retirement.close();
  wheel.pass(60_000);
  expect(closed).toEqual(['first', 'second']);
});
