import { describe, expect, it } from 'vitest';
import { PairHeaders } from '../exchange/headers.ts';
import { until } from '../exchange/probes.suite.ts';
import type { BodyBuffer } from './body-buffer.ts';
import { BodyRig, type Conduct, ScriptedFilter } from './body.suite.ts';
import { CONTINUE, type Direction, type FilterStatus, PAUSE, PAUSE_DROP, RESPONSE } from './filter.ts';

/** Takes a response over: drops what comes, and injects what it makes of it. */
class Injector extends ScriptedFilter {
  override readonly editsBodies: boolean = true;
  readonly #act: (text: string, end: boolean, injector: Injector) => FilterStatus;
  /** Called for the head; default: it goes on. */
  onHead: (() => FilterStatus) | null = null;
  readonly answers: boolean[] = [];

  constructor(act: (text: string, end: boolean, injector: Injector) => FilterStatus, bodyLimit = 1000) {
    super('pass', RESPONSE, bodyLimit);
    this.#act = act;
  }

  inject(text: string, end = false): void {
    const bytes = Buffer.from(text);
    const may = this.control!.mayInject(bytes.length);
    this.answers.push(may);
    if (may) this.control!.inject(bytes, end);
  }

  override onResponseHeaders(): FilterStatus {
    return this.onHead === null ? super.onResponseHeaders() : this.onHead();
  }

  override onBody(direction: Direction, body: BodyBuffer, end: boolean): FilterStatus {
    super.onBody(direction, body, end);
    return this.#act(Buffer.from(body.read(0, body.length)).toString(), end, this);
  }
}

const upperCase = (text: string, end: boolean, injector: Injector): FilterStatus => {
  injector.inject(text.toUpperCase(), end);
  return PAUSE_DROP;
};

/** Looks at response heads only. */
class HeadFilter extends Injector {
  override readonly bodies = null;
  override readonly editsBodies = false;

  constructor() {
    super(() => PAUSE_DROP);
  }
}

describe('injected bytes', () => {
  it.each(['pass', 'gather', 'later', 'full', 'head'] as const)(
    'take the place of a body and pass a filter behind that does "%s"',
    async (conduct: Conduct) => {
      for (const slow of [false, true]) {
        const behind = new ScriptedFilter(conduct, RESPONSE, conduct === 'full' ? 4 : 1000);
        const rig = new BodyRig([behind, new Injector(upperCase)], null);
        rig.slow = slow;
        rig.response(['ab', 'c', 'def'], null);
        await until(() => rig.events.includes('end'));
        expect(rig.output).toBe('ABCDEF');
        expect(rig.events).toEqual(['head', 'head', 'end']);
        await until(() => rig.budgets.held === 0);
      }
    },
  );

  it('do not come back to the filter itself, nor to those before it', async () => {
    const before = new ScriptedFilter('pass', RESPONSE);
    const injector = new Injector(upperCase);
    const rig = new BodyRig([injector, before], null);
    rig.response(['ab'], null);
    await until(() => rig.events.includes('end'));
    expect([before.shown, injector.shown]).toEqual([
      ['2', '0!'],
      ['2', '0!'],
    ]);
  });

  it('end a body of which more would come', async () => {
    const injector = new Injector((_text, _end, self) => {
      self.inject('done', true);
      return PAUSE_DROP;
    });
    const rig = new BodyRig([injector], null);
    rig.response(['a', 'b', 'c'], new PairHeaders(['x-sum', '1']));
    await until(() => rig.events.includes('end'));
    expect([rig.output, injector.shown, rig.trailers]).toEqual(['done', ['1'], null]);
    expect(rig.events.filter((event) => event === 'end')).toHaveLength(1);
    injector.inject('more');
    expect([injector.answers, rig.output]).toEqual([[true, false], 'done']);
  });

  it('come as fast as the receiver takes them, and no more wait than the limit says', () => {
    const injector = new Injector((_text, _end, self) => {
      for (let i = 0; i < 3; i++) self.inject('x'.repeat(40));
      return PAUSE_DROP;
    }, 100);
    const rig = new BodyRig([new ScriptedFilter('lost', RESPONSE), injector], null);
    rig.slow = true;
    rig.response(['a', 'b'], null);
    // The first is on its way to the filter behind when the others come.
    expect(injector.answers.slice(0, 3)).toEqual([true, true, false]);
    expect(rig.events).not.toContain('end');
  });

  it('make the source wait while they wait', async () => {
    const injector = new Injector(upperCase);
    const rig = new BodyRig([new ScriptedFilter('full', RESPONSE, 4), injector], null);
    rig.response(['abcd', 'efgh', 'ijkl', 'mnop'], null);
    await until(() => rig.events.includes('end'));
    expect(rig.output).toBe('ABCDEFGHIJKLMNOP');
    expect(rig.waits).toBeGreaterThan(0);
  });

  it('let a head go first that the filter holds', async () => {
    const injector = new Injector(() => PAUSE_DROP);
    injector.onHead = () => {
      setImmediate(() => injector.inject('late', true));
      return PAUSE;
    };
    const rig = new BodyRig([injector], null);
    rig.response(['abc'], null);
    expect(rig.events).toEqual(['head']);
    await until(() => rig.events.includes('end'));
    expect([rig.output, rig.events]).toEqual(['late', ['head', 'head', 'end']]);
  });

  it.each([
    ['shown it', () => new Injector(() => CONTINUE)],
    ['let it pass by', () => new HeadFilter()],
  ])('are refused when the end is held further on by a filter, to one that was %s', async (_what, make) => {
    const holder = new Injector(() => PAUSE);
    const injector = make();
    const rig = new BodyRig([holder, injector], null);
    rig.response(['abc'], null);
    await until(() => holder.shown.at(-1)?.endsWith('!') === true);
    injector.inject('late');
    holder.control!.resumeResponse();
    await until(() => rig.events.includes('end'));
    expect([injector.answers, rig.output]).toEqual([[false], 'abc']);
  });

  it('are refused in the request, and when all is over', async () => {
    const injector = new Injector(upperCase);
    const rig = new BodyRig([injector], null);
    rig.request();
    injector.inject('early');
    rig.response(['a'], null);
    await until(() => rig.events.includes('end'));
    rig.chain.finish();
    injector.inject('late');
    expect(injector.answers).toEqual([false, true, true, false]);
    expect(rig.output).toBe('A');
  });
});

