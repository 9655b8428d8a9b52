import { LIMITS } from '../core/limits.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { HeaderMap } from '../wasm/host.ts';

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
/** Control characters; every other byte passed the parser of a request and must be writable again. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const TARGET = /^(?:\/[^\0-\x20\x7f]*|\*)$/;
const AUTHORITY = /^[^\s/?#@\\]+$/;

/** Framing and connections belong to the gateway: what a plugin says of them has no effect. */
const FRAMING = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
]);

function isFraming(name: string): boolean {
  return FRAMING.has(name);
}

/** A head as plugins see it: pseudo headers over the fields of the exchange, the rest over its list. */
abstract class HeadView implements HeaderMap {
  writable = true;
  /** Changes may lead to another route. */
  reroutes = true;
  protected readonly exchange: Exchange;
  /** Bytes this plugin may still add to the head. */
  #room: number = LIMITS.pluginMapBytes;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  protected abstract list(): HeaderList;
  protected abstract pseudoPairs(): string[];
  protected abstract getPseudo(name: string): string | undefined;
  /** False: no such pseudo header, or not such a value. */
  protected abstract setPseudo(name: string, value: string, check: boolean): boolean;
  /** A field that stands behind a pseudo header or belongs to the gateway: kept, whatever the plugin assigns. */
  protected abstract isKept(name: string): boolean;
  /** True for names that `getPseudo` and `setPseudo` answer. */
  protected abstract isPseudo(name: string): boolean;
  protected abstract get pseudoCount(): number;

  get size(): number {
    return this.list().size + this.pseudoCount;
  }

  toPairs(): string[] {
    const pairs = this.pseudoPairs();
    const list = this.list();
    for (let i = 0; i < list.size; i++) {
      const name = list.nameAt(i).toLowerCase();
      if (!this.isPseudo(name)) pairs.push(name, list.valueAt(i));
    }
    return pairs;
  }

  get(name: string): string | undefined {
    return this.isPseudo(name) ? this.getPseudo(name) : this.list().get(name);
  }

  /** The plugin writes a field; what it stands for may be what it was. */
  protected onWritten(_name: string): void {}

