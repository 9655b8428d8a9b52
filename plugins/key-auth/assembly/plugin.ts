import {
  Action, ConfiguredPlugin, HeaderList, HeaderMap, HttpFilter, Plugin, Settings, register, utf8,
} from '@sluice/plugin-sdk';
import { KeyTable } from './key-table';
import { Query } from './query';

@config
class KeyEntry {
  /** What callers send. */
  @required @secret @minLength(1) key: ArrayBuffer = utf8('');
  /** Whose it is. */
  @required @headerValue @minLength(1) consumer: ArrayBuffer = utf8('');
}

@config
class KeyAuthConfig {
  /** Header that carries the key; `""`: not looked for in headers. */
  @headerName header: ArrayBuffer | null = utf8('x-api-key');
  /** Query parameter that carries the key; `""`: not looked for in the query. Off by default: URLs end up in logs and histories. */
  query: ArrayBuffer = utf8('');
  /** Header in which the upstream finds the consumer. */
  @headerName consumerHeader: ArrayBuffer = utf8('x-consumer');
  /** List of `{ key, consumer }`; `[]` refuses everyone. */
  @required keys: KeyEntry[] = [];
  /** Remove the key from header and query before the request goes on. */
  hideCredentials: bool = true;

  check(settings: Settings): void {
    const isNowhere = !this.header && !this.query.byteLength;
    if (isNowhere) settings.reject('header', 'is empty and so is query; name at least one of them');
  }
}

class KeyAuth extends ConfiguredPlugin<KeyAuthConfig> {
  keys: KeyTable = new KeyTable();

  onConfigured(settings: Settings): void {
    const keys = this.config.keys;
    for (let i = 0; i < keys.length; i++) {
      if (this.keys.add(keys[i].key, keys[i].consumer)) continue;
      settings.reject(`keys[${i}].key`, 'is the key of an earlier entry too; keys must differ');
    }
  }

  createFilter(): HttpFilter {
    return new KeyAuthFilter(this.config, this.keys);
  }
}

class KeyAuthFilter extends HttpFilter {
  constructor(private config: KeyAuthConfig, private keys: KeyTable) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const request = this.request;
    const credential = this.credential(request);
    if (!credential) return this.refuse('MISSING', 'An API key is required.');
    const consumer = this.keys.find(credential);
    if (!consumer) return this.refuse('UNKNOWN', 'The API key is not valid.');
    if (this.config.hideCredentials) this.hide(request);
    request.setBytes(this.config.consumerHeader, consumer);
    return Action.Continue;
  }

  /** The key the caller sent: the header's first value, else the query parameter. An empty one is none. */
  private credential(request: HeaderMap): ArrayBuffer | null {
    const header = this.config.header;
    let found = header ? request.getBytes(header) : null;
    const query = this.config.query;
    if (query.byteLength && (!found || found.byteLength == 0)) {
      const target = request.get(':path');
      if (target) found = new Query(target).find(query);
    }
    return found && found.byteLength ? found : null;
  }

  /** Removes the key from every place it may stand in, whichever it was taken from. */
  private hide(request: HeaderMap): void {
    const header = this.config.header;
    if (header) request.removeBytes(header);
    const query = this.config.query;
    if (!query.byteLength) return;
    const target = request.get(':path');
    if (!target) return;
    const hidden = new Query(target).without(query);
    if (hidden.length != target.length) request.set(':path', hidden);
  }

  private refuse(what: string, message: string): Action {
    const headers = new HeaderList()
      .append('content-type', 'application/json')
      .append('www-authenticate', 'Key realm="api"');
    const code = 'SLUICE_KEY_AUTH_' + what;
    return this.respond(401, headers, `{"error":{"code":"${code}","message":"${message}"}}`, code);
  }
}

register((): Plugin => new KeyAuth());
