import { loadPlugin, type PluginTestHost, type TestResult } from '../../gateway/src/testing/index.ts';
import { compilePlugin } from '../compile.ts';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { guest } from './guests.ts';

let module: string;
let plugin: PluginTestHost;

beforeAll(async () => {
  module = (await compilePlugin(guest('probe'))).path;
}, 60_000);

beforeEach(async () => {
  plugin = await loadPlugin(module, { config: '' });
});

afterEach(() => plugin.close());

function ask(what: string, headers: Record<string, string> = {}): Promise<TestResult> {
  return plugin.exchange({ request: { path: '/p?q', headers: { 'x-do': what, ...headers } } });
}

async function answerTo(what: string, headers?: Record<string, string>): Promise<string> {
  const { response } = await ask(what, headers);
  expect(response).toMatchObject({ status: 200, headers: { 'content-type': 'text/plain', 'x-seen': '200' } });
  return response?.body ?? '';
}

describe('header maps', () => {
  it('answer values for reads and statuses for writes', async () => {
    const answer = await answerTo('headers', { 'x-empty': '', 'x-bytes': 'a\xff' });
    const [statuses, all, absent, bad, isNull, isEmpty, hasEmpty, bytes, ...rest] = answer.split('|');
    expect(statuses).toBe('0,0,2,2,2,0,2');
    expect([all, absent, bad, isNull, isEmpty, hasEmpty]).toEqual(['v1,v2', '0', 'false', 'true', 'true', 'true']);
    expect(bytes).toBe('97,255');
    expect(rest.filter((part) => !part.startsWith(':'))).toEqual(['only=this', 'only=é', 'this-']);
  });

  it('show the response, local replies included', async () => {
    const { response } = await plugin.exchange({ upstream: { status: 404 } });
    expect(response?.headers).toEqual({ 'x-seen': '404' });
  });
});

describe('header lists', () => {
  it('know no case, and have nothing beyond their end', async () => {
    expect(await answerTo('lists')).toBe('3,a=1+b=2,true,true,,0,true,größe – 😀');
  });
});

describe('numbers in headers', () => {
  it('are decimal, or the fallback', async () => {
    const [absent, ...rest] = (await answerTo('numbers')).split(',');
    expect(absent).toBe('5');
    expect(rest.slice(0, 4)).toEqual(['0', '-17', '7', '999999999999999999']);
    expect(rest.slice(4, 12)).toEqual(Array(8).fill('-1'));
    expect(rest.slice(12)).toEqual(['-9223372036854775808', 'true', 'false']);
  });
});

describe('properties', () => {
  it('of any type can be kept', async () => {
    expect(await answerTo('kept')).toBe('000,-3,0.25,true,true,1');
  });

  it('are typed, and absent ones take the fallback', async () => {
    expect(await answerTo('properties')).toBe('GET|true|40000|false|-1|properties|0|dotted|1.5');
  });
});

describe('shared data', () => {
  it('adds, refuses stale writes and repeats updates', async () => {
    expect(await answerTo('shared')).toBe('0,2,8,2,true');
    expect(await answerTo('shared')).toBe('0,4,8,2 4,true');
  });
});

describe('metrics', () => {
  it('are defined on first use', async () => {
    expect(plugin.metrics).toEqual([]);
    expect(await answerTo('metrics')).toBe('5,-2,0');
    expect(await answerTo('metrics')).toBe('10,-2,0');
    expect(plugin.metrics.map(({ name }) => name)).toEqual(['hits', 'level', 'sizes']);
  });
});

describe('logging', () => {
  it('writes lines as UTF-8 at their level', async () => {
    const { logs, response } = await ask('log');
    expect(response?.body).toBe('all');
    expect(logs.map(({ message }) => message).filter((line) => line.startsWith('at'))).toEqual([
      'at trace',
      'at debug – é',
      'at info',
      'at warn',
      'at error',
    ]);
  });

  it('can tell in onLog what has happened', async () => {
    const { logs } = await ask('time', { 'x-log': '1' });
    expect(logs.map(({ message }) => message)).toContain('log: /p?q, done: yes, code: 200');
  });
});

describe('time', () => {
  it("is the gateway's", async () => {
    expect(Math.abs(Number(await answerTo('time')) - Date.now() / 1000)).toBeLessThan(5);
  });
});

describe('an exchange', () => {
  it('goes on when the tick resumes it', async () => {
    const { request, response } = await ask('pause');
    expect(request?.headers).toMatchObject({ 'x-resumed': 'by tick' });
    expect(response?.status).toBe(200);
  });

  it('can be reset', async () => {
    expect((await ask('reset')).response).toBeNull();
  });
});

describe('a failure', () => {
  it('logs message and place, then ends the instance and not the next exchange', async () => {
    const { logs, response } = await ask('nonsense');
    expect(response?.status).toBeGreaterThanOrEqual(500);
    expect(logs.map(({ message }) => message).join('\n')).toMatch(
      /assembly\/probe\.ts:\d+:\d+: no such thing: nonsense – “é”/,
    );
    expect(await answerTo('shared')).toBe('0,2,8,2,true');
  });

  it('is an index out of range too', async () => {
    const { logs } = await ask('index');
    expect(logs.map(({ message }) => message).join('\n')).toContain('Index out of range');
  });

  it('is an endless loop too', async () => {
    expect((await ask('loop')).response?.status).toBeGreaterThanOrEqual(500);
  });

  it('is a configuration refused', async () => {
    await expect(loadPlugin(module, { config: 'refuse' })).rejects.toThrow('refused its configuration');
  });
});
