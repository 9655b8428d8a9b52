import { describe, expect, it } from 'vitest';
import { decodePayload, encodePayload, type Payload } from './codec.ts';

const payload = {
  type: 'HealthCheckRequest',
  clientIp: '10.0.0.9',
  headers: { accessToken: 't' },
  body: Buffer.from('{"headers":{},"requestId":"1"}'),
};
const hex =
  '12301a124865616c7468436865636b526571756573743a100a0b616363657373546f6b656e120174420831302e302e302e391a20121e7b2268656164657273223a7b7d2c22726571756573744964223a2231227d';

function roundTrip(message: Payload): unknown {
  const read = decodePayload(encodePayload(message));
  return { ...read, body: Buffer.from(read.body) };
}

describe('payload codec', () => {
  it('writes the bytes that other protobuf libraries write', () => {
    expect(encodePayload(payload).toString('hex')).toBe(hex);
  });

  it('reads what it writes, however long and whatever the script', () => {
    expect(roundTrip(payload)).toEqual(payload);
    const headers = { a: '', ['名']: '值' };
    const long = { type: 'X', clientIp: '', headers, body: Buffer.alloc(300_000, 'ü') };
    expect(roundTrip(long)).toEqual(long);
  });

  it('skips unknown fields and takes the known ones in any order', () => {
    const unknown = Buffer.from('08071101020304050607080d010203042203616263f8ffffff0f01', 'hex');
    const known = Buffer.from(hex, 'hex');
    const [metadata, body] = [known.subarray(0, 50), known.subarray(50)];
    const read = decodePayload(Buffer.concat([unknown, body, unknown, metadata]));
    expect({ ...read, body: Buffer.from(read.body) }).toEqual(payload);
  });

  it('takes an empty message for an empty payload', () => {
    expect(decodePayload(Buffer.alloc(0))).toMatchObject({ type: '', clientIp: '', headers: {} });
  });

  it.each([
    ['a field longer than the message', '12ff01'],
    ['an endless varint', `12${'ff'.repeat(11)}`],
    ['a group', '0b'],
    ['a cut tag', '80'],
    ['a cut fixed field', '110102'],
  ])('refuses %s', (_what, bytes) => {
    expect(() => decodePayload(Buffer.from(bytes, 'hex'))).toThrow(RangeError);
  });

  it('never reads past the end nor fails otherwise, whatever byte is wrong', () => {
    const good = Buffer.from(hex, 'hex');
    let refused = 0;
    for (let at = 0; at < good.length; at++) {
      for (const bytes of [good.subarray(0, at), Buffer.from(good).fill(0xff, at, at + 1)]) {
        try {
          decodePayload(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(good.length / 2);
  });
});
