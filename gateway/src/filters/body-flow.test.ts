import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PairHeaders } from '../exchange/headers.ts';
import { MemoryBody } from '../exchange/memory.ts';
import { until } from '../exchange/probes.suite.ts';
import { BodyRig, type Conduct, type Incident, ScriptedFilter } from './body.suite.ts';
import { type Direction, REQUEST, RESPONSE } from './filter.ts';

const CHUNKS = ['abc', 'de', 'f', 'ghijkl', 'm'];
const TEXT = CHUNKS.join('');
const CONDUCTS: readonly Conduct[] = ['pass', 'gather', 'later', 'full', 'drop', 'head', 'stop', 'trailers'];
const PAIRS = CONDUCTS.flatMap((first) => CONDUCTS.map((second) => [first, second] as const));
/** Filters with the conduct `full` hold no more than this. */
const SMALL = 4;

type Ending = 'with the last chunk' | 'by itself' | 'with trailers';
const ENDINGS: readonly Ending[] = ['with the last chunk', 'by itself', 'with trailers'];

function filtersOf(conducts: readonly Conduct[], direction: Direction): ScriptedFilter[] {
  const ordered = conducts.map((conduct) => {
    return new ScriptedFilter(conduct, direction, conduct === 'full' ? SMALL : 1000);
  });
  return direction === REQUEST ? ordered : ordered.reverse();
}

function trailersOf(ending: Ending): PairHeaders | null {
  return ending === 'with trailers' ? new PairHeaders(['x-sum', '1']) : null;
}

function sourceOf(ending: Ending): MemoryBody {
  const source = new MemoryBody(ending === 'with the last chunk' ? TEXT.length : -1);
  for (const chunk of CHUNKS) source.write(chunk);
  source.end(trailersOf(ending));
  return source;
}

async function run(conducts: readonly Conduct[], direction: Direction, ending: Ending, slow: boolean) {
  const filters = filtersOf(conducts, direction);
  const rig = new BodyRig(filters, direction === REQUEST ? sourceOf(ending) : null);
  rig.slow = slow;
  if (direction === REQUEST) rig.request();
  else rig.response(CHUNKS, trailersOf(ending));
  await until(() => rig.events.includes('end'));
  return { rig, filters };
}

describe.each([
  ['request', REQUEST],
  ['response', RESPONSE],
] as const)('the body of a %s', (_name, direction) => {
  describe.each(ENDINGS)('that ends %s', (ending) => {
    it.each(PAIRS)('arrives whole and once through %s and %s', async (first, second) => {
      for (const slow of [false, true]) {
        const { rig, filters } = await run([first, second], direction, ending, slow);
        const dropped = first === 'drop' || second === 'drop';
        // With its end a last chunk is not dropped: the filter lets it go.
        if (dropped) expect(TEXT.endsWith(rig.output)).toBe(true);
        else expect(rig.output).toBe(TEXT);
        expect(rig.events.filter((event) => event === 'end')).toHaveLength(1);
        expect(rig.events.indexOf('head')).toBeLessThan(rig.events.indexOf('end'));
        expect(rig.trailers?.get('x-sum')).toBe(ending === 'with trailers' ? '1' : undefined);
        for (const { shown } of filters) expect(shown.filter((size) => size.includes('!')).length).toBeLessThan(2);
        rig.chain.finish();
        expect([rig.budgets.held, ...filters.map(({ done }) => done)]).toEqual([0, 1, 1]);
      }
    });
  });

  it('is copied only where it is held', async () => {
    const { rig } = await run(['pass', 'pass'], direction, 'by itself', false);
    expect(rig.output).toBe(TEXT);
    expect(rig.budgets.held).toBe(0);
  });

  it('has a length when all of it was gathered, and when no filter edits it', async () => {
    const gathered = await run(['drop', 'gather'], direction, 'by itself', false);
    expect(gathered.rig.bodyLength).toBe(0);
    const passed = await run(['pass'], direction, 'with the last chunk', false);
    expect(passed.rig.bodyLength).toBe(direction === REQUEST ? TEXT.length : null);
    const trailing = await run(['drop', 'gather'], direction, 'with trailers', false);
    expect(trailing.rig.bodyLength).toBe(-1);
  });

  it('counts while it is held, until it has left', async () => {
    const filters = filtersOf(['lost'], direction);
    const rig = new BodyRig(filters, direction === REQUEST ? sourceOf('by itself') : null);
    if (direction === REQUEST) rig.request();
    else rig.response(CHUNKS, null);
    await until(() => rig.budgets.held === TEXT.length);
    rig.chain.finish();
    expect(rig.budgets.held).toBe(0);
  });

  it('beyond the budget ends with the filter that holds it', async () => {
    const filters = filtersOf(['gather'], direction);
    const rig = new BodyRig(filters, direction === REQUEST ? sourceOf('by itself') : null, 5);
    if (direction === REQUEST) rig.request();
    else rig.response(CHUNKS, null);
    await until(() => rig.events.includes('error SLUICE_PLUGIN_BODY_LIMIT'));
    expect(filters[0]!.shown).toEqual(['3', '5', '6', 'budget']);
    expect(rig.budgets.held).toBe(0);
  });

  it.each(['reply', 'fail', 'reset', 'throw'] as const satisfies Incident[])(
    'that a filter ends by %s leaves nothing behind, whatever the other holds',
    async (incident) => {
      for (const other of CONDUCTS) {
        for (const position of [0, 1]) {
          const conducts: Conduct[] = position === 0 ? ['pass', other] : [other, 'pass'];
          const filters = filtersOf(conducts, direction);
          filters[direction === REQUEST ? position : 1 - position]!.incident = incident;
          const rig = new BodyRig(filters, direction === REQUEST ? sourceOf('by itself') : null);
          try {
            if (direction === REQUEST) rig.request();
            else rig.response(CHUNKS, null);
          } catch (error) {
            // Whoever pushes a response hears of the exception himself.
            rig.crash(error);
          }
          await until(() => filters.every(({ done }) => done === 1));
          await turn();
          expect(rig.events.at(-1)).toMatch(/^(answer 418|error |reset |crash by design)/);
          expect(rig.budgets.held).toBe(0);
          if (direction === REQUEST) expect(rig.source!.stopped).toBe(true);
        }
      }
    },
  );

  it('that nobody wants any more in the middle leaves nothing behind', async () => {
    for (const [first, second] of PAIRS) {
      for (let turns = 0; turns < 6; turns++) {
        const filters = filtersOf([first, second], direction);
        const rig = new BodyRig(filters, direction === REQUEST ? sourceOf('by itself') : null);
        rig.slow = true;
        if (direction === REQUEST) rig.request();
        else rig.response(CHUNKS, null);
        for (let i = 0; i < turns; i++) await turn();
        rig.chain.finish();
        const { length } = rig.events;
        for (let i = 0; i < 4; i++) await turn();
        expect(rig.events).toHaveLength(length);
        expect([rig.budgets.held, filters[0]!.done]).toEqual([0, 1]);
      }
    }
  });
});

