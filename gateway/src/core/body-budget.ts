/** What one exchange may take of the bytes of bodies that its tenant may hold. */
export class BodyBudget {
  readonly #budgets: BodyBudgets;
  readonly #tenant: string;

  constructor(budgets: BodyBudgets, tenant: string) {
    this.#budgets = budgets;
    this.#tenant = tenant;
  }

  /** False: the tenant holds too much already, and nothing has changed. */
  take(bytes: number): boolean {
    return this.#budgets.take(this.#tenant, bytes);
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#budgets.give(this.#tenant, bytes);
  }
}

/** Bytes of bodies that filters hold on one worker, by tenant. A tenant that holds nothing takes no memory here. */
export class BodyBudgets {
  readonly #limitOf: (tenant: string) => number;
  readonly #byTenant = new Map<string, number>();
  #held = 0;

  /** @param limitOf most bytes a tenant may hold at a time */
  constructor(limitOf: (tenant: string) => number) {
    this.#limitOf = limitOf;
  }

  /** Bytes that all tenants hold. */
  get held(): number {
    return this.#held;
  }

  heldBy(tenant: string): number {
    return this.#byTenant.get(tenant) ?? 0;
  }

  of(tenant: string): BodyBudget {
    return new BodyBudget(this, tenant);
  }

  /** See `BodyBudget`. */
  take(tenant: string, bytes: number): boolean {
    const held = this.heldBy(tenant) + bytes;
    if (held > this.#limitOf(tenant)) return false;
    this.#byTenant.set(tenant, held);
    this.#held += bytes;
    return true;
  }

  give(tenant: string, bytes: number): void {
    const held = this.heldBy(tenant) - bytes;
    if (held > 0) this.#byTenant.set(tenant, held);
    else this.#byTenant.delete(tenant);
    this.#held -= bytes;
  }
}
