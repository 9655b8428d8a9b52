import type { ServiceConfig, TenantConfig } from '../config/schema-tenant.ts';
import type { EndpointList } from '../core/endpoint.ts';
import type { SeriesHandle } from '../core/metrics.ts';
import type { QuotaHandle } from '../core/quota-memory.ts';
import type { EndpointsPart, RouteEntry, TenantHead, TenantPart } from './feed.ts';

/** Characters of one part: a worker reads it in about a millisecond. An item that is longer is a part of its own. */
const PART_CHARS = 96 * 1024;

/** Texts kept for the other workers, which ask for the same at about the same time. */
const KEPT_TEXTS = 256;
const KEPT_CHARS = 16 * 1024 * 1024;

/** What of a tenant is sent: its configuration and where it counts. */
export interface TenantState {
  readonly config: TenantConfig;
  /** By route id; one handle per lane. */
  readonly series: ReadonlyMap<string, readonly SeriesHandle[]>;
  readonly unmatched: SeriesHandle;
  /** Keys of its plugin uses that want ticks. */
  readonly ticking: readonly string[];
  /** Absent: nothing bounds the tenant. */
  readonly quota?: QuotaHandle | undefined;
}

/** A configuration without what travels by itself: routes, and lists of endpoints. */
function headOf(config: TenantConfig): TenantConfig {
  const services = Object.entries(config.services).map(([name, service]): [string, ServiceConfig] => {
    const copy = { ...service };
    delete copy.static;
    return [name, copy];
  });
  return { ...config, services: Object.fromEntries(services), routes: [] };
}

/** A list as JSON in parts, each made when it is asked for. */
class ListText {
  readonly #items: readonly unknown[];
  readonly #parts: string[] = [];
  #next = 0;
  /** Characters of all parts made so far. */
  chars = 0;

  constructor(items: readonly unknown[]) {
    this.#items = items;
  }

  /** The part at this place, which is 0 or follows one that was asked for; an empty list has one. */
  part(index: number): { readonly text: string; readonly last: boolean } {
    if (index === this.#parts.length) this.#parts.push(this.#make());
    return { text: this.#parts[index]!, last: index === this.#parts.length - 1 && this.#next === this.#items.length };
  }

  #make(): string {
    const texts: string[] = [];
    let chars = 0;
    for (; this.#next < this.#items.length; this.#next++) {
      const text = JSON.stringify(this.#items[this.#next]);
      if (chars > 0 && chars + text.length > PART_CHARS) break;
      chars += text.length;
      texts.push(text);
    }
    this.chars += chars;
    return `[${texts.join(',')}]`;
  }
}

/** The states of the feed as text. Each is made once, part by part, for all workers that ask for it at about one time. */
export class FeedText {
  /** By what they are made of, the least recently used first. */
  readonly #kept = new Map<object, ListText>();

  *tenant(version: number, state: TenantState): Generator<TenantPart> {
    const { config, series, unmatched, ticking, quota } = state;
    const { tenant, routes } = config;
    const list = this.#textOf(state, () => routes.map((route): RouteEntry => [route, series.get(route.id) ?? []]));
    const whole: TenantHead = { config: headOf(config), unmatched, ticking, quota };
    for (const { text, part, last } of this.#partsOf(list)) {
      const head = part === 0 ? JSON.stringify(whole) : '';
      yield { kind: 'tenant', version, tenant, part, last, head, routes: text };
    }
  }

  *endpoints(version: number, tenant: string, service: string, list: EndpointList): Generator<EndpointsPart> {
    const { state } = list;
    for (const { text, part, last } of this.#partsOf(this.#textOf(list, () => list.endpoints))) {
      yield { kind: 'endpoints', version, tenant, service, part, last, state, endpoints: text };
    }
  }

  *#partsOf(list: ListText): Generator<{ readonly text: string; readonly part: number; readonly last: boolean }> {
    for (let part = 0, whole = false; !whole; part++) {
      const { text, last } = list.part(part);
      this.#forget();
      whole = last;
      yield { text, part, last };
    }
  }

  #textOf(source: object, itemsOf: () => readonly unknown[]): ListText {
    const known = this.#kept.get(source);
    const text = known ?? new ListText(itemsOf());
    this.#kept.delete(source);
    this.#kept.set(source, text);
    return text;
  }

  #forget(): void {
    let chars = this.#kept.values().reduce((sum, text) => sum + text.chars, 0);
    for (const [source, text] of this.#kept) {
      if (chars <= KEPT_CHARS && this.#kept.size <= KEPT_TEXTS) return;
      this.#kept.delete(source);
      chars -= text.chars;
    }
  }
}
