import { describe, expect, it } from 'vitest';
import { BodyBudgets } from '../core/body-budget.ts';
import type { ErrorCode } from '../core/errors.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { fakeExchange } from '../testing/fake-exchange.ts';
import { type ChainHost, FilterChain } from './chain.ts';
import {
  CONTINUE,
  type FilterControl,
  type FilterFactory,
  type FilterStatus,
  NOWHERE,
  PAUSE,
  REPLIED,
} from './filter.ts';

type Act = (control: FilterControl) => FilterStatus;

interface Behaviour {
  readonly request?: Act;
  readonly response?: Act;
  /** Called within `create`; the filter stays out then. */
  readonly absent?: (control: FilterControl) => void;
  readonly wants?: { readonly request?: boolean; readonly response?: boolean };
}

/** A chain of scripted filters, and all that happened to it in order. */
class Rig implements ChainHost {
  readonly events: string[] = [];
  readonly exchange = fakeExchange();
  readonly controls = new Map<string, FilterControl>();
  readonly chain: FilterChain;
  responseStarted = false;
  readonly destination = NOWHERE;
  readonly mayGrow = true;

  constructor(filters: Readonly<Record<string, Behaviour>>) {
    const factories = Object.entries(filters).map(([name, behaviour]) => this.#factory(name, behaviour));
    this.exchange.responseHeaders = new PairHeaders();
    this.chain = new FilterChain(factories, this.exchange, this, new BodyBudgets(() => 0));
  }

  request(): FilterStatus {
    return this.chain.startRequest(true);
  }

  response(): FilterStatus {
    return this.chain.startResponse(false);
  }

  onRequestReady(): void {
    this.events.push('request ready');
  }

  reroute(): never {
    throw new Error('the route stays');
  }

  onResponseGrows(): never {
    throw new Error('no filter injects');
  }

  onResponseReady(): void {
    this.events.push('response ready');
  }

  replaceResponse(status: number): void {
    this.#replace(`answer ${status}`);
  }

  replaceWithError(code: ErrorCode, details: string): void {
    this.#replace(`error ${code} ${details}`);
  }

  onReset(): void {
    this.events.push('reset');
    this.chain.finish();
  }

  onRequestBody(): void {
    throw new Error('no filter wants bodies');
  }

  onRequestBodyFailed(): void {
    throw new Error('no filter wants bodies');
  }

  onResponseData(): boolean {
    throw new Error('no filter wants bodies');
  }

  onResponseEnd(): void {
    throw new Error('no filter wants bodies');
  }

  resumeResponse(): void {
    throw new Error('no filter wants bodies');
  }

  crash(error: unknown): void {
    this.events.push(`crash ${(error as Error).message}`);
  }

  #replace(event: string): void {
    this.events.push(event);
    if (this.chain.startResponse(true) === CONTINUE) this.onResponseReady();
  }

  #factory(name: string, { request, response, absent, wants = {} }: Behaviour): FilterFactory {
    const call = (phase: string, act: Act | undefined): FilterStatus => {
      this.events.push(`${name} ${phase}`);
      return act === undefined ? CONTINUE : act(this.controls.get(name)!);
    };
    return {
      name,
      wantsRequestHeaders: wants.request ?? true,
      wantsResponseHeaders: wants.response ?? true,
      create: (_exchange, control) => {
        this.controls.set(name, control);
        if (absent !== undefined) {
          absent(control);
          return null;
        }
        return {
          bodies: null,
          onRequestHeaders: () => call('request', request),
          onResponseHeaders: () => call('response', response),
          onDone: () => void this.events.push(`${name} done`),
        };
      },
    };
  }
}

const reply =
  (status: number): Act =>
  (control) => {
    control.reply(status, new PairHeaders(), null, 'by a filter');
    return REPLIED;
  };
const fail =
  (details: string): Act =>
  (control) => {
    control.fail('SLUICE_PLUGIN_FAILED', details);
    return REPLIED;
  };
const hold: Act = () => PAUSE;

