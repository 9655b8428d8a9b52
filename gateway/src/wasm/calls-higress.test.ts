import { beforeEach, describe, expect, it } from 'vitest';
import { Status } from './abi.ts';
import type { StreamHost } from './host.ts';
import { ADDRESS, HostCallRig, OUTSIDE, SIZE } from './host-call.suite.ts';
import { parsePairs } from './pairs.ts';

class Hosts implements StreamHost {
  readonly injected: string[] = [];
  hosts: string[] | null = ['10.0.0.1:80', '{"health_status":"Healthy"}'];
  chosen = '';

  clearRouteCache(): void {}
  setFilterState(): void {}

  inject(bytes: Uint8Array, end: boolean): boolean {
    this.injected.push(`${Buffer.from(bytes).toString()} ${end}`);
    return this.injected.length < 3;
  }

  upstreamHosts(): string[] | null {
    return this.hosts;
  }

  overrideUpstreamHost(address: string): boolean {
    this.chosen = address;
    return address === '10.0.0.1:80';
  }
}

let rig: HostCallRig;
let stream: Hosts;
beforeEach(async () => {
  rig = await HostCallRig.make({ abi: '0.2.100' });
  stream = new Hosts();
  rig.host.stream = stream;
});

describe('proxy_inject_encoded_data_to_filter_chain', () => {
  it('takes a copy, and says when it is refused', () => {
    const inject = (text: string, end: number) =>
      rig.call('proxy_inject_encoded_data_to_filter_chain', ...rig.put(text), end);
    expect([inject('one', 0), inject('two', 1), inject('three', 0)]).toEqual([0, 0, Status.badArgument]);
    expect(stream.injected.slice(0, 2)).toEqual(['one false', 'two true']);
  });

  it('checks where the bytes are, and that there is an exchange', () => {
    expect(rig.call('proxy_inject_encoded_data_to_filter_chain', OUTSIDE, 1, 0)).toBe(Status.invalidMemoryAccess);
    expect(rig.callAsRoot('proxy_inject_encoded_data_to_filter_chain', 0, 0, 1)).toBe(Status.badArgument);
    expect(stream.injected).toEqual([]);
  });
});

describe('proxy_get_upstream_hosts', () => {
  it('gives endpoints with what is known of them', () => {
    expect(rig.call('proxy_get_upstream_hosts', ADDRESS, SIZE)).toBe(Status.ok);
    expect(parsePairs(rig.resultBytes)).toEqual(['10.0.0.1:80', '{"health_status":"Healthy"}']);
  });

  it('gives nothing where there are none', () => {
    stream.hosts = [];
    expect([rig.call('proxy_get_upstream_hosts', ADDRESS, SIZE), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([0, 0, 0]);
    stream.hosts = null;
    expect(rig.call('proxy_get_upstream_hosts', ADDRESS, SIZE)).toBe(Status.notFound);
    expect(rig.callAsRoot('proxy_get_upstream_hosts', ADDRESS, SIZE)).toBe(Status.notFound);
    expect(rig.call('proxy_get_upstream_hosts', OUTSIDE, SIZE)).toBe(Status.invalidMemoryAccess);
  });
});

describe('proxy_set_upstream_override_host', () => {
  const choose = (address: string) => rig.call('proxy_set_upstream_override_host', ...rig.put(address));

  it('chooses an endpoint that the exchange may go to', () => {
    expect([choose('10.0.0.1:80'), stream.chosen]).toEqual([Status.ok, '10.0.0.1:80']);
    expect(choose('10.0.0.2:80')).toBe(Status.badArgument);
  });

  it('does not even ask for what cannot be an address', () => {
    expect([choose('x'.repeat(301)), stream.chosen]).toEqual([Status.badArgument, '']);
    expect(rig.call('proxy_set_upstream_override_host', OUTSIDE, 4)).toBe(Status.invalidMemoryAccess);
  });
});
