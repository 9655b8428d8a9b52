import { Action, HttpFilter, Plugin, Settings, encodeHeaderName, register, utf8 } from '@sluice/plugin-sdk';

const READ = utf8('x-device-id');

/** Copies one request header to another, whose name is the setting `set`. */
class Bench extends Plugin {
  name: ArrayBuffer = utf8('x-plugin');

  onConfigure(configuration: string): bool {
    const settings = Settings.parse(configuration);
    const name = encodeHeaderName(settings.requiredText('set'));
    if (!name) settings.reject('set', 'is no header name');
    else this.name = name;
    return this.acceptUnless(settings.problems());
  }

  createFilter(): HttpFilter {
    return new BenchFilter(this);
  }
}

class BenchFilter extends HttpFilter {
  constructor(private plugin: Bench) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const value = this.request.getBytes(READ);
    if (value) this.request.setBytes(this.plugin.name, value);
    return Action.Continue;
  }
}

register((): Plugin => new Bench());
