import { loadPlugin, type LoadOptions, type PluginTestHost, TestClock } from '../../gateway/src/testing/index.ts';
import { compilePlugin } from '../compile.ts';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { guest } from './guests.ts';

let module: string;
let plugin: PluginTestHost;
let clock: TestClock;

beforeAll(async () => {
  module = (await compilePlugin(guest('background'))).path;
}, 120_000);

afterEach(() => plugin?.close());

async function load(config: string, options: LoadOptions = {}): Promise<void> {
  clock = new TestClock(1_000_000_000_000);
  plugin = await loadPlugin(module, { config, clock, ...options });
}

function send(what: string) {
  return plugin.exchange({ request: { path: `/${what}`, headers: { 'x-do': what } } });
}

async function answerTo(what: string): Promise<string | undefined> {
  return (await send(what)).response?.body;
}

function lines(): string[] {
  return plugin.logs.map(({ message }) => message);
}

describe('timers', () => {
  it('come in their order, beside the tick, over the one tick of the host', async () => {
    await load('timers');
    expect(lines().splice(-3)).toEqual(['period 0', 'active true', 'cancelled false']);
    const before = lines().length;
    for (let i = 0; i < 40; i++) await clock.advance(10);
    expect(lines().slice(before)).toEqual([
      'often 30',
      'tick 40',
      'often 60',
      'chain false',
      'tick 80',
      'soon 80',
      'often 90',
      'late 100',
      'tick 120',
    ]);
  });

  it('come in the order of their time, those that were not cancelled', async () => {
    await load('many');
    await clock.advance(2000);
    expect(lines()).toContain('400 fired, 0 in disorder');
  });

  it('do not come all at once after a standstill', async () => {
    await load('timers');
    const before = lines().length;
    await clock.advance(1000);
    expect(lines().slice(before)).toHaveLength(9);
  });

  it('stop the ticks of the host when none is left', async () => {
    await load('timers');
    await clock.advance(1000);
    const { length } = plugin.calls;
    await clock.advance(10_000);
    expect(plugin.calls).toHaveLength(length);
  });

  it('may belong to an exchange, and act on it', async () => {
    await load('');
    const exchange = send('wait');
    await clock.advance(99);
    await clock.advance(1);
    expect((await exchange).request?.headers).toMatchObject({ 'x-seen': 'true true /wait' });
  });

  it('go on when the clock goes back', async () => {
    let now = 1_000_000_000_000_000_000n;
    const shifted = { now: () => (now += 1_000_000n), monotonic: () => 0n };
    plugin = await loadPlugin(module, { config: '', clock: shifted });
    const exchange = send('wait');
    now -= 3_600_000_000_000n;
    expect((await exchange).response?.status).toBe(200);
  });
});

describe('queues', () => {
  it('tell the plugin of messages, one at a time', async () => {
    await load('queue', { queues: ['other/inbox'] });
    expect(lines()).toContain('jobs: true');
    await plugin.queue('jobs').push('first – é');
    await plugin.queue('jobs').push('second');
    expect(lines().filter((line) => line.startsWith('job:'))).toEqual(['job: first – é', 'job: second']);
  });

  it('can be found and filled by exchanges', async () => {
    await load('queue', { queues: ['other/inbox'] });
    expect(await answerTo('enqueue')).toBe('0,0,to another,true');
    await vi.waitFor(() => expect(lines()).toContain('job: from an exchange'));
  });

  it('that are not there are null', async () => {
    await load('');
    expect(await answerTo('enqueue')).toBe('1,1,,true');
  });
});

describe('foreign functions', () => {
  it('answer a status and bytes', async () => {
    await load('', { foreignFunctions: { greet: (name) => (name.length === 0 ? 2 : `hello ${name.toString()}`) } });
    expect(await answerTo('foreign')).toBe('0,hello zoë,2,1,0,true,1000');
  });
});

describe('randomness', () => {
  it("is the host's, in any amount", async () => {
    await load('');
    expect(await answerTo('random')).toBe('true,true,6,0,true');
  });
});

describe('an answer that the host refuses', () => {
  it('is a bare 500', async () => {
    await load('');
    expect((await send('informational')).response).toMatchObject({ status: 500, body: '' });
  });
});

describe('the end', () => {
  it('of an exchange can be put off', async () => {
    await load('');
    await send('defer');
    expect(lines()).not.toContain('log of /defer');
    await clock.advance(50);
    expect(lines()).toEqual(expect.arrayContaining(['finish 0', 'log of /defer']));
  });

  it('of the plugin is told', async () => {
    await load('');
    plugin.close();
    expect(lines()).toContain('plugin done');
  });

  it('leaves the calls that are made in it to the plugin', async () => {
    await load('', { services: { logs: () => ({ status: 202 }) } });
    await send('ship');
    await vi.waitFor(() => expect(lines()).toContain('shipped 202, filter alive: false'));
  });

  it('tells why a call has failed', async () => {
    await load('', { services: { logs: () => null } });
    await send('ship');
    await vi.waitFor(() => expect(lines()).toContain('not shipped: 11 reset'));
  });
});
