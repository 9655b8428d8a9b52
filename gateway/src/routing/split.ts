import type { RouteConfig } from '../config/schema-tenant.ts';

/** Services of a route by weight. A weight of 0 gets nothing. */
export class ServiceSplit {
  /** Names in file order, those without weight included. */
  readonly services: readonly string[];
  /** Upper bounds of the services' shares of `#total`. */
  readonly #bounds: readonly number[];
  readonly #total: number;
  /** All requests go there; null: there are several. */
  readonly #only: string | null;

  constructor(services: readonly string[], weights: readonly number[]) {
    this.services = services;
    let total = 0;
    this.#bounds = weights.map((weight) => (total += weight));
    this.#total = total;
    this.#only = services.length === 1 && total > 0 ? services[0]! : null;
  }

  /**
   * The service of one request, or null when none has a weight.
   * @param random 0 ≤ random < 1; each request its own
   */
  pick(random: number): string | null {
    if (this.#only !== null) return this.#only;
    const point = random * this.#total;
    for (let i = 0; i < this.services.length; i++) if (point < this.#bounds[i]!) return this.services[i]!;
    return null;
  }
}

/** The services of a route's `upstream`; null when the route redirects or responds. */
export function compileSplit(upstream: RouteConfig['upstream']): ServiceSplit | null {
  if (upstream === undefined) return null;
  if (upstream.service !== undefined) return new ServiceSplit([upstream.service], [1]);
  const services = upstream.services ?? [];
  return new ServiceSplit(
    services.map((entry) => entry.service),
    services.map((entry) => entry.weight),
  );
}
