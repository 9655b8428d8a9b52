/** The smallest plugin with a configuration; its size is watched. It leaves garbage behind in every exchange. */
import { Action, ConfiguredPlugin, HttpFilter, Plugin, register } from '@sluice/plugin-sdk';

@config
class HelloConfig {
  /** What requests are greeted with. */
  greeting: string = 'hello';
}

class HelloFilter extends HttpFilter {
  constructor(private config: HelloConfig) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const agent = this.request.get('user-agent');
    if (agent !== null) this.request.set('x-hello', this.config.greeting + ' ' + agent);
    return Action.Continue;
  }
}

class Hello extends ConfiguredPlugin<HelloConfig> {
  createFilter(): HttpFilter {
    return new HelloFilter(this.config);
  }
}

register((): Plugin => new Hello());