describe('a response that no filter wants the body of', () => {
  /** Injects in the callback of the head. */
  function atHead(...injections: (readonly [string, boolean])[]): HeadFilter {
    const filter = new HeadFilter();
    filter.onHead = () => {
      for (const [text, end] of injections) filter.inject(text, end);
      return 0;
    };
    return filter;
  }

  it('gets one in place of none, which filters behind see', async () => {
    const behind = new ScriptedFilter('gather', RESPONSE);
    const rig = new BodyRig([behind, atHead(['made ', false], ['up', true])], null);
    rig.request();
    expect(rig.chain.startResponse(true)).not.toBe(0);
    await until(() => rig.events.includes('end'));
    expect([rig.output, rig.events]).toEqual(['made up', ['head', 'grows', 'head', 'end']]);
    expect(behind.shown).toEqual(['7!']);
  });

  it('ends with its sender when the filter has not ended it', async () => {
    const rig = new BodyRig([atHead(['so far', false])], null);
    rig.request();
    rig.chain.startResponse(true);
    rig.chain.endResponse(null);
    await until(() => rig.events.includes('end'));
    expect(rig.output).toBe('so far');
  });

  it('gets bytes before its own', async () => {
    const rig = new BodyRig([atHead(['before ', false])], null);
    rig.response(['abc'], null);
    await until(() => rig.events.includes('end'));
    expect(rig.output).toBe('before abc');
  });

  it('gets bytes before its own while the filter holds the head and all of it has come', async () => {
    const filter = new HeadFilter();
    filter.onHead = () => PAUSE;
    const rig = new BodyRig([filter], null);
    rig.response(['abc'], null, false);
    filter.inject('before ');
    await until(() => rig.events.includes('end'));
    expect(rig.output).toBe('before abc');
  });

  it('gets bytes in place of its own', async () => {
    const rig = new BodyRig([atHead(['instead', true])], null);
    rig.response(['abc', 'def'], null);
    await until(() => rig.events.includes('end'));
    expect(rig.output).toBe('instead');
  });

  it('is taken over while a filter behind holds its head', async () => {
    const holder = new Injector(() => 0);
    holder.onHead = () => {
      setImmediate(() => holder.control!.resumeResponse());
      return PAUSE;
    };
    const rig = new BodyRig([holder, atHead(['first ', false])], null);
    rig.response(['abc'], null);
    await until(() => rig.events.includes('end'));
    expect(rig.output).toBe('first abc');
  });
});
