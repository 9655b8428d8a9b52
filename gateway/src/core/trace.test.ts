import { describe, expect, it } from 'vitest';
import { startTrace, sw8Of, sw8Part, traceIdFromSw8, traceparentOf } from './trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${SPAN}-01`;

function sw8(parts: Partial<Record<number, string>> = {}): string {
  const valid = [
    '1',
    btoa('9a1b.55.16'),
    btoa('9a1b.55.15'),
    '3',
    btoa('app'),
    btoa('app-1'),
    btoa('/me'),
    btoa('10.0.0.1:80'),
  ];
  return valid.map((part, i) => parts[i] ?? part).join('-');
}

describe('traceparent', () => {
  it('continues a valid one with a span of its own', () => {
    const trace = startTrace(VALID, undefined, undefined);
    expect(trace).toMatchObject({ traceId: TRACE, parentId: SPAN, sampled: true });
    expect(trace.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(trace.spanId).not.toBe(SPAN);
    expect(traceparentOf(trace)).toBe(`00-${TRACE}-${trace.spanId}-01`);
  });

  it.each([
    ['00', false],
    ['01', true],
    ['02', false],
    ['03', true],
    ['ff', true],
  ])('reads the sampled bit of flags %s and passes no other bit on', (flags, sampled) => {
    const trace = startTrace(`00-${TRACE}-${SPAN}-${flags}`, undefined, undefined);
    expect(trace.traceId).toBe(TRACE);
    expect(trace.sampled).toBe(sampled);
    expect(traceparentOf(trace).slice(-2)).toBe(sampled ? '01' : '00');
  });

  it.each([`cc-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-the-future-holds`, `01-${TRACE}-${SPAN}-01-`])(
    'reads what it knows of a later version: %s',
    (value) => {
      const trace = startTrace(value, undefined, undefined);
      expect(trace.traceId).toBe(TRACE);
      expect(traceparentOf(trace)).toMatch(/^00-/);
    },
  );

  it.each([
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['zero trace id', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['zero parent id', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case', VALID.toUpperCase()],
    ['more after version 00', `${VALID}-00`],
    ['a dot at the end', `${VALID}.`],
    ['later version with text glued on', `cc-${TRACE}-${SPAN}-01.extra`],
    ['short trace id', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['no hex', `00-${TRACE.replace('4', 'g')}-${SPAN}-01`],
    ['short flags', `00-${TRACE}-${SPAN}-1`],
    ['spaces around', ` ${VALID} `],
    ['two joined', `${VALID},${VALID}`],
    ['empty', ''],
    ['endless', `cc-${TRACE}-${SPAN}-01-${'a'.repeat(10_000)}`],
    ['line break', `${VALID}\n`],
  ])('starts a new trace on %s', (_what, value) => {
    const trace = startTrace(value, 'vendor=1', undefined);
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(trace.traceId).not.toBe(TRACE);
    expect(trace).toMatchObject({ parentId: '', sampled: true, tracestate: '' });
  });

  it('never gives an id twice', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 10_000; i++) {
      const trace = startTrace(undefined, undefined, undefined);
      seen.add(trace.traceId).add(trace.spanId);
      expect(traceparentOf(trace)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    }
    expect(seen.size).toBe(20_000);
  });
});

describe('tracestate', () => {
  it.each([
    ['congo=t61rcWkgMzE,rojo=00f067aa0ba902b7', 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'],
    ['  a=1 ,\t, b=2,', 'a=1,b=2'],
    ['fw529a3039@dt=FfAB:1;x,0key=a b', 'fw529a3039@dt=FfAB:1;x,0key=a b'],
    ['', ''],
    ['no-value', ''],
    ['Upper=1', ''],
    ['a=1,a=2', ''],
    ['a=b=c', ''],
    ['a=ü', ''],
    ['a=1\r\nx-forged: 1', ''],
    [Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(), ''],
    [`a=${'x'.repeat(600)}`, ''],
  ])('%j → %j', (given, passed) => {
    expect(startTrace(VALID, given, undefined).tracestate).toBe(passed);
  });
});

describe('sw8', () => {
  it('derives a stable trace id when it comes alone', () => {
    const one = startTrace(undefined, undefined, sw8());
    const two = startTrace(undefined, undefined, sw8({ 2: btoa('another-segment') }));
    expect(one.sw8TraceId).toBe('9a1b.55.16');
    expect(one.traceId).toBe(two.traceId);
    expect(one.traceId).toBe(traceIdFromSw8('9a1b.55.16'));
    expect(one).toMatchObject({ parentId: '', sampled: true });
  });

  it('keeps ids that are 128 bits of hex, and hashes the others', () => {
    expect(traceIdFromSw8(TRACE)).toBe(TRACE);
    expect(traceIdFromSw8('4BF92F35-77B3-4DA6-A3CE-929D0E0E4736')).toBe(TRACE);
    // printf 9a1b.55.16 | sha256sum | cut -c1-32
    expect(traceIdFromSw8('9a1b.55.16')).toBe('7042b76e1047c9bf4740d6a384870cb7');
    expect(traceIdFromSw8('0'.repeat(32))).not.toBe('0'.repeat(32));
  });

  it('takes the sample flag where no traceparent says otherwise', () => {
    expect(startTrace(undefined, undefined, sw8({ 0: '0' })).sampled).toBe(false);
    expect(startTrace(VALID, undefined, sw8({ 0: '0' }))).toMatchObject({ sampled: true, sw8Sampled: false });
  });

  it('passes both worlds on beside each other', () => {
    const trace = startTrace(VALID, undefined, sw8());
    expect(trace).toMatchObject({ traceId: TRACE, sw8TraceId: '9a1b.55.16' });
    const next = sw8Of(trace, sw8Part('device-api'), sw8Part('10.0.0.7:8080'), sw8Part('gateway-0')).split('-');
    const text = (part: string | undefined) => Buffer.from(part!, 'base64').toString();
    expect(next).toHaveLength(8);
    expect(next[0]).toBe('1');
    expect(text(next[1])).toBe('9a1b.55.16');
    expect(text(next[2])).toBe(`${TRACE}.${trace.spanId}`);
    expect(next[3]).toBe('0');
    expect(next.slice(4).map(text)).toEqual(['sluice', 'gateway-0', 'device-api', '10.0.0.7:8080']);
  });

  it('sends the W3C trace id where the caller sent no sw8, and reads its own header back', () => {
    const trace = startTrace(undefined, undefined, undefined);
    const value = sw8Of(trace, sw8Part('gerät'), sw8Part('[::1]:80'), sw8Part('gateway-0'));
    expect(startTrace(undefined, undefined, value)).toMatchObject({
      traceId: trace.traceId,
      sw8TraceId: trace.traceId,
    });
  });

  it.each([
    ['seven parts', sw8().slice(0, sw8().lastIndexOf('-'))],
    ['nine parts', `${sw8()}-YQ==`],
    ['version 1', '1-2.3.4'],
    ['another sample flag', sw8({ 0: '2' })],
    ['no base64', sw8({ 1: 'a*bc' })],
    ['base64 of odd length', sw8({ 1: 'abcde' })],
    ['empty trace id', sw8({ 1: '' })],
    ['empty service', sw8({ 4: '' })],
    ['control characters in the trace id', sw8({ 1: btoa('a\r\nx: 1') })],
    ['bytes beyond ASCII in the trace id', sw8({ 1: btoa('\xff\xfe') })],
    ['endless trace id', sw8({ 1: btoa('a'.repeat(129)) })],
    ['endless endpoint', sw8({ 6: btoa('a'.repeat(3000)) })],
    ['span id that is no number', sw8({ 3: 'x' })],
    ['empty', ''],
  ])('ignores %s', (_what, value) => {
    expect(startTrace(VALID, undefined, value)).toMatchObject({ traceId: TRACE, sw8TraceId: '' });
  });
});
