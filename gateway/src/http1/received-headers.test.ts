import { describe, expect, it } from 'vitest';
import { PairHeaders } from '../exchange/headers.ts';
import { scanFields } from './fields.ts';
import { ReceivedHeaders } from './received-headers.ts';

const LINES = 'Host: a\r\nX-Id:1\r\naccept: \t*/*  \r\nx-id: 2\r\nempty:\r\nX-ID: 3\r\n';

function received(lines = LINES): ReceivedHeaders {
  const text = `GET / HTTP/1.1\r\n${lines}\r\n`;
  return new ReceivedHeaders(text, scanFields(text, 16, text.length - 2)!);
}

/** Every edit that a list offers, by a number. */
function edit(list: ReceivedHeaders | PairHeaders, step: number): unknown {
  const name = ['host', 'x-id', 'accept', 'empty', 'new', 'other'][step % 6]!;
  switch (Math.floor(step / 6) % 4) {
    case 0:
      return list.set(name, `set ${step}`);
    case 1:
      return list.append(name, `more ${step}`);
    case 2:
      return list.remove(name);
    default:
      return [list.get(name), list.getAll(name), list.has(name), list.size];
  }
}

describe('ReceivedHeaders', () => {
  it('reads what was sent, trimmed, by any case', () => {
    const list = received();
    expect(list.toPairs()).toEqual(['Host', 'a', 'X-Id', '1', 'accept', '*/*', 'x-id', '2', 'empty', '', 'X-ID', '3']);
    expect([list.get('host'), list.get('empty'), list.get('none')]).toEqual(['a', '', undefined]);
    expect(list.getAll('x-id')).toEqual(['1', '2', '3']);
    expect([list.nameAt(1), list.valueAt(1), list.size]).toEqual(['X-Id', '1', 6]);
  });

  it('leaves untouched lines as they came', () => {
    expect(received().toWire()).toBe(LINES);
    const list = received();
    list.remove('accept');
    list.set('empty', 'full');
    list.append('Via', 'sluice');
    expect(list.toWire()).toBe('Host: a\r\nX-Id:1\r\nx-id: 2\r\nempty: full\r\nX-ID: 3\r\nVia: sluice\r\n');
    expect(received('').toWire()).toBe('');
  });

  it('behaves under all edits as a list of pairs does', () => {
    // A fixed walk through thousands of sequences of edits.
    let state = 1;
    for (let round = 0; round < 2_000; round++) {
      const list = received();
      const pairs = new PairHeaders([...list.toPairs()]);
      for (let left = 6; left > 0; left--) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        const step = (state >> 8) % 24;
        expect(edit(list, step)).toEqual(edit(pairs, step));
        expect(list.toPairs()).toEqual(pairs.toPairs());
      }
      const places = Array.from({ length: list.size }, (_, index) => [list.nameAt(index), list.valueAt(index)]);
      expect(places.flat()).toEqual(pairs.toPairs());
    }
  });

  it('does not mistake characters that differ in more than case', () => {
    const list = received('X^: 1\r\nX_: 2\r\n');
    expect(list.get('x~')).toBeUndefined();
    expect(list.get('x^')).toBe('1');
  });

  it('lets no edit break out of its line', () => {
    for (const value of ['a\r\nX: y', 'a\nb', 'a\rb', 'a\0']) {
      const list = received();
      list.set('host', value);
      expect(() => list.toWire()).toThrow('cannot be written');
      const other = received();
      other.append('x', value);
      expect(() => other.toWire()).toThrow('cannot be written');
    }
  });
});
