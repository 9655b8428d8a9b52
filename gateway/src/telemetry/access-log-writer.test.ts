import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { type Log, type LogFields, silentLog } from '../core/log.ts';
import { MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import { SeriesTable } from '../core/series-table.ts';
import { type LogDestination, openDestination } from './access-log-destination.ts';
import { AccessLogWriter } from './access-log-writer.ts';
import { LogMemory } from './log-memory.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-log-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A destination whose writes end when the test says so. */
class Slow implements LogDestination {
  readonly name = 'slow';
  readonly written: string[] = [];
  closed = false;
  finish: (error: Error | null) => void = () => {};

  write(bytes: Buffer, done: (error: Error | null) => void): void {
    this.finish = (error) => {
      if (error === null) this.written.push(bytes.toString());
      done(error);
    };
  }

  reopen(done: (error: Error | null) => void): void {
    done(new Error('disk is gone'));
  }

  close(): void {
    this.closed = true;
  }
}

function worker(): MetricSlots {
  return new MetricSlots(new SeriesTable().attach());
}

function recordingLog(): { log: Log; messages: string[] } {
  const messages: string[] = [];
  const note = (_fields: LogFields, message: string) => void messages.push(message);
  return { log: { debug: note, info: note, warn: note, error: note }, messages };
}

describe('AccessLogWriter', () => {
  it('writes one batch at a time, in order, and joins what waits', async () => {
    const destination = new Slow();
    const slots = worker();
    const writer = new AccessLogWriter(destination, silentLog);
    for (const text of ['a\n', 'b\n', 'c\n']) writer.write(Buffer.from(text), 1, slots);
    destination.finish(null);
    expect(destination.written).toEqual(['a\n']);
    expect(slots.get(WORKER_SLOTS.accessLogSettled)).toBe(1);
    const flushed = writer.flush(10_000);
    destination.finish(null);
    await flushed;
    expect(destination.written).toEqual(['a\n', 'b\nc\n']);
    expect(slots.get(WORKER_SLOTS.accessLogSettled)).toBe(3);
    expect(writer.dropped).toBe(0);
  });

  it('drops beyond its queue by lines and by bytes', () => {
    const slots = worker();
    const byLines = new AccessLogWriter(new Slow(), silentLog);
    byLines.write(Buffer.from('a\n'), LIMITS.accessLogQueueLines, slots);
    byLines.write(Buffer.from('b\n'), 2, slots);
    expect(byLines.dropped).toBe(2);
    expect(slots.get(WORKER_SLOTS.accessLogSettled)).toBe(2);
    const byBytes = new AccessLogWriter(new Slow(), silentLog);
    byBytes.write(Buffer.from('a'.repeat(LIMITS.accessLogQueueBytes)), 1, slots);
    byBytes.write(Buffer.from('b'), 1, slots);
    expect(byBytes.dropped).toBe(1);
  });

  it('gives memory back when its lines are written or dropped, not before', () => {
    const destination = new Slow();
    const slots = worker();
    const writer = new AccessLogWriter(destination, silentLog);
    const [written, queued, dropped] = [1, 2, 3].map(() => {
      const memory = new LogMemory(16);
      memory.leave();
      return memory;
    }) as [LogMemory, LogMemory, LogMemory];
    writer.write(written.bytes, 1, slots);
    writer.write(queued.bytes, LIMITS.accessLogQueueLines - 1, slots);
    writer.write(dropped.bytes, 1, slots);
    expect([written.free, queued.free, dropped.free]).toEqual([false, false, true]);
    destination.finish(null);
    expect([written.free, queued.free]).toEqual([true, false]);
    destination.finish(new Error('ENOSPC'));
    expect(queued.free).toBe(true);
  });

  it('counts what could not be written, says it once, and goes on', () => {
    const destination = new Slow();
    const slots = worker();
    const { log, messages } = recordingLog();
    const writer = new AccessLogWriter(destination, log);
    writer.write(Buffer.from('a\n'), 2, slots);
    writer.write(Buffer.from('b\n'), 3, slots);
    destination.finish(new Error('ENOSPC'));
    destination.finish(new Error('ENOSPC'));
    expect(writer.dropped).toBe(5);
    expect(messages).toEqual(['access log cannot be written; lines are dropped']);
    writer.write(Buffer.from('c\n'), 1, slots);
    destination.finish(null);
    expect(destination.written).toEqual(['c\n']);
    expect(messages.at(-1)).toBe('access log is written again');
    expect(slots.get(WORKER_SLOTS.accessLogSettled)).toBe(6);
  });

  it('does not wait for a destination that hangs longer than the deadline', async () => {
    const destination = new Slow();
    const writer = new AccessLogWriter(destination, silentLog);
    writer.write(Buffer.from('a\n'), 1, worker());
    await writer.close(20);
    expect(destination.closed).toBe(false);
    writer.write(Buffer.from('b\n'), 1, worker());
    expect(writer.dropped).toBe(1);
  });

  it('logs a failed reopen and stays with the old file', () => {
    const { log, messages } = recordingLog();
    new AccessLogWriter(new Slow(), log).reopen();
    expect(messages).toEqual(['access log cannot be reopened']);
  });
});

describe('a log file', () => {
  it('is appended to, closed to the world, and reopened after logrotate', async () => {
    const path = join(directory, 'access.log');
    const slots = worker();
    for (const text of ['first\n', 'second\n']) {
      const writer = new AccessLogWriter(openDestination(path), silentLog);
      writer.write(Buffer.from(text), 1, slots);
      await writer.close(5000);
    }
    expect(readFileSync(path, 'utf8')).toBe('first\nsecond\n');
    expect(statSync(path).mode & 0o137).toBe(0);

    let reopened = () => {};
    const done = new Promise<void>((resolve) => (reopened = resolve));
    const writer = new AccessLogWriter(openDestination(path), { ...silentLog, info: () => reopened() });
    renameSync(path, `${path}.1`);
    writer.write(Buffer.from('to the old\n'), 1, slots);
    writer.reopen();
    await done;
    await writer.flush(5000);
    writer.write(Buffer.from('to the new\n'), 1, slots);
    await writer.close(5000);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('first\nsecond\nto the old\n');
    expect(readFileSync(path, 'utf8')).toBe('to the new\n');
  });

  it('is refused with place and remedy when it cannot be opened', () => {
    const path = join(directory, 'missing', 'access.log');
    expect(() => openDestination(path)).toThrow(`accessLog.path ${path}: The access log cannot be opened`);
  });

  it('is refused when it is a named pipe that nobody reads, without waiting', () => {
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    expect(() => openDestination(path)).toThrow('The access log cannot be opened');
  });

  it('counts lines that a full disk refuses', async () => {
    const writer = new AccessLogWriter(openDestination('/dev/full'), silentLog);
    const slots = worker();
    writer.write(Buffer.from('a\n'), 1, slots);
    await writer.close(5000);
    expect(writer.dropped).toBe(1);
    expect(slots.get(WORKER_SLOTS.accessLogSettled)).toBe(1);
  });
});

describe('standard output', () => {
  const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const source = `
    import { AccessLogWriter } from ${here('access-log-writer.ts')};
    import { openDestination } from ${here('access-log-destination.ts')};
    import { MetricSlots } from ${here('../core/metrics.ts')};
    import { SeriesTable } from ${here('../core/series-table.ts')};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const writer = new AccessLogWriter(openDestination('stdout'), log);
    const slots = new MetricSlots(new SeriesTable().attach());
    const line = 'x'.repeat(99) + '\\n';
    process.on('message', async (command) => {
      if (command === 'write') for (let i = 0; i < 50; i++) writer.write(Buffer.from(line.repeat(500)), 500, slots);
      if (command === 'close') await writer.close(1000);
      process.send(writer.dropped);
      if (command === 'close') process.exit(0);
    });
    process.send('ready');`;

  function start(stdout: 'pipe' | number = 'pipe'): ChildProcess {
    return spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', stdout, 'inherit', 'ipc'],
    });
  }

  async function ask(child: ChildProcess, command: string): Promise<unknown> {
    const answer = once(child, 'message');
    child.send(command);
    return (await answer)[0] as unknown;
  }

  it('stays responsive and bounded while nobody reads, and ends in time', async () => {
    const child = start();
    await once(child, 'message');
    child.stdout!.pause();
    await ask(child, 'write');
    const dropped = await ask(child, 'write');
    expect(dropped).toBeGreaterThanOrEqual(50_000 - LIMITS.accessLogQueueLines - 1000);
    const exited = once(child, 'exit');
    await ask(child, 'close');
    expect(await exited).toEqual([0, null]);
  });

  it('survives a reader that went away', async () => {
    const child = start();
    await once(child, 'message');
    child.stdout!.destroy();
    let dropped = 0;
    while (dropped === 0) dropped = (await ask(child, 'write')) as number;
    const exited = once(child, 'exit');
    await ask(child, 'close');
    expect(await exited).toEqual([0, null]);
  });

  it('delivers every line to a reader', async () => {
    const child = start();
    await once(child, 'message');
    let bytes = 0;
    child.stdout!.on('data', (chunk: Buffer) => (bytes += chunk.length));
    const dropped = (await ask(child, 'write')) as number;
    await ask(child, 'close');
    await once(child, 'close');
    expect(bytes).toBe((25_000 - dropped) * 100);
  });

  it('may be redirected into a file', async () => {
    const path = join(directory, 'stdout.log');
    const fd = openSync(path, 'a');
    const child = start(fd);
    closeSync(fd);
    await once(child, 'message');
    const dropped = (await ask(child, 'write')) as number;
    await ask(child, 'close');
    expect(statSync(path).size).toBe((25_000 - dropped) * 100);
  });
});
