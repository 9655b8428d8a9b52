import { describe, expect, it } from 'vitest';
import { type Asked, bytesOf, deliveries, responseEvents } from './events.suite.ts';
import { ANSWERS, BROKEN } from './responses.suite.ts';

/** These bytes and the end of the connection are these events, however they are delivered. */
function expectEvents(text: string, asked: readonly Asked[], events: readonly string[]): void {
  expect(responseEvents([bytesOf(text)], asked)).toEqual(events);
  for (const [how, pieces] of deliveries(text)) expect([how, responseEvents(pieces, asked)]).toEqual([how, events]);
}

describe('ResponseParser', () => {
  it.each(ANSWERS)('takes %s', (_what, asked, text, events) => expectEvents(text, asked, events));

  for (const [what, text, reason, before = []] of BROKEN) {
    it(`refuses ${what}`, () => expectEvents(text, ['GET'], [...before, expect.stringContaining(`: ${reason}`)]));
  }
});
