import { describe, expect, it } from 'vitest';
import type { BodyReader } from '../exchange/body.ts';
import { Http1Body } from './http1-body.ts';
import type { Http1Connection } from './http1-connection.ts';

const CONNECTION = { watchClient() {}, pumpSoon() {}, requestOver: false } as unknown as Http1Connection;
const READER: BodyReader = { onBodyData() {}, onBodyEnd() {}, onBodyError() {} };

describe('Http1Body.lags', () => {
  /** A body that somebody reads, and the time at which that began, in whole milliseconds. */
  function begun(): { body: Http1Body; start: number } {
    const body = new Http1Body(CONNECTION, 1000, false);
    body.read(READER);
    return { body, start: Math.ceil(performance.now()) };
  }

  it('looks at whole windows only', () => {
    const { body, start } = begun();
    expect(body.lags(start + 50, 100, 10)).toBe(false);
    expect(body.lags(start + 100, 100, 10)).toBe(true);
  });

  it('wants so much in each window, and does not remember more', () => {
    const { body, start } = begun();
    body.onData(Buffer.alloc(500));
    expect(body.lags(start + 100, 100, 10)).toBe(false);
    body.onData(Buffer.alloc(10));
    expect(body.lags(start + 200, 100, 10)).toBe(false);
    body.onData(Buffer.alloc(9));
    expect(body.lags(start + 299, 100, 10)).toBe(false);
    expect(body.lags(start + 300, 100, 10)).toBe(true);
  });

  it('wants nothing where nothing is wanted', () => {
    const { body, start } = begun();
    expect(body.lags(start + 100, 100, 0)).toBe(false);
  });

  it('begins anew when the client may send again', () => {
    const { body, start } = begun();
    body.pause();
    while (performance.now() < start + 5);
    body.resume();
    expect(body.lags(start + 104, 100, 10)).toBe(false);
  });
});
