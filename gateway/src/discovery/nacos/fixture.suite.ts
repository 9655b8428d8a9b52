import type { FakeNacos, FakeNacosOptions } from '../../../../conformance/nacos/fake-server.ts';
import { startFakeNacos } from '../../../../conformance/nacos/fake-server.ts';
import type { ServiceRef } from '../../core/endpoint.ts';
import { type Clock, systemClock } from '../clock.ts';
import { ListRecorder, type ManualClock, MemoryLog } from '../fixtures.suite.ts';
import { NacosSource } from './source.ts';

export interface Rig {
  readonly fake: FakeNacos;
  readonly source: NacosSource;
  readonly log: MemoryLog;
  /** Subscribes to a service of DEFAULT_GROUP in `public`. */
  readonly watch: (name: string, more?: Partial<ServiceRef>) => ListRecorder;
  readonly dispose: () => Promise<void>;
}

export interface RigOptions {
  readonly fake?: FakeNacosOptions;
  readonly clock?: Clock;
  /** More servers after the fake one. */
  readonly servers?: readonly string[];
  readonly username?: string;
  readonly password?: string;
}

export function nacosRef(name: string, more: Partial<ServiceRef> = {}): ServiceRef {
  return { registry: 'nacos', namespace: 'public', group: 'DEFAULT_GROUP', name, ...more };
}

/** A source whose servers are given. */
export function nacosSource(servers: readonly string[], options: RigOptions = {}): Omit<Rig, 'fake'> {
  const log = new MemoryLog();
  const { clock = systemClock, username = '', password = '' } = options;
  const config = { type: 'nacos' as const, servers: [...servers], username, password, grpcPortOffset: 1000 };
  const source = new NacosSource({ registry: 'nacos', config, clock, log });
  const watch = (name: string, more: Partial<ServiceRef> = {}): ListRecorder => {
    const recorder = new ListRecorder();
    source.subscribe(nacosRef(name, more), recorder.listener);
    return recorder;
  };
  return { source, log, watch, dispose: () => source.close() };
}

/** A fake server and a source that knows it. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const fake = await startFakeNacos({ pushDelayMs: 5, ...options.fake });
  const client = nacosSource([fake.address, ...(options.servers ?? [])], options);
  const dispose = async (): Promise<void> => {
    await client.dispose();
    await fake.stop();
  };
  return { ...client, fake, dispose };
}

/** Instances on loopback, for the fake server. */
export function instances(...ports: number[]): { ip: string; port: number }[] {
  return ports.map((port) => ({ ip: '127.0.0.1', port }));
}

/** Moves time in steps, each with a round trip to all clients, so that no connection takes itself for dead. */
export async function pass(clock: ManualClock, fake: FakeNacos, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 4_000) {
    await clock.advance(Math.min(left, 4_000));
    const answers = fake.messages('ClientDetectionResponse').length + fake.connections().length;
    fake.detectConnections();
    await fake.received('ClientDetectionResponse', answers);
  }
}