describe('a chain', () => {
  it('runs requests in order and responses in reverse', () => {
    const rig = new Rig({ a: {}, b: {}, c: {} });
    expect([rig.request(), rig.response()]).toEqual([CONTINUE, CONTINUE]);
    rig.chain.finish();
    expect(rig.events.join(', ')).toBe(
      'a request, b request, c request, c response, b response, a response, a done, b done, c done',
    );
  });

  it('calls no phase that a filter does not want', () => {
    const rig = new Rig({ a: { wants: { request: false } }, b: { wants: { response: false } } });
    rig.request();
    rig.response();
    expect(rig.events).toEqual(['b request', 'a response']);
  });

  it('goes on without a filter that stays out', () => {
    const rig = new Rig({ a: {}, b: { absent: () => {} }, c: {} });
    expect([rig.request(), rig.response()]).toEqual([CONTINUE, CONTINUE]);
    rig.chain.finish();
    expect(rig.events).toEqual(['a request', 'c request', 'c response', 'a response', 'a done', 'c done']);
  });

  it('ends its filters once', () => {
    const rig = new Rig({ a: {} });
    rig.request();
    rig.chain.finish();
    rig.chain.finish();
    expect(rig.events).toEqual(['a request', 'a done']);
  });

  it('of no filter lets everything pass', () => {
    const rig = new Rig({});
    expect([rig.request(), rig.response()]).toEqual([CONTINUE, CONTINUE]);
  });
});

describe('a pause', () => {
  it('of the request ends with its resumption, and the host hears of it', () => {
    const rig = new Rig({ a: { request: hold }, b: { request: hold }, c: {} });
    expect(rig.request()).toBe(PAUSE);
    rig.controls.get('a')!.resumeRequest();
    expect(rig.events).toEqual(['a request', 'b request']);
    rig.controls.get('b')!.resumeRequest();
    expect(rig.events.slice(2)).toEqual(['c request', 'request ready']);
  });

  it('of the response likewise', () => {
    const rig = new Rig({ a: {}, b: { response: hold } });
    rig.request();
    expect(rig.response()).toBe(PAUSE);
    rig.controls.get('b')!.resumeResponse();
    expect(rig.events.slice(2)).toEqual(['b response', 'a response', 'response ready']);
  });

  it('that was resumed before the callback returned is none', () => {
    const both: Behaviour = {
      request: (control) => {
        control.resumeRequest();
        return PAUSE;
      },
      response: (control) => {
        control.resumeResponse();
        return PAUSE;
      },
    };
    const rig = new Rig({ a: both, b: both });
    expect([rig.request(), rig.response()]).toEqual([CONTINUE, CONTINUE]);
    expect(rig.events).toEqual(['a request', 'b request', 'b response', 'a response']);
  });

  it('is ended by its own filter only, and once', () => {
    const rig = new Rig({ a: {}, b: { request: hold } });
    rig.request();
    rig.controls.get('a')!.resumeRequest();
    rig.controls.get('b')!.resumeResponse();
    expect(rig.events).toEqual(['a request', 'b request']);
    rig.controls.get('b')!.resumeRequest();
    rig.controls.get('b')!.resumeRequest();
    expect(rig.events.slice(2)).toEqual(['request ready']);
  });

  it('ends with the exchange: a late word is not heard', () => {
    const rig = new Rig({ a: { request: hold } });
    rig.request();
    rig.chain.finish();
    const control = rig.controls.get('a')!;
    control.resumeRequest();
    control.resumeResponse();
    control.reply(200, new PairHeaders(), null, '');
    control.fail('SLUICE_PLUGIN_FAILED', '');
    control.reset();
    expect(rig.events).toEqual(['a request', 'a done']);
  });
});

