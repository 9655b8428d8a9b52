import { beforeEach, describe, expect, it } from 'vitest';
import type { CatalogueModule, Delta, FeedKey, FeedMessage } from './feed.ts';
import { type FeedSource, Outbox } from './outbox.ts';
import { unloadable } from './runtime.suite.ts';

/** Tenants whose configuration is one word for each part, and their services with the words of their lists. */
class FakeSource implements FeedSource {
  version = 0;
  readonly plugins = new Map<string, CatalogueModule>();
  readonly tenants = new Map<string, { readonly parts: readonly string[]; readonly services: readonly string[] }>();
  readonly lists = new Map<string, readonly string[]>();

  pluginNames(): Iterable<string> {
    return this.plugins.keys();
  }

  hasPlugin(plugin: string): boolean {
    return this.plugins.has(plugin);
  }

  tenantNames(): Iterable<string> {
    return this.tenants.keys();
  }

  hasTenant(tenant: string): boolean {
    return this.tenants.has(tenant);
  }

  servicesOf(tenant: string): readonly string[] {
    return this.tenants.get(tenant)?.services ?? [];
  }

  *read(key: FeedKey): Generator<Delta> {
    if (key.kind === 'plugin') yield* this.#readPlugin(key.plugin);
    else if (key.kind === 'endpoints') yield* this.#readEndpoints(key.tenant, key.service);
    else yield* this.#readTenant(key.tenant);
  }

  *#readPlugin(plugin: string): Generator<Delta> {
    const module = this.plugins.get(plugin);
    if (module === undefined) yield { kind: 'plugin-removed', version: this.version, plugin };
    else yield { kind: 'plugin', version: this.version, module, ticking: [] };
  }

  *#readEndpoints(tenant: string, service: string): Generator<Delta> {
    const { version } = this;
    const words = this.lists.get(`${tenant}/${service}`) ?? [];
    for (const [part, endpoints] of words.entries()) {
      const last = part === words.length - 1;
      yield { kind: 'endpoints', version, tenant, service, part, last, state: 'fresh', endpoints };
    }
  }

  *#readTenant(tenant: string): Generator<Delta> {
    const { version } = this;
    const parts = this.tenants.get(tenant)?.parts;
    if (parts === undefined) yield { kind: 'tenant-removed', version, tenant };
    for (const [part, routes] of parts?.entries() ?? []) {
      yield { kind: 'tenant', version, tenant, part, last: part === parts!.length - 1, head: '', routes };
    }
  }
}

function wordsOf(delta: Delta): string {
  switch (delta.kind) {
    case 'plugin':
      return `plugin ${delta.module.name}`;
    case 'tenant':
      return `${delta.tenant} ${delta.routes}`;
    case 'endpoints':
      return `${delta.tenant}/${delta.service} ${delta.endpoints}`;
    case 'plugin-removed':
      return `${delta.kind} ${delta.plugin}`;
    default:
      return `${delta.kind} ${delta.tenant}`;
  }
}

