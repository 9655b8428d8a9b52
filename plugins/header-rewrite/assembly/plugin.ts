import { Action, ConfiguredPlugin, HttpFilter, Plugin, register } from '@sluice/plugin-sdk';
import { Rewrite } from './rewrite';

@config
class HeaderRewriteConfig {
  /** What is done to the headers of requests. */
  request: Rewrite = new Rewrite();
  /** What is done to the headers of responses. */
  response: Rewrite = new Rewrite();
}

class HeaderRewrite extends ConfiguredPlugin<HeaderRewriteConfig> {
  createFilter(): HttpFilter {
    return new HeaderRewriteFilter(this.config);
  }
}

class HeaderRewriteFilter extends HttpFilter {
  constructor(private config: HeaderRewriteConfig) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    this.config.request.apply(this.request);
    return Action.Continue;
  }

  onResponseHeaders(endOfStream: bool): Action {
    this.config.response.apply(this.response);
    return Action.Continue;
  }
}

register((): Plugin => new HeaderRewrite());
