import { expect, it } from 'vitest';
import { nodeMessage, propertyKey, undotted } from './property-path.ts';
import { readProtobuf } from './protobuf.ts';

it.each([
  ['a', 'a'],
  ['a\0', 'a'],
  ['a\0b\0', 'a\0b'],
  ['a\0\0', 'a\0'],
  ['', ''],
])('the key of %j is %j', (path, key) => {
  expect(propertyKey(path)).toBe(key);
});

it.each([
  ['request.path', 'request\0path'],
  ['a.b.c', 'a\0b\0c'],
  ['a\0b.c', null],
  ['plain', null],
])('%j may stand for %j', (key, other) => {
  expect(undotted(key)).toBe(other);
});

it.each(['host', 'h'.repeat(200), ''])('a node is told as a message', (id) => {
  const fields = readProtobuf(Buffer.from(nodeMessage(id, 'sluice'), 'latin1'));
  expect(Buffer.from(fields!.get(1) as Uint8Array).toString()).toBe(id);
  expect(Buffer.from(fields!.get(2) as Uint8Array).toString()).toBe('sluice');
});

it('messages may hold fields of a fixed width, which are passed over', () => {
  const bytes = Buffer.concat([
    Buffer.from([(1 << 3) | 1]),
    Buffer.alloc(8),
    Buffer.from([(2 << 3) | 5]),
    Buffer.alloc(4),
    Buffer.from([3 << 3, 0xac, 0x02]),
  ]);
  expect([...readProtobuf(bytes)!]).toEqual([[3, 300]]);
  expect(readProtobuf(bytes.subarray(0, 5))).toBeNull();
});
