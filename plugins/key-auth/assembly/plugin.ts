import {
  Action, HeaderList, HeaderMap, HttpFilter, Plugin, Settings, encodeHeaderName, isHeaderValue, register, utf8,
} from '@sluice/plugin-sdk';
import { KeyTable } from './key-table';
import { Query } from './query';

export * from '@sluice/plugin-sdk/exports/core';
export * from '@sluice/plugin-sdk/exports/request';

class KeyAuth extends Plugin {
  /** Null: keys are not looked for in headers. */
  header: ArrayBuffer | null = null;
  /** Null: keys are not looked for in the query. */
  query: ArrayBuffer | null = null;
  consumerHeader: ArrayBuffer = new ArrayBuffer(0);
  hideCredentials: bool = true;
  keys: KeyTable = new KeyTable();

  onConfigure(configuration: string): bool {
    const settings = Settings.parse(configuration);
    this.readPlaces(settings);
    this.readKeys(settings);
    this.hideCredentials = settings.flag('hideCredentials', true);
    return this.acceptUnless(settings.problems());
  }

  private readPlaces(settings: Settings): void {
    const header = settings.text('header', 'x-api-key');
    if (header.length) this.header = nameOf(settings, 'header', header);
    const query = settings.text('query', '');
    if (query.length) this.query = utf8(query);
    if (!header.length && !query.length) settings.reject('header', 'is empty and so is query; name at least one of them');
    const consumerHeader = nameOf(settings, 'consumerHeader', settings.text('consumerHeader', 'x-consumer'));
    if (consumerHeader) this.consumerHeader = consumerHeader;
  }

  private readKeys(settings: Settings): void {
    if (!settings.has('keys')) settings.reject('keys', 'is missing; must be a list of { key, consumer }');
    const list = settings.sections('keys');
    for (let i = 0; i < list.length; i++) {
      const key = utf8(list[i].requiredText('key'));
      const consumer = utf8(list[i].requiredText('consumer'));
      if (key.byteLength == 0) list[i].reject('key', 'is empty; must be a secret of at least one character');
      else if (!this.keys.add(key, consumer)) list[i].reject('key', 'is the key of an earlier entry too; keys must differ');
      if (consumer.byteLength == 0 || !isHeaderValue(consumer)) {
        list[i].reject('consumer', 'cannot be a header value; must be a name without line breaks');
      }
    }
  }

  createFilter(): HttpFilter {
    return new KeyAuthFilter(this);
  }
}

/** Bytes of a header name from the configuration; null after a problem was noted. */
function nameOf(settings: Settings, key: string, name: string): ArrayBuffer | null {
  const bytes = encodeHeaderName(name);
  if (!bytes) settings.reject(key, 'is no header name; must be made of letters, digits and -');
  return bytes;
}

class KeyAuthFilter extends HttpFilter {
  constructor(private plugin: KeyAuth) {
    super();
  }

  onRequestHeaders(endOfStream: bool): Action {
    const request = this.request;
    const credential = this.credential(request);
    if (!credential) return this.refuse('MISSING', 'An API key is required.');
    const consumer = this.plugin.keys.find(credential);
    if (!consumer) return this.refuse('UNKNOWN', 'The API key is not valid.');
    if (this.plugin.hideCredentials) this.hide(request);
    request.setBytes(this.plugin.consumerHeader, consumer);
    return Action.Continue;
  }

  /** The key the caller sent: the header's first value, else the query parameter. An empty one is none. */
  private credential(request: HeaderMap): ArrayBuffer | null {
    const header = this.plugin.header;
    let found = header ? request.getBytes(header) : null;
    const query = this.plugin.query;
    if (query && (!found || found.byteLength == 0)) {
      const target = request.get(':path');
      if (target) found = new Query(target).find(query);
    }
    return found && found.byteLength ? found : null;
  }

  /** Removes the key from every place it may stand in, whichever it was taken from. */
  private hide(request: HeaderMap): void {
    const header = this.plugin.header;
    if (header) request.removeBytes(header);
    const query = this.plugin.query;
    if (!query) return;
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
