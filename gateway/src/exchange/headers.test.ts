import { describe, expect, it } from 'vitest';
import { PairHeaders } from './headers.ts';

function sample(): PairHeaders {
  return new PairHeaders(['Host', 'a', 'X-Id', '1', 'accept', '*/*', 'x-id', '2', 'X-ID', '3']);
}

describe('PairHeaders', () => {
  it('keeps order, case and repeats', () => {
    const headers = sample();
    expect(headers.size).toBe(5);
    expect(headers.nameAt(1)).toBe('X-Id');
    expect(headers.valueAt(4)).toBe('3');
    expect(headers.toPairs()).toEqual(['Host', 'a', 'X-Id', '1', 'accept', '*/*', 'x-id', '2', 'X-ID', '3']);
  });

  it('looks names up without regard to case', () => {
    const headers = sample();
    expect(headers.get('x-id')).toBe('1');
    expect(headers.getAll('x-id')).toEqual(['1', '2', '3']);
    expect(headers.has('host')).toBe(true);
    expect(headers.get('x-i')).toBeUndefined();
    expect(headers.getAll('absent')).toEqual([]);
    expect(headers.has('absent')).toBe(false);
  });

  it('takes no value for a name', () => {
    const headers = new PairHeaders(['a', 'x-id', 'b', 'c']);
    expect(headers.has('x-id')).toBe(false);
    expect(headers.has('c')).toBe(false);
  });

  it('sets in place of the first occurrence and drops the others', () => {
    const headers = sample();
    headers.set('x-id', 'new');
    expect(headers.toPairs()).toEqual(['Host', 'a', 'X-Id', 'new', 'accept', '*/*']);
    headers.set('x-more', '1');
    expect(headers.toPairs().slice(-2)).toEqual(['x-more', '1']);
  });

  it('appends without looking', () => {
    const headers = sample();
    headers.append('x-id', '4');
    expect(headers.getAll('x-id')).toEqual(['1', '2', '3', '4']);
  });

  it('removes every occurrence', () => {
    const headers = sample();
    expect(headers.remove('x-id')).toBe(true);
    expect(headers.toPairs()).toEqual(['Host', 'a', 'accept', '*/*']);
    expect(headers.remove('x-id')).toBe(false);
    expect(headers.remove('host')).toBe(true);
    expect(headers.remove('accept')).toBe(true);
    expect(headers.size).toBe(0);
  });

  it('is empty without pairs and keeps empty values', () => {
    expect(new PairHeaders().size).toBe(0);
    expect(new PairHeaders().remove('a')).toBe(false);
    const headers = new PairHeaders(['x-empty', '']);
    expect(headers.get('x-empty')).toBe('');
    expect(headers.has('x-empty')).toBe(true);
  });

  it('is not confused by names of object members', () => {
    const headers = new PairHeaders(['__proto__', '1', 'constructor', '2']);
    expect(headers.get('__proto__')).toBe('1');
    expect(headers.get('constructor')).toBe('2');
    expect(headers.get('tostring')).toBeUndefined();
  });
});
