import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { Errno } from './abi.ts';
import { HostCallRig, OUTSIDE, SLOT } from './host-call.suite.ts';

let rig: HostCallRig;
beforeEach(async () => {
  rig = await HostCallRig.make({ permissions: { environment: { A: '1', NAME: 'caf\u00e9' } } });
});

/** Several writes within one callback; each text is one piece. */
function write(file: number, ...texts: string[]): number[] {
  const answers: number[] = [];
  rig.run(() => {
    for (const text of texts) {
      const [at, length] = rig.put(Buffer.from(text));
      const [pieces] = rig.put(Buffer.alloc(8));
      rig.vm.memory.writeU32(pieces, at);
      rig.vm.memory.writeU32(pieces + 4, length);
      answers.push(rig.wasi['fd_write']!(file, pieces, 1, SLOT));
    }
  });
  return answers;
}

describe('fd_write', () => {
  it('makes lines of what comes in pieces, each file for itself', () => {
    expect(write(1, 'on', 'e\ntw')).toEqual([0, 0]);
    expect(rig.lines).toEqual([
      [2, 'one'],
      [2, 'tw'],
    ]);
    write(2, 'goroutine 1', ' [running]:\n', '\n', 'main()\n');
    expect(rig.lines.slice(2)).toEqual([
      [4, 'goroutine 1 [running]:'],
      [4, 'main()'],
    ]);
    expect(rig.u32(SLOT)).toBe(7);
  });

  it('logs what a guest wrote before it ended', () => {
    const run = rig.wasi;
    const text = rig.put('panic: no');
    const [pieces] = rig.put(Buffer.alloc(8));
    rig.vm.memory.writeU32(pieces, text[0]);
    rig.vm.memory.writeU32(pieces + 4, text[1]);
    const ended = rig.run(() => {
      run['fd_write']!(2, pieces, 1, SLOT);
      run['proc_exit']!(2);
    });
    expect([ended, rig.crash!.cause, rig.crash!.message]).toEqual([false, 'exit', 'exit 2']);
    expect(rig.lines).toEqual([[4, 'panic: no']]);
  });

  it('cuts lines that have no end', () => {
    write(1, 'x'.repeat(LIMITS.pluginLogLineBytes * 2));
    expect(Math.max(...rig.lines.map(([, text]) => text.length))).toBeLessThanOrEqual(LIMITS.pluginLogLineBytes);
  });

  it('drops lines when there are too many', () => {
    rig.mayLog = false;
    expect(write(1, 'a\nb\nc')).toEqual([0]);
    expect(rig.lines).toEqual([]);
  });

  it('refuses other files, and pieces outside of memory', () => {
    expect(write(0, 'a')).toEqual([Errno.badFile]);
    expect(write(3, 'a')).toEqual([Errno.badFile]);
    expect(rig.call('fd_write', 1, OUTSIDE, 1, SLOT)).toBe(Errno.fault);
    expect(rig.call('fd_write', 1, 0, -1, SLOT)).toBe(Errno.invalid);
    expect(rig.call('fd_write', 1, 0, 0, OUTSIDE)).toBe(Errno.fault);
    const [pieces] = rig.put(Buffer.alloc(8, 0xff));
    expect(rig.call('fd_write', 1, pieces, 1, SLOT)).toBe(Errno.fault);
    expect(rig.call('fd_write', 1, 0, 0, SLOT)).toBe(Errno.success);
  });
});

describe('environment and arguments', () => {
  it('are those that the operator gives, and none', () => {
    expect(rig.call('environ_sizes_get', SLOT, SLOT + 4)).toBe(0);
    const texts = 'A=1\0NAME=caf\u00e9\0';
    expect([rig.u32(SLOT), rig.u32(SLOT + 4)]).toEqual([2, Buffer.byteLength(texts)]);
    expect(rig.call('environ_get', 512, 600)).toBe(0);
    expect([rig.u32(512), rig.u32(516)]).toEqual([600, 604]);
    expect(rig.vm.memory.readUtf8(600, Buffer.byteLength(texts))).toBe(texts);
    expect(rig.call('args_sizes_get', SLOT, SLOT + 4)).toBe(0);
    expect([rig.u32(SLOT), rig.u32(SLOT + 4), rig.call('args_get', 512, 600)]).toEqual([0, 0, 0]);
  });

  it('go nowhere else', () => {
    expect(rig.call('environ_sizes_get', OUTSIDE, SLOT)).toBe(Errno.fault);
    expect(rig.call('environ_get', OUTSIDE, 600)).toBe(Errno.fault);
    expect(rig.call('environ_get', 512, OUTSIDE)).toBe(Errno.fault);
  });
});

