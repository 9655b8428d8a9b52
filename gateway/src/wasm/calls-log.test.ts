import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import { HostCallRig, OUTSIDE, SLOT } from './host-call.suite.ts';

let rig: HostCallRig;
beforeEach(async () => {
  rig = await HostCallRig.make({ logLevel: 2 });
});

const log = (level: number, text: string | Uint8Array) => rig.call('proxy_log', level, ...rig.put(text));

describe('proxy_log', () => {
  it('logs from the level of the host on, when the guest has returned', () => {
    rig.run(() => {
      expect(rig.env['proxy_log']!(3, ...rig.put('later'))).toBe(Status.ok);
      expect(rig.lines).toEqual([]);
    });
    expect([0, 1, 2, 5].map((level) => log(level, `level ${level}`))).toEqual([0, 0, 0, 0]);
    expect(rig.lines).toEqual([
      [3, 'later'],
      [2, 'level 2'],
      [5, 'level 5'],
    ]);
  });

  it('refuses levels that do not exist, and text outside of memory', () => {
    expect([6, -1].map((level) => log(level, 'a'))).toEqual([Status.badArgument, Status.badArgument]);
    expect(rig.call('proxy_log', 4, OUTSIDE, 4)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_log', 4, 0, -1)).toBe(Status.invalidMemoryAccess);
    expect(rig.lines).toEqual([]);
  });

  it('cuts long lines, reads UTF-8, and takes what is none', () => {
    log(4, 'x'.repeat(LIMITS.pluginLogLineBytes + 10));
    log(4, Buffer.from('caf\u00e9'));
    log(4, Buffer.from([0xff, 0x41]));
    expect(rig.lines.map(([, text]) => text)).toEqual(['x'.repeat(LIMITS.pluginLogLineBytes), 'caf\u00e9', '\ufffdA']);
  });

  it('answers success for lines that are dropped', () => {
    rig.mayLog = false;
    expect([log(4, 'a'), rig.lines]).toEqual([Status.ok, []]);
  });
});

describe('proxy_get_log_level', () => {
  it('tells what is logged', () => {
    expect([rig.call('proxy_get_log_level', SLOT), rig.u32(SLOT)]).toEqual([Status.ok, 2]);
    expect(rig.call('proxy_get_log_level', OUTSIDE)).toBe(Status.invalidMemoryAccess);
  });
});
