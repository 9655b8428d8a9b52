/** The smallest plugin with a configuration; its size is watched. It leaves garbage behind in every exchange. */
import { Action, HttpFilter, Plugin, Settings, register } from '@sluice/plugin-sdk';

export * from '@sluice/plugin-sdk/exports';

class HelloFilter extends HttpFilter {
  constructor(private plugin: Hello) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const agent = this.request.get('user-agent');
    if (agent !== null) this.request.set('x-hello', this.plugin.greeting + ' ' + agent);
    return Action.Continue;
  }
}

class Hello extends Plugin {
  greeting: string = '';

  onConfigure(configuration: string): bool {
    const settings = Settings.parse(configuration);
    this.greeting = settings.text('greeting', 'hello');
    return this.acceptUnless(settings.problems());
  }

  createFilter(): HttpFilter {
    return new HelloFilter(this);
  }
}

register((): Plugin => new Hello());
