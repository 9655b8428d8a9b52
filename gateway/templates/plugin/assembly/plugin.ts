import { Action, ConfiguredPlugin, HttpFilter, Plugin, register } from '@sluice/plugin-sdk';

/** What an operator may set. Comments become descriptions in the module's manifest, values the defaults. */
@config
class MyConfig {
  /** Header that requests and responses get. */
  @headerName header: string = 'x-greeting';
  /** Its value. */
  @headerValue greeting: string = 'hello';
}

/** The plugin with one configuration. */
class MyPlugin extends ConfiguredPlugin<MyConfig> {
  createFilter(): HttpFilter {
    return new MyFilter(this.config);
  }
}

/** The plugin's part in one exchange: a request and its response. */
class MyFilter extends HttpFilter {
  constructor(private config: MyConfig) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    this.request.set(this.config.header, this.config.greeting);
    return Action.Continue;
  }

  onResponseHeaders(endOfStream: bool): Action {
    this.response.set(this.config.header, this.config.greeting);
    return Action.Continue;
  }
}

register((): Plugin => new MyPlugin());
