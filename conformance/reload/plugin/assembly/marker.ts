import { Action, HttpFilter, Plugin } from '@sluice/plugin-sdk';

/** Says in each response which version of the plugin has seen it. Takes any configuration. */
export class Marker extends Plugin {
  constructor(readonly version: string) {
    super();
  }

  onConfigure(_configuration: string): bool {
    return true;
  }

  createFilter(): HttpFilter {
    return new MarkerFilter(this.version);
  }
}

class MarkerFilter extends HttpFilter {
  constructor(private version: string) {
    super();
  }

  onResponseHeaders(_endOfStream: bool): Action {
    this.response.set('x-version', this.version);
    return Action.Continue;
  }
}
