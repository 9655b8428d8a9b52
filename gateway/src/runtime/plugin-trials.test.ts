import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runThrough } from '../core/steps.ts';
import { askingGuest } from '../wasm/callout.suite.ts';
import type { CatalogueModule } from './feed.ts';
import { type PluginOwner, PluginTrials } from './plugin-trials.ts';
import { useKey } from './plugin-uses.ts';
import { catalogued, ManualWheel, pluginServices, unloadable, use } from './runtime.suite.ts';

/** Refuses configurations of three characters, and wants ticks for those of two. */
const PICKY = `(if (i32.eq (local.get 1) (i32.const 2))
    (then (drop (call $set_tick_period_milliseconds (i32.const 100)))))
  (i32.ne (local.get 1) (i32.const 3))`;

let picky: CatalogueModule;
let asking: CatalogueModule;
beforeAll(async () => {
  picky = await catalogued('plugin', { callbacks: { proxy_on_configure: PICKY, proxy_on_tick: '' } });
  const guest = askingGuest({ service: 'auth', at: 'proxy_on_configure' });
  asking = await catalogued('asking', guest);
});

let wheel: ManualWheel;
let trials: PluginTrials;
beforeEach(() => {
  wheel = new ManualWheel();
  trials = new PluginTrials([picky, asking, unloadable('missing')], pluginServices(wheel));
});

const owner = (name: string, uses: PluginOwner['uses'], services: string[] = []): PluginOwner => ({
  name,
  uses,
  hasService: (service) => services.includes(service),
});

describe('the trial of an owner', () => {
  it('names the uses that want ticks', () => {
    const uses = [use('plugin', 1), use('plugin', 12), use('plugin', 12), use('missing'), use('never heard of')];
    expect(trials.tryOwner(owner('a', uses))).toEqual([useKey(use('plugin', 12))]);
    expect(wheel.size).toBe(0);
  });

  it('refuses what a plugin refuses', () => {
    const refused = expect.objectContaining({ code: 'SLUICE_PLUGIN_START_FAILED' });
    expect(() => trials.tryOwner(owner('a', [use('plugin', 1), use('plugin', 123)]))).toThrow(refused);
  });

  it('takes callouts to services that there are', () => {
    expect(trials.tryOwner(owner('a', [use('asking')], ['auth']))).toEqual([]);
    expect(() => trials.tryOwner(owner('a', [use('asking')], ['other']))).toThrow(/plugin asking of tenant a/);
    expect(() => trials.tryOwner(owner('', [use('asking')]))).toThrow(/plugin asking of the gateway/);
    expect(wheel.size).toBe(0);
  });
});

describe('the trial of a module', () => {
  it('tries each configuration in use, one in a step', () => {
    const owners = [owner('', [use('plugin', 12)]), owner('a', [use('plugin', 1), use('plugin', 12), use('asking')])];
    const steps = trials.tryModule(picky, () => owners);
    let count = 0;
    for (let step = steps.next(); step.done !== true; step = steps.next()) count++;
    expect(count).toBe(3);
    const ticking = runThrough(trials.tryModule(picky, () => owners));
    expect(Object.fromEntries(ticking)).toEqual({ '': [useKey(use('plugin', 12))], a: [useKey(use('plugin', 12))] });
  });

  it('fails with the first that is refused', () => {
    const owners = [owner('a', [use('plugin', 1)]), owner('b', [use('plugin', 123)])];
    expect(() => runThrough(trials.tryModule(picky, () => owners))).toThrow(/plugin plugin of tenant b/);
  });

  it('does not fail for the sake of one where nothing is in force yet', () => {
    const late = { ...picky, name: 'missing' };
    const owners = [owner('a', [use('missing', 123)]), owner('b', [use('missing', 12)])];
    const ticking = runThrough(trials.tryModule(late, () => owners));
    expect(Object.fromEntries(ticking)).toEqual({ a: [], b: [useKey(use('missing', 12))] });
    expect(() => runThrough(trials.tryModule(late, () => owners.slice(0, 1)))).toThrow(/plugin missing of tenant a/);
    expect(runThrough(trials.tryModule(late, () => [])).size).toBe(0);
  });

  it('tries also what came while it rested', () => {
    const owners = [owner('a', [use('plugin', 1)])];
    const steps = trials.tryModule(picky, () => owners);
    steps.next();
    owners.push(owner('b', [use('plugin', 123)]));
    expect(() => runThrough(steps)).toThrow(/of tenant b/);
  });
});