describe('clocks', () => {
  it('are those of the host, and no others', () => {
    expect([rig.call('clock_time_get', 0, 1n, SLOT), rig.u64(SLOT)]).toEqual([0, 1_700_000_000_123_456_789n]);
    expect([rig.call('clock_time_get', 1, 1n, SLOT), rig.u64(SLOT)]).toEqual([0, 42n]);
    expect([2, 3, -1].map((id) => rig.call('clock_time_get', id, 1n, SLOT))).toEqual([58, 58, 58]);
    expect(rig.call('clock_time_get', 0, 1n, OUTSIDE)).toBe(Errno.fault);
    expect([rig.call('clock_res_get', 0, SLOT), rig.u64(SLOT)]).toEqual([0, 1000n]);
  });

  it('let nobody sleep', () => {
    rig.soilSlots();
    expect([rig.call('poll_oneoff', 0, 0, 1, SLOT), rig.u32(SLOT), rig.call('sched_yield')]).toEqual([0, 0, 0]);
    expect(rig.call('poll_oneoff', 0, 0, 1, OUTSIDE)).toBe(Errno.fault);
  });
});

describe('random_get', () => {
  it('fills memory, 64 KiB at most', () => {
    expect(rig.call('random_get', 1024, 64)).toBe(0);
    expect(rig.vm.memory.bytes.subarray(1024, 1088).equals(Buffer.alloc(64))).toBe(false);
    expect(rig.call('random_get', 0, 65_536)).toBe(0);
    expect(rig.call('random_get', 0, 65_537)).toBe(Errno.invalid);
    expect(rig.call('random_get', 0, -1)).toBe(Errno.invalid);
    expect(rig.call('random_get', OUTSIDE, 4)).toBe(Errno.fault);
  });
});

describe('files', () => {
  it.each([
    ['fd_prestat_get', Errno.badFile],
    ['fd_prestat_dir_name', Errno.notImplemented],
    ['fd_read', Errno.notImplemented],
    ['fd_fdstat_set_flags', Errno.notImplemented],
    ['fd_seek', Errno.success],
    ['fd_close', Errno.success],
    ['path_open', Errno.noEntry],
    ['path_filestat_get', Errno.notSupported],
  ])('%s answers %i', (name, errno) => {
    expect(rig.call(name, 3, SLOT, SLOT)).toBe(errno);
  });

  it('may be written to, if they are the three that everybody has', () => {
    rig.vm.memory.bytes.fill(0xff, 256, 300);
    expect([0, 1, 2].map((file) => rig.call('fd_fdstat_get', file, 256))).toEqual([0, 0, 0]);
    const stat = Buffer.alloc(24);
    stat.writeBigUInt64LE(64n, 8);
    expect(Buffer.from(rig.vm.memory.bytes.subarray(256, 280))).toEqual(stat);
    expect(rig.vm.memory.bytes[280]).toBe(0xff);
    expect([3, -1].map((file) => rig.call('fd_fdstat_get', file, 256))).toEqual([8, 8]);
    expect(rig.call('fd_fdstat_get', 1, OUTSIDE)).toBe(Errno.fault);
  });
});

describe('functions of compilers', () => {
  it('end the instance with the words of an AssemblyScript abort', () => {
    const [length] = rig.put(Buffer.from([8, 0, 0, 0]));
    rig.put(Buffer.from('oops', 'utf16le'));
    expect(rig.run(() => rig.env['abort']!(length + 4, 0, 3, 7))).toBe(false);
    expect([rig.crash!.cause, rig.crash!.message]).toEqual(['abort', 'oops (:3:7)']);
  });

  it('survive an abort whose words are nowhere', () => {
    rig.run(() => rig.env['abort']!(OUTSIDE, -1, 0, 0));
    expect(rig.crash!.cause).toBe('abort');
  });

  it('compare threads, and make numbers', () => {
    expect([rig.call('pthread_equal', 1, 1), rig.call('pthread_equal', 1, 2)]).toEqual([1, 0]);
    const seed = rig.call('seed');
    expect(seed >= 0 && seed < 1).toBe(true);
    expect(rig.call('emscripten_notify_memory_growth', 0)).toBe(0);
  });
});