describe('an outbox', () => {
  let source: FakeSource;
  let outbox: Outbox;
  let sent: FeedMessage[];
  beforeEach(() => {
    source = new FakeSource();
    sent = [];
    outbox = new Outbox(source, (message) => void sent.push(message));
  });

  const setTenant = (tenant: string, parts: readonly string[], services: readonly string[] = []) => {
    source.version++;
    source.tenants.set(tenant, { parts, services });
    outbox.mark({ kind: 'tenant', tenant });
  };
  const remove = (tenant: string) => {
    source.version++;
    source.tenants.delete(tenant);
    outbox.mark({ kind: 'tenant', tenant });
  };
  const setList = (tenant: string, service: string, ...words: string[]) => {
    source.version++;
    source.lists.set(`${tenant}/${service}`, words);
    outbox.mark({ kind: 'endpoints', tenant, service });
  };
  /** What was sent since the last call. */
  let seen = 0;
  beforeEach(() => {
    seen = 0;
  });
  const news = () => {
    const words = sent.slice(seen).map(({ delta }) => wordsOf(delta));
    seen = sent.length;
    return words;
  };
  let answered = 0;
  beforeEach(() => {
    answered = 0;
  });
  /** Answers the next `count` messages in the order in which they came. */
  const answer = (count: number) => {
    for (let i = 0; i < count; i++) outbox.acknowledge(sent[answered++]!.id);
  };
  /** Answers until nothing more is sent. */
  const drain = () => {
    while (answered < sent.length) answer(1);
    return news();
  };

  it('sends nothing before it is attached, then every tenant with its endpoints after it', () => {
    setTenant('a', ['A'], ['s', 'silent']);
    setList('a', 's', 'list');
    setTenant('b', ['B']);
    expect(news()).toEqual([]);
    expect(outbox.appliedVersion).toBe(0);
    outbox.open();
    expect(news()).toEqual(['a A', 'a/s list', 'b B']);
    expect(outbox.appliedVersion).toBe(0);
    drain();
    expect(outbox.appliedVersion).toBe(3);
  });

  it('sends plugins before the tenants that use them', () => {
    const setPlugin = (plugin: string) => {
      source.version++;
      source.plugins.set(plugin, unloadable(plugin));
      outbox.mark({ kind: 'plugin', plugin });
    };
    setTenant('a', ['A']);
    setPlugin('p');
    setPlugin('q');
    outbox.open();
    expect(drain()).toEqual(['plugin p', 'plugin q', 'a A']);
    for (const name of ['a', 'b', 'c', 'd', 'e']) setTenant(name, ['new']);
    for (let round = 0; round < 3; round++) setPlugin('p');
    expect([drain(), outbox.appliedVersion]).toEqual([
      ['a new', 'b new', 'c new', 'd new', 'plugin p', 'e new'],
      source.version,
    ]);
  });

  it('takes plugins away after the tenants that may have used them', () => {
    source.plugins.set('p', unloadable('p'));
    setTenant('a', ['A', 'using', 'p']);
    outbox.open();
    expect(news()).toEqual(['plugin p', 'a A', 'a using', 'a p']);
    setTenant('a', ['new']);
    source.version++;
    source.plugins.delete('p');
    outbox.mark({ kind: 'plugin', plugin: 'p' });
    remove('gone');
    expect([drain(), outbox.appliedVersion]).toEqual([['a new', 'plugin-removed p'], source.version]);
  });

  it('has few messages under way, and gives the state as it is when its turn comes', () => {
    outbox.open();
    for (let i = 0; i < 10; i++) setTenant(`t${i}`, ['old']);
    expect(news()).toEqual(['t0 old', 't1 old', 't2 old', 't3 old']);
    for (let round = 0; round < 100; round++) for (let i = 0; i < 10; i++) setTenant(`t${i}`, [`new${round}`]);
    expect(news()).toEqual([]);
    answer(1);
    expect(news()).toEqual(['t4 new99']);
    expect(drain()).toEqual(['t5', 't6', 't7', 't8', 't9', 't0', 't1', 't2', 't3'].map((name) => `${name} new99`));
    expect(outbox.appliedVersion).toBe(source.version);
  });

  it('tells how far the worker is by the oldest change that it does not have', () => {
    outbox.open();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) setTenant(name, ['x']);
    expect(outbox.appliedVersion).toBe(0);
    answer(2);
    expect(outbox.appliedVersion).toBe(2);
    setTenant('f', ['y']);
    answer(3);
    // The first change of f is on its way since version 6.
    expect(outbox.appliedVersion).toBe(5);
    drain();
    expect(outbox.appliedVersion).toBe(7);
  });

  it('sends endpoints before tenants, and between the parts of a large one', () => {
    outbox.open();
    setTenant('a', ['A'], ['s']);
    drain();
    setTenant('large', ['1', '2', '3', '4', '5', '6'], ['new']);
    setTenant('b', ['B']);
    expect(news()).toEqual(['large 1', 'large 2', 'large 3', 'large 4']);
    setList('large', 'new', 'too early');
    setList('a', 's', 'first');
    setList('a', 's', 'list');
    answer(1);
    expect(news()).toEqual(['a/s list']);
    expect(drain()).toEqual(['large 5', 'large 6', 'large/new too early', 'b B']);
  });

  it('sends the endpoints of what is new to a tenant before the configuration that brings it, and as they are after it', () => {
    setTenant('a', ['A'], ['s']);
    setList('a', 's', 's1');
    outbox.open();
    drain();
    source.lists.set('a/t', ['t1', 't1 too']);
    setTenant('a', ['A2'], ['s', 't', 'silent']);
    expect(news()).toEqual(['a/t t1', 'a/t t1 too', 'a A2', 'a/t t1']);
    expect(drain()).toEqual(['a/t t1 too']);
    setTenant('a', ['A3'], ['t']);
    expect(drain()).toEqual(['a A3']);
  });

  it('sends a long list as a whole before anything else', () => {
    outbox.open();
    setTenant('a', ['A'], ['s', 't']);
    drain();
    setList('a', 's', '1', '2', '3', '4', '5', '6');
    setList('a', 't', 'short');
    setTenant('b', ['B']);
    answer(1);
    expect(drain()).toEqual(['a/s 1', 'a/s 2', 'a/s 3', 'a/s 4', 'a/s 5', 'a/s 6', 'a/t short', 'b B']);
  });

  it('goes on with a large tenant that has changed meanwhile, then sends it anew', () => {
    outbox.open();
    setTenant('large', ['1', '2', '3', '4', '5'], ['old']);
    setTenant('large', ['new'], ['old', 'added']);
    setList('large', 'old', 'list');
    setList('large', 'added', 'list');
    expect(drain()).toEqual([
      'large 1',
      'large 2',
      'large 3',
      'large 4',
      'large 5',
      'large/old list',
      'large/added list',
      'large new',
      'large/added list',
    ]);
  });

  it('sends endpoints again when a service comes back after it was gone', () => {
    outbox.open();
    setTenant('a', ['1'], ['s']);
    setList('a', 's', 'list');
    setTenant('a', ['2'], []);
    setTenant('a', ['3'], ['s']);
    expect(drain()).toEqual(['a 1', 'a/s list', 'a 2', 'a/s list', 'a 3', 'a/s list']);
  });

  it('says that tenants are gone after it has said who is there, and only of those that the worker has', () => {
    outbox.open();
    for (const name of ['a', 'b']) setTenant(name, ['x']);
    drain();
    const blocking = ['1', '2', '3', '4', '5'];
    setTenant('c', blocking);
    remove('a');
    setTenant('never', ['x']);
    remove('never');
    setTenant('d', ['x']);
    expect(drain()).toEqual([...blocking.map((part) => `c ${part}`), 'd x', 'tenant-removed a']);
    setTenant('c', blocking);
    remove('b');
    setTenant('b', ['back']);
    expect(drain()).toEqual([...blocking.map((part) => `c ${part}`), 'b back']);
  });

  it('sends the endpoints anew with what follows a refused configuration', () => {
    outbox.open();
    setTenant('a', ['1'], ['s']);
    setList('a', 's', 'list');
    drain();
    setTenant('a', ['bad'], ['s', 't']);
    setList('a', 't', 'list');
    setTenant('a', ['2'], ['t']);
    expect(news()).toEqual(['a bad', 'a/t list', 'a 2']);
    outbox.refuse(sent[answered++]!.id);
    expect(drain()).toEqual(['a/t list']);
    setTenant('a', ['3'], ['t']);
    expect(drain()).toEqual(['a 3', 'a/t list']);
    setTenant('a', ['4'], ['t']);
    expect(drain()).toEqual(['a 4']);
  });

  it('does not send refused endpoints again and again, and ignores answers to what it never sent', () => {
    outbox.open();
    setTenant('a', ['1'], ['s']);
    setList('a', 's', 'bad');
    expect(news()).toEqual(['a 1', 'a/s bad']);
    answer(1);
    outbox.refuse(sent[1]!.id);
    outbox.refuse(sent[1]!.id);
    outbox.acknowledge(99);
    expect(news()).toEqual([]);
    expect(outbox.appliedVersion).toBe(2);
  });

  it('resolves when the worker has everything', async () => {
    outbox.open();
    expect(await outbox.settled()).toBe(true);
    setTenant('a', ['1', '2', '3', '4', '5']);
    let settled = false;
    const waiting = outbox.settled().then((answer) => {
      settled = true;
      return answer;
    });
    answer(4);
    await Promise.resolve();
    expect(settled).toBe(false);
    answer(1);
    expect(await waiting).toBe(true);
  });

  it('sends nothing after its end, and lets nobody wait', async () => {
    outbox.open();
    setTenant('a', ['1', '2', '3', '4', '5', '6']);
    const waiting = outbox.settled();
    outbox.close();
    expect([await waiting, await outbox.settled()]).toEqual([false, false]);
    answer(2);
    setTenant('b', ['x']);
    expect(news()).toEqual(['a 1', 'a 2', 'a 3', 'a 4']);
  });
});