describe('the body of a request', () => {
  it('that breaks off is reported to the upstream when it reads, else to the host', async () => {
    for (const [conduct, expected] of [
      ['pass', 'broken SLUICE_CLIENT_ABORTED'],
      ['lost', 'failed SLUICE_CLIENT_ABORTED'],
    ] as const) {
      const source = new MemoryBody();
      source.write('abc');
      const rig = new BodyRig(filtersOf([conduct], REQUEST), source);
      rig.request();
      await until(() => (conduct === 'pass' ? rig.output === 'abc' : rig.budgets.held === 3));
      source.fail('SLUICE_CLIENT_ABORTED');
      await until(() => rig.events.includes(expected));
      expect(rig.budgets.held).toBe(0);
    }
  });

  it('is not read while a filter holds the head', async () => {
    const source = sourceOf('by itself');
    const rig = new BodyRig(filtersOf(['pass', 'stop'], REQUEST), source);
    rig.request();
    expect(source.wasRead).toBe(false);
    await until(() => rig.events.includes('end'));
    expect(rig.output).toBe(TEXT);
  });

  it('waits at its source for a slow upstream', async () => {
    const source = new MemoryBody();
    const rig = new BodyRig(filtersOf(['pass'], REQUEST), source);
    rig.slow = true;
    rig.request();
    for (let i = 0; i < 100; i++) source.write('x'.repeat(10));
    source.end();
    await until(() => rig.output.length > 0);
    expect(source.buffered).toBeGreaterThan(900);
    await until(() => rig.events.includes('end'));
    expect(rig.output).toHaveLength(1000);
  });
});

describe('the body of a response', () => {
  it('waits at its source for a slow client, and for a filter that holds the head', () => {
    for (const conduct of ['pass', 'stop', 'full'] as const) {
      const rig = new BodyRig(filtersOf([conduct], RESPONSE), null);
      rig.slow = true;
      rig.response(CHUNKS, null);
      expect(rig.waits).toBe(1);
    }
  });

  it('too large for a filter that gathers it ends by the filter', async () => {
    const filter = new ScriptedFilter('gather', RESPONSE, 5);
    const rig = new BodyRig([filter], null);
    rig.response(CHUNKS, null);
    await until(() => filter.done === 1);
    expect(filter.shown).toEqual(['3', '5', 'limit']);
    expect(rig.events).toEqual(['head', 'error SLUICE_PLUGIN_BODY_LIMIT']);
  });
});
