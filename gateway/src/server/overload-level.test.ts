import { describe, expect, it } from 'vitest';
import { OverloadLevel, type Pressures, type Resource } from './overload-level.ts';

const NONE: Pressures = { loop_delay: 0, buffered_bytes: 0, connections: 0, descriptors: 0, heap: 0 };

/** Levels after each of the pressures, which come 100 ms apart. */
function levelsOf(resource: Resource, pressures: readonly number[]): number[] {
  const level = new OverloadLevel();
  return pressures.map((pressure, index) => {
    level.update({ ...NONE, [resource]: pressure }, index * 100);
    return level.level;
  });
}

/** The same pressure for so many looks. */
function lasting(pressure: number, looks: number): number[] {
  return Array.from({ length: looks }, () => pressure);
}

describe('the level of overload', () => {
  it.each<[Resource, readonly number[], readonly number[]]>([
    ['loop_delay', [0.99, 1, 1.99, 2], [0, 2, 2, 3]],
    ['buffered_bytes', [0.99, 1, 1.49, 1.5], [0, 2, 2, 3]],
    ['connections', [0.79, 0.8, 0.99, 1], [0, 1, 1, 3]],
    ['descriptors', [0.79, 0.8, 0.99, 1], [0, 1, 1, 3]],
    ['heap', [0.89, 0.9, 1, 1.1], [0, 1, 2, 3]],
  ])('rises at once with %s', (resource, pressures, levels) => {
    expect(levelsOf(resource, pressures)).toEqual(levels);
  });

  it('falls step by step, a second after the pressure has fallen', () => {
    const levels = levelsOf('heap', [1.2, ...lasting(0.95, 10), ...lasting(0.1, 12)]);
    expect(levels.slice(0, 10)).toEqual(lasting(3, 10));
    // 1.1 and its release (0.99) were passed at 0 ms; that of the second step (0.9) only at 1000 ms.
    expect(levels[10]).toBe(2);
    expect(levels.slice(11, 20)).toEqual(lasting(2, 9));
    expect(levels.slice(20)).toEqual([0, 0, 0]);
  });

  it('does not fall while the pressure is just below the threshold', () => {
    expect(levelsOf('buffered_bytes', [1, ...lasting(0.91, 100)]).every((level) => level === 2)).toBe(true);
  });

  it('does not flicker when the pressure comes and goes', () => {
    const swinging = Array.from({ length: 60 }, (_, index) => (index % 8 === 0 ? 1 : 0));
    expect(new Set(levelsOf('loop_delay', swinging))).toEqual(new Set([2]));
  });

  it('refuses no request because of connections alone, and closes new ones all the same', () => {
    const level = new OverloadLevel();
    level.update({ ...NONE, connections: 1, descriptors: 5 }, 0);
    expect([level.shortening, level.refusing, level.stopping]).toEqual([true, false, true]);
  });

  it('closes no idle connection, whose client would come again, because the loop is late', () => {
    const level = new OverloadLevel();
    level.update({ ...NONE, loop_delay: 2, buffered_bytes: 2 }, 0);
    expect([level.shortening, level.refusing, level.stopping]).toEqual([false, true, true]);
  });

  it('goes by the worst resource', () => {
    const level = new OverloadLevel();
    level.update({ ...NONE, connections: 0.8, heap: 1 }, 0);
    expect([level.shortening, level.refusing, level.stopping]).toEqual([true, true, false]);
  });
});
