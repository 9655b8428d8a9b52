import { describe, expect, it } from 'vitest';
import { bytesOf, deliveries, requestEvents } from './events.suite.ts';
import { CHUNKED_HEAD, REFUSED_BODIES, REFUSED_HEADS, TAKEN } from './requests.suite.ts';

/** These bytes are these events, however they are delivered. */
function expectEvents(text: string, events: readonly string[]): void {
  expect(requestEvents([bytesOf(text)])).toEqual(events);
  for (const [how, pieces] of deliveries(text)) expect([how, requestEvents(pieces)]).toEqual([how, events]);
}

describe('RequestParser', () => {
  it.each(TAKEN)('takes %s', (_what, text, events) => expectEvents(text, events));

  it.each(REFUSED_HEADS)('refuses %s', (_what, text, code, reason) => expectEvents(text, [`${code}: ${reason}`]));

  it.each(REFUSED_BODIES)('refuses in chunks %s', (_what, text, code, reason, before) => {
    expectEvents(CHUNKED_HEAD.text + text, [CHUNKED_HEAD.event, ...before, `${code}: ${reason}`]);
  });
});
