import type { TenantsSection } from '../config/schema-tenants-section.ts';
import { quotasOf } from '../config/tenant-grants.ts';
import type { QuotaHandle } from '../core/quota-memory.ts';
import type { QuotaTable } from '../core/quota-table.ts';

/** What the operator lets each tenant use, put where the workers count it. */
export class TenantQuotas {
  readonly #table: QuotaTable;
  readonly #section: Pick<TenantsSection, 'quotas' | 'overrides'>;

  constructor(table: QuotaTable, section: Pick<TenantsSection, 'quotas' | 'overrides'>) {
    this.#table = table;
    this.#section = section;
  }

  /** For a tenant that is there now; undefined = nothing bounds it. */
  assign(tenant: string): QuotaHandle | undefined {
    const limits = quotasOf(this.#section, tenant);
    return limits === null ? undefined : this.#table.assign(tenant, limits);
  }

  /** The tenant is gone. */
  remove(tenant: string): void {
    this.#table.remove(tenant);
  }
}
