import { Plugin } from './plugin';
import { Settings } from '../json/settings';

/**
 * A plugin with a configuration of type `C`, a class with `@config`. A configuration that does not fit is refused with
 * what is wrong and where.
 * @example at the top level
 * @config
 * class GreeterConfig {
 *   /** What is said. *\/
 *   @minLength(1) greeting: string = 'hello';
 * }
 *
 * class Greeter extends ConfiguredPlugin<GreeterConfig> {
 *   createFilter(): HttpFilter {
 *     return new GreeterFilter(this.config);
 *   }
 * }
 *
 * class GreeterFilter extends HttpFilter {
 *   constructor(private config: GreeterConfig) {
 *     super();
 *   }
 *
 *   onResponseHeaders(endOfStream: bool): Action {
 *     this.response.set('x-greeting', this.config.greeting);
 *     return Action.Continue;
 *   }
 * }
 */
export abstract class ConfiguredPlugin<C> extends Plugin {
  /** The configuration; before the first one is read, every setting has its initial value. */
  config: C = instantiate<C>();

  /** @internal */
  onConfigure(configuration: string): bool {
    const settings = Settings.parse(configuration);
    const config = instantiate<C>();
    // @ts-ignore: the transform adds it to every class with @config
    config.readSettings(settings);
    this.config = config;
    this.onConfigured(settings);
    return this.acceptUnless(settings.problems());
  }

  /**
   * The configuration has been read. Make of it what the exchanges need, and tell with `settings.reject` what is wrong with it.
   * It is called with a wrong configuration, too, so that one attempt reports everything; what was wrong then has its
   * initial value, or an empty one.
   * @example at the top level
   * @config
   * class AllowConfig {
   *   paths: string[] = [];
   * }
   *
   * class Allow extends ConfiguredPlugin<AllowConfig> {
   *   onConfigured(settings: Settings): void {
   *     if (this.config.paths.includes('/')) settings.reject('paths', 'must not hold /');
   *   }
   *
   *   createFilter(): HttpFilter {
   *     return new AllowFilter();
   *   }
   * }
   *
   * class AllowFilter extends HttpFilter {}
   */
  onConfigured(settings: Settings): void {}
}
