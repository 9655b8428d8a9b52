import { Action, HttpFilter, Plugin, Settings, register } from '@sluice/plugin-sdk';
import { Rewrite } from './rewrite';

export * from '@sluice/plugin-sdk/exports/core';
export * from '@sluice/plugin-sdk/exports/request';
export * from '@sluice/plugin-sdk/exports/response';

const NOTHING = new Rewrite(Settings.parse(''));

class HeaderRewrite extends Plugin {
  request: Rewrite = NOTHING;
  response: Rewrite = NOTHING;

  onConfigure(configuration: string): bool {
    const settings = Settings.parse(configuration);
    this.request = new Rewrite(settings.section('request'));
    this.response = new Rewrite(settings.section('response'));
    return this.acceptUnless(settings.problems());
  }

  createFilter(): HttpFilter {
    return new HeaderRewriteFilter(this);
  }
}

class HeaderRewriteFilter extends HttpFilter {
  constructor(private plugin: HeaderRewrite) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    this.plugin.request.apply(this.request);
    return Action.Continue;
  }

  onResponseHeaders(endOfStream: bool): Action {
    this.plugin.response.apply(this.response);
    return Action.Continue;
  }
}

register((): Plugin => new HeaderRewrite());
