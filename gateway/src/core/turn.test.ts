import { expect, it } from 'vitest';
import { atTurnEnd } from './turn.ts';

function told(into: string[], name: string, then: () => void = () => {}) {
  return {
    onTurnEnd(): void {
      into.push(name);
      then();
    },
  };
}

it('calls tasks in order, behind everything of the turn, and those that come meanwhile in the next one', async () => {
  const events: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  atTurnEnd(told(events, 'first', () => atTurnEnd(told(events, 'later', resolve))));
  atTurnEnd(told(events, 'second'));
  process.nextTick(() => events.push('tick'));
  await Promise.resolve();
  events.push('microtask');
  await promise;
  expect(events).toEqual(['microtask', 'tick', 'first', 'second', 'later']);
});
