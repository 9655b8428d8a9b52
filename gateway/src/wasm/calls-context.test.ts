import { beforeEach, describe, expect, it } from 'vitest';
import { Status } from './abi.ts';
import { Action } from './host.ts';
import { HostCallRig } from './host-call.suite.ts';

let rig: HostCallRig;
beforeEach(async () => {
  rig = await HostCallRig.make();
});

describe('proxy_set_effective_context', () => {
  it('lets the calls that follow act on another context, until the callback ends', () => {
    rig.host.setProperty('a', Buffer.from('1'));
    let inside = -1;
    rig.run(
      () => {
        expect(rig.env['proxy_set_effective_context']!(rig.stream.id)).toBe(Status.ok);
        inside = rig.vm.target!.id;
      },
      'proxy_on_tick',
      rig.root,
    );
    expect([inside, rig.vm.target]).toEqual([rig.stream.id, null]);
    rig.run(() => expect(rig.vm.target).toBe(rig.root), 'proxy_on_tick', rig.root);
  });

  it('refuses contexts that are not there, and leaves the one in force', () => {
    rig.run(() => {
      expect([0, 99, -1].map((id) => rig.env['proxy_set_effective_context']!(id))).toEqual([2, 2, 2]);
      expect(rig.vm.target).toBe(rig.stream);
    });
  });

  it('takes one that is at its end, and none that is deleted', () => {
    rig.stream.ended = true;
    expect(rig.callAsRoot('proxy_set_effective_context', rig.stream.id)).toBe(Status.ok);
    rig.vm.contexts.delete(rig.stream.id);
    expect(rig.callAsRoot('proxy_set_effective_context', rig.stream.id)).toBe(Status.badArgument);
  });
});

describe('proxy_done', () => {
  it('ends what waits for it, once', () => {
    expect(rig.call('proxy_done')).toBe(Status.notFound);
    rig.stream.awaitsDone = true;
    expect([rig.call('proxy_done'), rig.call('proxy_done')]).toEqual([Status.ok, Status.notFound]);
    expect(rig.host.actions).toEqual([Action.done]);
  });
});
