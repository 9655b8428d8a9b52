// The fake server, with providers that live in this process.
import { setTimeout as sleep } from 'node:timers/promises';
import { startFakeNacos, type FakeInstance, type FakeNacos } from './fake-server.ts';
import type { Done, InstanceIdentity, InstanceRegistration, Provider } from './java-provider.ts';
import type { NacosTarget, NacosTargetOptions } from './target.ts';

/** Between the providers that come back after a restart, in push delays: the server tells half of a service for a while. */
const RETURN_PUSHES = 1.5;

/** Starts a fake server whose pushes take `pushDelayMs` (the real one's 500 unless told). */
export async function startFakeTarget({ auth }: NacosTargetOptions, pushDelayMs = 500): Promise<NacosTarget> {
  const options = { pushDelayMs, ...(auth === undefined ? {} : { auth: { ...auth, refusal: 500 as const } }) };
  let fake = await startFakeNacos(options);
  let running = true;
  const { httpPort, address } = fake;
  const table = new ProviderTable();
  table.attach(fake);
  return {
    server: 'nacos-fake',
    version: 'in-tree',
    address,
    provider: () => new FakeProvider(table),
    edit: async (change) => table.edit(change),
    createNamespace: async () => {},
    down: async () => {
      running = false;
      table.attach(null);
      await fake.stop();
    },
    up: async () => {
      if (running) return;
      fake = await startFakeNacos({ ...options, port: httpPort });
      running = true;
      void table.comeBack(fake, pushDelayMs * RETURN_PUSHES);
    },
    stop: () => fake.stop(),
  };
}

interface Registered {
  readonly owner: FakeProvider;
  instance: InstanceRegistration;
  /** The server has been told; false after a restart until its provider comes back. */
  known: boolean;
}

/** What all providers of one server have registered. */
class ProviderTable {
  readonly #registered = new Map<string, Registered>();
  #fake: FakeNacos | null = null;

  attach(fake: FakeNacos | null): void {
    this.#fake = fake;
    for (const entry of this.#registered.values()) entry.known = fake !== null;
  }

  /** The server is empty again; one provider after the other registers anew, those with the most metadata (lanes) first. */
  async comeBack(fake: FakeNacos, pauseMs: number): Promise<void> {
    this.#fake = fake;
    const marks = ({ instance }: Registered): number => JSON.stringify(instance.metadata ?? {}).length;
    for (const entry of [...this.#registered.values()].sort((a, b) => marks(b) - marks(a))) {
      await sleep(pauseMs);
      if (this.#fake !== fake) return;
      entry.known = true;
      this.#tell(entry.instance);
    }
  }

  put(owner: FakeProvider, instance: InstanceRegistration): void {
    this.#registered.set(keyOf(instance), { owner, instance, known: true });
    this.#tell(instance);
  }

  delete(instance: InstanceIdentity): void {
    this.#registered.delete(keyOf(instance));
    this.#tell(instance);
  }

  /** A provider's connection ended. */
  deleteAll(owner: FakeProvider): void {
    const all = [...this.#registered.values()].filter((entry) => entry.owner === owner);
    for (const { instance } of all) this.delete(instance);
  }

  edit(change: Partial<InstanceRegistration> & InstanceIdentity): void {
    const entry = this.#registered.get(keyOf(change));
    if (entry === undefined) throw new Error(`${keyOf(change)} is not registered`);
    entry.instance = {
      ...entry.instance,
      ...change,
      metadata: { ...entry.instance.metadata, ...change.metadata },
    };
    this.#tell(change);
  }

  #tell({ service, group = '', namespace = '' }: InstanceIdentity): void {
    const all = [...this.#registered.values()].filter(
      ({ instance, known }) =>
        known &&
        instance.service === service &&
        (instance.group ?? '') === group &&
        (instance.namespace ?? '') === namespace,
    );
    const instances = all.map(({ instance }): FakeInstance => {
      const { ip, port, weight = 1, metadata = {}, enabled = true, healthy = true } = instance;
      return { ip, port, weight, metadata, enabled, healthy };
    });
    this.#fake?.setInstances(service, group, namespace, instances);
  }
}

class FakeProvider implements Provider {
  readonly pid = -1;
  readonly exited: Promise<void>;
  readonly #table: ProviderTable;
  readonly #exit: () => void;

  constructor(table: ProviderTable) {
    this.#table = table;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.exited = promise;
    this.#exit = resolve;
  }

  async register(instance: InstanceRegistration): Promise<Done> {
    this.#table.put(this, instance);
    return { at: Date.now() };
  }

  update(instance: InstanceRegistration): Promise<Done> {
    return this.register(instance);
  }

  async deregister(instance: InstanceIdentity): Promise<Done> {
    this.#table.delete(instance);
    return { at: Date.now() };
  }

  kill(): void {
    this.#table.deleteAll(this);
    this.#exit();
  }

  async quit(): Promise<void> {
    this.kill();
  }
}

function keyOf({ namespace = '', group = '', service, ip, port }: InstanceIdentity): string {
  return `${namespace}/${group}/${service}/${ip}:${port}`;
}
