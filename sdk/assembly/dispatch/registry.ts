import { Plugin } from '../contexts/plugin';
import { properties } from '../calls/properties';

/** Makes the object of one plugin configuration. */
export type PluginFactory = () => Plugin;

let fallback: PluginFactory | null = null;
/** Set by `registerAs` alone, so that a module with one plugin carries no look-up. */
let chooseByRootId: (() => PluginFactory | null) | null = null;
const rootIds: string[] = [];
const factories: PluginFactory[] = [];

/**
 * Names the plugin of this module. It answers for every root id, the empty one too. Call it at the top level.
 * @example at the top level
 * class NothingFilter extends HttpFilter {}
 *
 * class Nothing extends Plugin {
 *   createFilter(): HttpFilter {
 *     return new NothingFilter();
 *   }
 * }
 *
 * register((): Plugin => new Nothing());
 */
export function register(factory: PluginFactory): void {
  fallback = factory;
}

/**
 * Adds a plugin for one root id, for modules that hold several; the one that `register` names takes all others.
 * @example at the top level
 * class OtherFilter extends HttpFilter {}
 *
 * class Other extends Plugin {
 *   createFilter(): HttpFilter {
 *     return new OtherFilter();
 *   }
 * }
 *
 * registerAs('other', (): Plugin => new Other());
 */
export function registerAs(rootId: string, factory: PluginFactory): void {
  rootIds.push(rootId);
  factories.push(factory);
  chooseByRootId = (): PluginFactory | null => {
    const at = rootIds.indexOf(properties.text('plugin_root_id') || '');
    return at < 0 ? null : factories[at];
  };
}

/** The plugin for the context being created, or null when none is registered for its root id. */
export function createPlugin(): Plugin | null {
  const choose = chooseByRootId;
  let factory = choose ? choose() : null;
  if (!factory) factory = fallback;
  return factory ? factory() : null;
}
