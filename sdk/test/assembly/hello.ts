/** The smallest plugin that does something; its size is watched. */
import { Action, HttpFilter, Plugin, register } from '@sluice/plugin-sdk';

class HelloFilter extends HttpFilter {
  onResponseHeaders(endOfStream: bool): Action {
    this.response.set('x-hello', 'world');
    return Action.Continue;
  }
}

class Hello extends Plugin {
  createFilter(): HttpFilter {
    return new HelloFilter();
  }
}

register((): Plugin => new Hello());
