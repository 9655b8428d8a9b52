import { describe, expect, it } from 'vitest';
import { Families } from './families.ts';

const GAUGE = { name: 'sluice_things', type: 'gauge', help: 'Things.', labels: ['kind', 'worker'] } as const;
const COUNTER = { name: 'sluice_turns_total', type: 'counter', help: 'Turns.', labels: [] } as const;

describe('Families', () => {
  it('print samples with their labels in the order of the family; equal ones add up', () => {
    const families = new Families();
    families.gauge(GAUGE, (sample) => {
      sample({ worker: 1, kind: 'a"\n' }, 2);
      sample({ worker: 0, kind: 'b' }, -1.5);
      sample({ kind: 'a"\n', worker: 1 }, 3);
    });
    families.counter(COUNTER, (sample) => sample({}, 7));
    expect(families.render()).toBe(
      '# HELP sluice_things Things.\n# TYPE sluice_things gauge\n' +
        'sluice_things{kind="a\\"\\n",worker="1"} 5\nsluice_things{kind="b",worker="0"} -1.5\n' +
        '# HELP sluice_turns_total Turns.\n# TYPE sluice_turns_total counter\nsluice_turns_total 7\n',
    );
  });

  it('take what is no number for 0, and nothing below 0 for a counter', () => {
    const families = new Families();
    families.gauge(GAUGE, (sample) => sample({ kind: 'a', worker: 0 }, Number.POSITIVE_INFINITY));
    families.counter(COUNTER, (sample) => {
      sample({}, -4);
      sample({}, Number.NaN);
      sample({}, 2);
    });
    expect(families.render()).toMatch(/worker="0"} 0\n[^]*\nsluice_turns_total 2\n$/);
  });

  it('share what is read once for each page', () => {
    const families = new Families();
    let reads = 0;
    const shared = families.once(() => ++reads);
    families.gauge(GAUGE, (sample) => sample({ kind: 'x', worker: 0 }, shared()));
    families.counter(COUNTER, (sample) => sample({}, shared()));
    expect(families.render()).toMatch(/worker="0"} 1\n[^]*_total 1\n$/);
    expect(families.render()).toMatch(/worker="0"} 2\n[^]*_total 2\n$/);
  });
});
