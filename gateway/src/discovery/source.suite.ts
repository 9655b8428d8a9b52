import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EndpointRecord, ServiceRef } from '../core/endpoint.ts';
import { endpoint, ListRecorder, turn } from './fixtures.suite.ts';
import type { EndpointSource } from './source.ts';

/** A source with its registry, as the shared suite drives it. */
export interface SourceHarness {
  readonly source: EndpointSource;
  ref(name: string): ServiceRef;
  /** Makes the registry say that these are the endpoints of a service; the others stay. */
  set(name: string, endpoints: readonly EndpointRecord[]): void | Promise<void>;
  /** Ends source and registry. */
  dispose(): Promise<void>;
}

/**
 * What every endpoint source promises (see `EndpointSource`).
 * @param traits `metadata: false` for registries that know endpoints by address, port and whole weights alone
 */
export function endpointSourceSuite(
  kind: string,
  start: () => Promise<SourceHarness>,
  traits: { readonly metadata: boolean } = { metadata: true },
): void {
  describe(`${kind} as an endpoint source`, () => {
    let harness: SourceHarness;

    beforeEach(async () => {
      harness = await start();
    });

    afterEach(async () => {
      await harness.dispose();
    });

    function subscribe(name: string): ListRecorder & { close(): void } {
      const recorder = new ListRecorder();
      const subscription = harness.source.subscribe(harness.ref(name), recorder.listener);
      return Object.assign(recorder, { close: () => subscription.close() });
    }

    it('answers with the whole list, and with an empty one for an unknown service', async () => {
      await harness.set('users', [endpoint(9002), endpoint(9001)]);
      const users = subscribe('users');
      const unknown = subscribe('unknown');
      expect((await users.ports([9001, 9002])).endpoints).toEqual([endpoint(9001), endpoint(9002)]);
      expect(await unknown.ports([])).toEqual({ endpoints: [], state: 'fresh' });
    });

    it('carries weights', async () => {
      const records = [endpoint(9001, { weight: 7 }), endpoint(9002, { weight: 2 })];
      await harness.set('users', records);
      expect((await subscribe('users').ports([9001, 9002])).endpoints).toEqual(records);
    });

    if (traits.metadata) {
      it('carries metadata, and weights of any kind', async () => {
        const record = endpoint(9001, { weight: 0.5, metadata: { version: 'v2', secure: 'true' } });
        await harness.set('users', [record, endpoint(9002, { weight: 0 })]);
        const list = await subscribe('users').ports([9001, 9002]);
        expect(list.endpoints).toEqual([record, endpoint(9002, { weight: 0 })]);
      });
    }

    it('tells of a change, and not of an equal list in another order', async () => {
      await harness.set('users', [endpoint(9001), endpoint(9002)]);
      const users = subscribe('users');
      await users.ports([9001, 9002]);
      await harness.set('users', [endpoint(9002), endpoint(9001)]);
      await harness.set('other', [endpoint(9009)]);
      await harness.set('users', [endpoint(9002, { weight: 3 }), endpoint(9001)]);
      await users.until((list) => list.endpoints[1]?.weight === 3);
      expect(users.lists).toHaveLength(2);
    });

    it('never calls a listener inside subscribe, early or late', async () => {
      await harness.set('users', [endpoint(9001)]);
      const first = subscribe('users');
      expect(first.lists).toHaveLength(0);
      await first.ports([9001]);
      const late = subscribe('users');
      expect(late.lists).toHaveLength(0);
      await turn();
      expect(late.lists).toEqual(first.lists);
    });

    it('goes on for the others when one subscriber leaves', async () => {
      await harness.set('users', [endpoint(9001)]);
      const [stays, leaves] = [subscribe('users'), subscribe('users')];
      await Promise.all([stays.ports([9001]), leaves.ports([9001])]);
      leaves.close();
      leaves.close();
      await harness.set('users', [endpoint(9001), endpoint(9002)]);
      await stays.ports([9001, 9002]);
      expect(leaves.lists).toHaveLength(1);
      expect(harness.source.status().services).toHaveLength(1);
    });

    it('does not call a listener that left before its first list', async () => {
      await harness.set('users', [endpoint(9001)]);
      const users = subscribe('users');
      await users.ports([9001]);
      const hasty = subscribe('users');
      hasty.close();
      await turn();
      expect(hasty.lists).toHaveLength(0);
    });

    it('forgets a service with its last subscriber and answers anew', async () => {
      await harness.set('users', [endpoint(9001)]);
      const first = subscribe('users');
      await first.ports([9001]);
      first.close();
      expect(harness.source.status().services).toHaveLength(0);
      await harness.set('users', [endpoint(9002)]);
      expect(await subscribe('users').ports([9002])).toBeDefined();
    });

    it('lets no failing listener disturb another', async () => {
      await harness.set('users', [endpoint(9001)]);
      harness.source.subscribe(harness.ref('users'), () => {
        throw new Error('listener');
      });
      const users = subscribe('users');
      await users.ports([9001]);
      await harness.set('users', [endpoint(9002)]);
      await users.ports([9002]);
    });

    it('reports its services', async () => {
      await harness.set('users', [endpoint(9001)]);
      await subscribe('users').ports([9001]);
      const status = harness.source.status();
      expect(status).toMatchObject({ connected: true, lastError: '' });
      expect(status.services).toMatchObject([
        { ref: harness.ref('users'), state: 'fresh', endpoints: 1, healthy: 1, protectThreshold: false, lastError: '' },
      ]);
    });

    it('calls nobody after close, which may come twice', async () => {
      await harness.set('users', [endpoint(9001)]);
      const users = subscribe('users');
      await users.ports([9001]);
      await harness.source.close();
      await harness.set('users', [endpoint(9002)]);
      await harness.source.close();
      const late = subscribe('users');
      await turn();
      expect(users.lists).toHaveLength(1);
      expect(late.lists).toHaveLength(0);
      expect(harness.source.status().services).toHaveLength(0);
    });
  });
}