describe('an answer of a filter', () => {
  it('to the request passes the filters that were reached, the answering one included', () => {
    const rig = new Rig({ a: {}, b: { request: reply(401) }, c: {} });
    expect(rig.request()).toBe(REPLIED);
    expect(rig.events).toEqual(['a request', 'b request', 'answer 401', 'b response', 'a response', 'response ready']);
  });

  it('from within its creation passes the filters before it', () => {
    const rig = new Rig({ a: {}, b: { absent: (control) => control.fail('SLUICE_PLUGIN_UNAVAILABLE', 'b') }, c: {} });
    expect(rig.request()).toBe(REPLIED);
    expect(rig.events).toEqual(['a request', 'error SLUICE_PLUGIN_UNAVAILABLE b', 'a response', 'response ready']);
  });

  it('during a pause of the request ends the pause', () => {
    const rig = new Rig({ a: { request: hold }, b: {} });
    rig.request();
    rig.controls.get('a')!.fail('SLUICE_PLUGIN_PAUSE_TIMEOUT', 'a');
    rig.controls.get('a')!.resumeRequest();
    expect(rig.events).toEqual(['a request', 'error SLUICE_PLUGIN_PAUSE_TIMEOUT a', 'a response', 'response ready']);
  });

  it('to the response replaces it, and the rest of the filters see the new one', () => {
    const rig = new Rig({ a: {}, b: { response: fail('b') }, c: {} });
    rig.request();
    expect(rig.response()).toBe(REPLIED);
    expect(rig.events.slice(3)).toEqual([
      'c response',
      'b response',
      'error SLUICE_PLUGIN_FAILED b',
      'a response',
      'response ready',
    ]);
  });

  it('during a pause of the response goes on after the paused filter', () => {
    const rig = new Rig({ a: {}, b: { response: hold } });
    rig.request();
    rig.response();
    rig.controls.get('b')!.reply(502, new PairHeaders(), null, '');
    rig.controls.get('b')!.resumeResponse();
    expect(rig.events.slice(2)).toEqual(['b response', 'answer 502', 'a response', 'response ready']);
  });

  it('counts once: a second one is ignored, whoever gives it', () => {
    const rig = new Rig({
      a: { response: reply(500) },
      b: { response: fail('b') },
      c: {
        request: (control) => {
          reply(401)(control);
          return reply(402)(control);
        },
      },
    });
    expect(rig.request()).toBe(REPLIED);
    expect(rig.events.slice(2)).toEqual([
      'c request',
      'answer 401',
      'c response',
      'b response',
      'a response',
      'response ready',
    ]);
  });

  it('may itself be held on its way out', () => {
    const rig = new Rig({ a: { response: hold }, b: { request: reply(401) } });
    expect(rig.request()).toBe(REPLIED);
    expect(rig.events.at(-1)).toBe('a response');
    rig.controls.get('a')!.resumeResponse();
    expect(rig.events.at(-1)).toBe('response ready');
  });

  it('after the head has left resets the exchange', () => {
    const rig = new Rig({ a: {} });
    rig.request();
    rig.response();
    rig.responseStarted = true;
    rig.controls.get('a')!.reply(500, new PairHeaders(), null, '');
    rig.controls.get('a')!.fail('SLUICE_PLUGIN_FAILED', '');
    expect(rig.events.slice(2)).toEqual(['reset', 'a done']);
  });
});

describe('an answer of the gateway', () => {
  it('passes the response filters that the request has met', () => {
    const rig = new Rig({ a: {}, b: {} });
    rig.request();
    expect(rig.response()).toBe(CONTINUE);
    expect(rig.events.slice(2)).toEqual(['b response', 'a response']);
  });

  it('in place of a response that is held does not go back to filters that have seen one', () => {
    const rig = new Rig({ a: {}, b: { response: hold } });
    rig.request();
    expect(rig.response()).toBe(PAUSE);
    expect(rig.response()).toBe(CONTINUE);
    expect(rig.events.slice(2)).toEqual(['b response', 'a response']);
  });
});

describe('a reset', () => {
  it.each(['request', 'response'] as const)('in the %s phase reaches the host; nothing further runs', (phase) => {
    const leave: Act = (control) => {
      control.reset();
      return REPLIED;
    };
    const rig = new Rig({ a: {}, b: { [phase]: leave }, c: { wants: { response: false } } });
    expect(rig.request()).toBe(phase === 'request' ? REPLIED : CONTINUE);
    if (phase === 'response') expect(rig.response()).toBe(REPLIED);
    expect(rig.events.slice(rig.events.indexOf('reset'))).toEqual([
      'reset',
      'a done',
      'b done',
      ...(phase === 'response' ? ['c done'] : []),
    ]);
  });
});

describe('a filter that throws', () => {
  const throwing: Act = () => {
    throw new Error('by design');
  };

  it('throws to whoever runs the chain', () => {
    expect(() => new Rig({ a: { request: throwing } }).request()).toThrow('by design');
  });

  it('is reported when nobody runs the chain but another filter', () => {
    const rig = new Rig({ a: { request: hold, response: hold }, b: { request: throwing, response: throwing } });
    rig.request();
    rig.controls.get('a')!.resumeRequest();
    expect(rig.events).toEqual(['a request', 'b request', 'crash by design']);
    const other = new Rig({ a: { response: throwing }, b: { request: hold, response: hold } });
    other.request();
    other.controls.get('b')!.fail('SLUICE_PLUGIN_FAILED', 'b');
    other.controls.get('b')!.resumeResponse();
    expect(other.events.slice(2)).toEqual([
      'error SLUICE_PLUGIN_FAILED b',
      'b response',
      'a response',
      'crash by design',
    ]);
  });
});
