import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { createStderrWriter } from './stderr.ts';
import { createProcessLog, type ProcessLogOptions } from './process-log.ts';

function setUp(options: ProcessLogOptions = {}) {
  const lines: string[] = [];
  const log = createProcessLog({ ...options, write: (line) => void lines.push(line) });
  const last = () => JSON.parse(lines.at(-1)!) as Record<string, unknown>;
  return { log, lines, last };
}

describe('process log', () => {
  it('writes a line of JSON with level, time, thread, fields and message', () => {
    const { log, lines, last } = setUp({ thread: 'worker 1' });
    log.warn({ tenant: 'home', count: 3 }, 'tenant file is broken');
    expect(lines[0]!.endsWith('\n')).toBe(true);
    expect(last()).toMatchObject({
      level: 'warn',
      thread: 'worker 1',
      tenant: 'home',
      count: 3,
      msg: 'tenant file is broken',
    });
    expect(new Date(last().time as string).getTime()).toBeGreaterThan(0);
  });

  it('writes nothing below its level', () => {
    const { log, lines } = setUp({ level: 'warn' });
    log.debug({}, 'a');
    log.info({}, 'b');
    log.error({}, 'c');
    expect(lines).toHaveLength(1);
    const silent = setUp({ level: 'silent' });
    silent.log.error({}, 'd');
    expect(silent.lines).toEqual([]);
  });

  it('censors what is named like a secret, at any depth', () => {
    const { log, lines, last } = setUp();
    log.info(
      {
        password: 'p4ss',
        registry: { username: 'nacos', accessToken: 'p4ss', nested: [{ 'x-api-key': 'p4ss', Authorization: 'p4ss' }] },
        cookies: ['p4ss'],
        clientSecret: { value: 'p4ss' },
        map: new Map([['privateKey', 'p4ss']]),
      },
      'login',
    );
    expect(lines[0]).not.toContain('p4ss');
    expect(last()).toMatchObject({ password: '[redacted]', registry: { username: 'nacos' } });
  });

  it('unfolds errors with code and cause', () => {
    const { log, last } = setUp();
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    log.error({ error: new TypeError('no registry', { cause }) }, 'failed');
    expect(last().error).toMatchObject({
      type: 'TypeError',
      message: 'no registry',
      cause: { type: 'Error', message: 'refused', code: 'ECONNREFUSED' },
    });
    expect((last().error as { stack: string }).stack).toContain('process-log.test');
  });

  it('takes any value without throwing', () => {
    const { log, last } = setUp();
    const cycle: Record<string, unknown> = {
      big: 1n,
      date: new Date(Number.NaN),
      bytes: Buffer.from('abc'),
      none: undefined,
    };
    cycle.self = cycle;
    Object.defineProperty(cycle, 'broken', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    log.info({ cycle, set: new Set([1]), list: Array.from({ length: 1000 }, () => 'x') }, 'odd');
    expect(last().cycle).toMatchObject({
      big: '1',
      date: 'Invalid Date',
      bytes: '[3 bytes]',
      broken: '[unreadable: Error: no]',
    });
    expect(last().list).toHaveLength(50);
  });

  it('keeps a line within what a pipe takes in one piece', () => {
    const { log, lines, last } = setUp();
    for (const text of ['x', '"', '\n', '€', '\u0001']) {
      log.error({ a: text.repeat(5000), b: text.repeat(5000), c: text.repeat(5000) }, text.repeat(9000));
      expect(Buffer.byteLength(lines.at(-1)!)).toBeLessThanOrEqual(LIMITS.processLogLineBytes);
      expect(last()).toMatchObject({ level: 'error', thread: 'main' });
      expect((last().msg as string).length).toBeGreaterThan(50);
      expect(lines.at(-1)!.indexOf('\n')).toBe(lines.at(-1)!.length - 1);
    }
  });

  it('never mixes the lines of several threads on one pipe', async () => {
    const module = JSON.stringify(new URL('process-log.ts', import.meta.url).href);
    const source = `
      import { Worker, isMainThread, workerData } from 'node:worker_threads';
      import { createProcessLog } from ${module};
      const log = createProcessLog({ thread: isMainThread ? 'main' : 'worker ' + workerData });
      if (isMainThread) {
        const url = new URL('data:text/javascript,' + encodeURIComponent(process.env.SOURCE));
        for (let i = 0; i < 3; i++) new Worker(url, { workerData: i });
      }
      for (let i = 0; i < 200; i++) log.info({ text: 'x'.repeat(i * 19) }, 'line');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      env: { ...process.env, SOURCE: source },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(child, 'close');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { thread?: string });
    const threads = new Set(lines.map((line) => line.thread).filter((thread) => thread !== undefined));
    expect([...threads].sort()).toEqual(['main', 'worker 0', 'worker 1', 'worker 2']);
  });
});

describe('standard error', () => {
  const full = Object.assign(new Error('full'), { code: 'EAGAIN' });

  it('waits a little for a full pipe, then drops, counts, and says so when it can', () => {
    let failures = 3;
    let attempts = 0;
    const lines: string[] = [];
    const write = createStderrWriter((line) => {
      attempts++;
      if (failures-- > 0) throw full;
      lines.push(line);
    });
    write('waited for\n');
    expect(lines).toEqual(['waited for\n']);
    failures = Number.POSITIVE_INFINITY;
    write('lost\n');
    attempts = 0;
    write('lost at once\n');
    expect(attempts).toBe(2);
    failures = 0;
    write('back\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[1]!)).toMatchObject({ level: 'warn', dropped: 2 });
    expect(lines[2]).toBe('back\n');
  });

  it('does not wait for what will not come back', () => {
    let attempts = 0;
    const write = createStderrWriter(() => {
      attempts++;
      throw Object.assign(new Error('closed'), { code: 'EPIPE' });
    });
    write('a\n');
    expect(attempts).toBe(1);
  });
});
