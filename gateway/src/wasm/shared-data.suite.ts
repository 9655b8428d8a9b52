import { expect } from 'vitest';
import { BLOCK, BLOCKS_PER_SEGMENT, SharedMemory, SPACE } from './shared-memory.ts';
import { SharedIndex } from './shared-index.ts';

/** Expects every list and count of a space to agree with each other. Returns its keys, the one used last first. */
export function expectWhole(buffer: SharedArrayBuffer, space: number): string[] {
  const memory = new SharedMemory(buffer);
  const index = new SharedIndex(memory, space);
  const { words } = memory;
  const keys: string[] = [];
  const names = new Set<string>();
  let used = 0;
  let newer = 0;
  for (let block = index.get(SPACE.newest); block !== 0; ) {
    const at = memory.blockAt(block);
    const key = index.content.readKey(block);
    expect(words[at + BLOCK.cas], key).not.toBe(0);
    expect(words[at + BLOCK.newer], key).toBe(newer);
    expect(index.find(key, words[at + BLOCK.hash]!), key).toBe(block);
    keys.push(key);
    // Messages of a queue have no keys.
    names.add(`${key} ${words[at + BLOCK.hash]}`);
    used += index.blocksOf(block);
    newer = block;
    block = words[at + BLOCK.older]!;
  }
  expect(index.get(SPACE.oldest)).toBe(newer);
  expect(index.get(SPACE.entries)).toBe(keys.length);
  expect(names.size).toBe(keys.length);
  expect(index.get(SPACE.usedBlocks)).toBe(used);
  let free = 0;
  for (let block = index.get(SPACE.free); block !== 0; free++) block = words[memory.blockAt(block) + BLOCK.next]!;
  expect(index.get(SPACE.freeBlocks)).toBe(free);
  let segments = 0;
  for (let segment = 1; segment < memory.segments; segment++) if (memory.ownerOf(segment) === space + 1) segments++;
  expect(used + free).toBe(segments * BLOCKS_PER_SEGMENT);
  return keys;
}