  add(name: string, value: string): boolean {
    if (this.isPseudo(name)) return this.#writePseudo(name, value);
    if (!this.#fits(name, value) || this.list().size >= LIMITS.pluginMapPairs) return false;
    if (isFraming(name)) return true;
    this.list().append(name, value);
    this.onWritten(name);
    return true;
  }

  replace(name: string, value: string): boolean {
    if (this.isPseudo(name)) return this.#writePseudo(name, value);
    if (!this.#fits(name, value) || this.list().size >= LIMITS.pluginMapPairs) return false;
    if (isFraming(name)) return true;
    this.list().set(name, value);
    this.onWritten(name);
    return true;
  }

  /** What stands for a pseudo header stays, as it does when an assigned set leaves it out. */
  remove(name: string): boolean {
    if (!this.isPseudo(name) && !isFraming(name) && this.list().remove(name)) this.onWritten(name);
    return true;
  }

  #writePseudo(name: string, value: string): boolean {
    if (!this.setPseudo(name, value, false)) return false;
    this.onWritten(name);
    return true;
  }

  assign(pairs: readonly string[]): boolean {
    for (let i = 0; i < pairs.length; i += 2) {
      const name = pairs[i]!;
      const value = pairs[i + 1]!;
      if (!(this.isPseudo(name) ? this.setPseudo(name, value, true) : this.#fits(name, value))) return false;
    }
    const list = this.list();
    for (let i = list.size - 1; i >= 0; i = Math.min(i, list.size) - 1) {
      const name = list.nameAt(i).toLowerCase();
      if (this.isKept(name)) continue;
      list.remove(name);
      this.onWritten(name);
    }
    for (let i = 0; i < pairs.length; i += 2) {
      const name = pairs[i]!;
      if (this.isPseudo(name)) this.setPseudo(name, pairs[i + 1]!, false);
      else if (!isFraming(name)) list.append(name, pairs[i + 1]!);
      this.onWritten(name);
    }
    return true;
  }

  #fits(name: string, value: string): boolean {
    if (!TOKEN.test(name) || CONTROL.test(value)) return false;
    const size = name.length + value.length;
    if (size > this.#room) return false;
    this.#room -= size;
    return true;
  }
}

/** `:method`, `:path`, `:authority` (alias `host`), `:scheme`, then the fields. */
export class RequestHead extends HeadView {
  protected override onWritten(name: string): void {
    const { exchange } = this;
    if (this.reroutes && exchange.routeInputs?.has(name === 'host' ? ':authority' : name) === true) {
      exchange.routeStale = true;
    }
  }

  protected list(): HeaderList {
    return this.exchange.requestHeaders;
  }

  protected get pseudoCount(): number {
    return this.exchange.requestHeaders.has('host') ? 3 : 4;
  }

  protected pseudoPairs(): string[] {
    const { method, target, authority, scheme } = this.exchange;
    return [':method', method, ':path', target, ':authority', authority, ':scheme', scheme];
  }

  protected isPseudo(name: string): boolean {
    return name.charCodeAt(0) === 0x3a || name === 'host';
  }

  protected isKept(name: string): boolean {
    return name === 'host' || isFraming(name);
  }

  protected getPseudo(name: string): string | undefined {
    switch (name) {
      case ':method':
        return this.exchange.method;
      case ':path':
        return this.exchange.target;
      case ':authority':
      case 'host':
        return this.exchange.authority;
      case ':scheme':
        return this.exchange.scheme;
      default:
        return undefined;
    }
  }

  protected setPseudo(name: string, value: string, check: boolean): boolean {
    switch (name) {
      case ':method':
        // A tunnel is not made by renaming a request.
        if (!METHOD.test(value) || value === 'CONNECT') return false;
        if (!check) this.exchange.method = value;
        return true;
      case ':path':
        if (value.length > LIMITS.requestTargetBytes || !TARGET.test(value)) return false;
        if (!check) this.exchange.target = value;
        return true;
      case ':authority':
      case 'host':
        if (value.length > 300 || CONTROL.test(value) || !AUTHORITY.test(value)) return false;
        if (!check) this.#setAuthority(value);
        return true;
      case ':scheme':
        if (value !== 'http' && value !== 'https') return false;
        if (!check) this.exchange.scheme = value;
        return true;
      default:
        return false;
    }
  }

  #setAuthority(value: string): void {
    this.exchange.authority = value;
    if (this.exchange.requestHeaders.has('host')) this.exchange.requestHeaders.set('host', value);
  }
}

/** `:status`, then the fields. Made when there is a response head. */
export class ResponseHead extends HeadView {
  protected list(): HeaderList {
    return this.exchange.responseHeaders!;
  }

  protected get pseudoCount(): number {
    return 1;
  }

  protected pseudoPairs(): string[] {
    return [':status', String(this.exchange.status)];
  }

  protected isPseudo(name: string): boolean {
    return name.charCodeAt(0) === 0x3a;
  }

  protected isKept(name: string): boolean {
    return isFraming(name);
  }

  protected getPseudo(name: string): string | undefined {
    return name === ':status' ? String(this.exchange.status) : undefined;
  }

  protected setPseudo(name: string, value: string, check: boolean): boolean {
    if (name !== ':status') return false;
    // A 101 may stay one, and nothing may become one.
    if (value === String(this.exchange.status)) return true;
    if (!/^[2-5]\d\d$/.test(value)) return false;
    if (!check) this.exchange.status = Number(value);
    return true;
  }
}

/** The trailers of a request or a response. */
export class TrailerMap extends HeadView {
  /** What it shows; never another one. */
  readonly trailers: HeaderList;

  constructor(exchange: Exchange, trailers: HeaderList) {
    super(exchange);
    this.trailers = trailers;
  }

  protected list(): HeaderList {
    return this.trailers;
  }

  protected get pseudoCount(): number {
    return 0;
  }

  protected pseudoPairs(): string[] {
    return [];
  }

  protected isPseudo(): boolean {
    return false;
  }

  protected isKept(name: string): boolean {
    return isFraming(name);
  }

  protected getPseudo(): undefined {
    return undefined;
  }

  protected setPseudo(): boolean {
    return false;
  }
}
